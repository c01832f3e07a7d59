namespace Glem

open System.Text.Json
open System.Text.Json.Nodes

/// A Hugging Face config.json under reading; `File` is named in errors.
type ConfigFile = { File: string; Json: JsonObject }

/// Reads config.json key by key. Every function raises a GlemException that names the key, what it holds and what is
/// supported.
module ConfigFile =
    // A config that lies must not make us allocate.
    let private mostLayers = 1_000
    let private largest = 100_000_000

    let refuse (config: ConfigFile) (key: string) found expected : 'a =
        raise (GlemException(InFile(config.File, $"key '%s{key}'", found, expected)))

    /// Raises where the text is not a JSON object.
    let parse (file: string) (text: string) : ConfigFile =
        try
            match JsonNode.Parse text with
            | :? JsonObject as json -> { File = file; Json = json }
            | _ -> raise (GlemException(InFile(file, "", "something else", "a JSON object")))
        with
        | :? JsonException as problem -> raise (GlemException(InFile(file, "", problem.Message, "JSON")))
        // A key that occurs twice shows at the first look-up.
        | :? System.ArgumentException as problem -> raise (GlemException(InFile(file, "", problem.Message, "JSON")))

    /// The key's value; null counts as absent.
    let find (config: ConfigFile) (key: string) : JsonNode option =
        try
            config.Json[key] |> Option.ofObj
        with :? System.ArgumentException as problem ->
            raise (GlemException(InFile(config.File, "", problem.Message, "JSON")))

    let private shown (node: JsonNode) =
        let text = node.ToJsonString()
        if text.Length <= 60 then text else text.Substring(0, 60) + "…"

    let private wholeNumber config (key: string) (node: JsonNode) =
        match System.Int32.TryParse(node.ToJsonString()) with
        | true, number -> number
        | _ -> refuse config key (shown node) "a whole number"

    let intOr fallback config key =
        match find config key with
        | Some node -> wholeNumber config key node
        | None -> fallback

    /// A size: from 1 on.
    let size config key =
        match find config key with
        | None -> refuse config key "nothing" "a whole number"
        | Some node ->
            match wholeNumber config key node with
            | number when number >= 1 && number <= largest -> number
            | number -> refuse config key (string number) $"a whole number from 1 to %d{largest}"

    let layers config key =
        let number = size config key

        if number <= mostLayers then
            number
        else
            refuse config key (string number) $"at most %d{mostLayers} layers"

    let floatOr fallback config key =
        match find config key with
        | Some node when node.GetValueKind() = JsonValueKind.Number -> node.GetValue<float>()
        | Some node -> refuse config key (shown node) "a number"
        | None -> fallback

    /// A share that dropout drops.
    let rate fallback config key =
        let share = floatOr fallback config key

        if share >= 0.0 && share < 1.0 then
            share
        else
            refuse config key (string share) "a share in [0, 1)"

    let flagOr fallback config key =
        match find config key with
        | Some node when node.GetValueKind() = JsonValueKind.True -> true
        | Some node when node.GetValueKind() = JsonValueKind.False -> false
        | Some node -> refuse config key (shown node) "true or false"
        | None -> fallback

    let textOr fallback config key =
        match find config key with
        | Some node when node.GetValueKind() = JsonValueKind.String -> node.GetValue<string>()
        | Some node -> refuse config key (shown node) "a string"
        | None -> fallback

    /// Refuses any value but this one (by its text, "true" or "gelu"); absent is fine.
    let only config key (expected: string) =
        match find config key with
        | Some node when node.ToString().ToLowerInvariant() <> expected -> refuse config key (node.ToString()) expected
        | _ -> ()

    let activation fallback config key =
        let name = textOr fallback config key

        match Activation.tryParse name with
        | Some activation -> activation
        | None -> refuse config key name $"one of %s{Activation.supported}"

    /// Hidden size d, from its key, and heads, which must divide it.
    let widthAndHeads config widthKey headsKey =
        let width, heads = size config widthKey, size config headsKey

        if width % heads <> 0 then
            refuse config headsKey (string heads) $"a divisor of %s{widthKey} %d{width}"

        width, heads
