namespace Glem

open System
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Text.RegularExpressions

/// A stage to be computed: a pure function of its kind, its configuration and the stages that it reads.
type StageSpec = {
    /// A word, and a folder's name: "lm", "e-step".
    Kind: string
    /// For people: "E-step 2". Not in the key.
    Name: string
    /// Whatever decides the result, the seed among it.
    Configuration: JsonNode
    Inputs: StageKey list
    Key: StageKey
}

module StageSpec =
    /// Stands in every key, so that what another format wrote is never looked for.
    let internal format = 1

    /// The store's own folder among the kinds.
    let internal damaged = "damaged"

    let internal isKind (kind: string) = Regex.IsMatch(kind, "^[a-z][a-z0-9-]{0,63}$") && kind <> damaged

    /// The key. Its preimage is one JSON array in canonical form, which parses back to the kind, the configuration and the
    /// inputs in their order: two stages that differ in one of them have different preimages.
    let internal key (kind: string) (configuration: JsonNode) (inputs: StageKey list) =
        let preimage =
            JsonArray(
                JsonValue.Create "glem stage",
                JsonValue.Create format,
                JsonValue.Create kind,
                configuration.DeepClone(),
                JsonArray(
                    inputs |> Seq.map (fun input -> JsonValue.Create input.Text :> JsonNode | null) |> Array.ofSeq
                )
            )

        CanonicalJson.bytes preimage |> SHA256.HashData |> StageKey.ofHash

    /// A stage and its key.
    ///   kind : lower-case letters, digits and hyphens, at most 64, a letter first
    /// Raises ArgumentException where the kind is none, and as CanonicalJson.bytes does.
    let create (kind: string) (name: string) (configuration: JsonNode) (inputs: StageKey list) : StageSpec =
        if not (isKind kind) then
            raise (ArgumentException($"'%s{kind}' is no kind of stage", nameof kind))

        // A copy: whoever changes the node later does not change the stage.
        let configuration = configuration.DeepClone()

        {
            Kind = kind
            Name = name
            Configuration = configuration
            Inputs = inputs
            Key = key kind configuration inputs
        }
