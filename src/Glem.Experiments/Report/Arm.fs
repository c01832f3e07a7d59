namespace Glem

/// Runs that differ in nothing but their seed: the replicates of one configuration on one data set.
type Arm = { Name: string; Runs: RunFolder list }

module Arm =
    let private settingsButSeeds run =
        RunInfo.settings run.Info
        |> List.filter (fun (path, _) -> not (path.EndsWith("seed", System.StringComparison.OrdinalIgnoreCase)))

    /// Groups runs in the order of their first; within an arm by seed. Where there are several arms, each is named by
    /// the settings in which they differ.
    let ofRuns (runs: RunFolder list) =
        let identity run = run.Info.Dataset.Name, run.Info.Dataset.Fingerprint, run.Info.Recipe, settingsButSeeds run

        let groups = runs |> List.groupBy identity
        let first (_, runs) = List.head runs

        let shared =
            groups
            |> List.map (first >> settingsButSeeds >> Set.ofList)
            |> function
                | [] -> Set.empty
                | sets -> Set.intersectMany sets

        [
            for group in groups do
                let run = first group

                let own =
                    settingsButSeeds run
                    |> List.filter (fun setting -> not (shared.Contains setting))
                    |> List.map (fun (path, value) -> $"%s{path} = %s{value}")

                {
                    Name = String.concat ", " ($"%s{run.Info.Recipe} on %s{run.Info.Dataset.Name}" :: own)
                    Runs = snd group |> List.sortBy _.Info.Seed
                }
        ]
