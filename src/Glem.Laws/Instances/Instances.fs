namespace Glem.Laws

/// What the engine's laws run over.
module Instances =
    let all = [
        Tables.instance
        ExactTables.meanField
        ExactTables.joint
        Networks.gmnn
        Networks.twoGnns
        Networks.lmAndGnn
    ]

    /// Those whose steps weigh pseudo labels against gold ones.
    let withMix = all |> List.filter _.HasMix

    /// Those whose steps draw from their keys.
    let random = all |> List.filter _.IsRandom

    /// Those whose every number follows from the names of nodes alone, up to rounding. A mean field's fixed point depends on
    /// the order in which nodes are visited.
    let equivariant = all |> List.filter (fun instance -> instance.Name <> ExactTables.meanField.Name)
