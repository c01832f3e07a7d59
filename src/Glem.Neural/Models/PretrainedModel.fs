namespace Glem

open System
open System.Collections.Generic
open System.IO
open Glem.Torch.Extensions

/// Which of a folder's tensors became the encoder's weights.
type TensorUse = {
    /// Names in the file, of the weights that the encoder took.
    Used: string list
    /// Names of what is not the encoder's: heads, poolers, buffers.
    Ignored: string list
    /// Names inside the encoder that its config.json has no place for, such as a thirteenth layer.
    Unexpected: string list
}

/// An encoder that somebody trained.
type PretrainedModel = {
    Folder: string
    Encoder: Encoder
    /// By Hugging Face's names with the family's prefix.
    Weights: Weights
    Tensors: TensorUse
}

/// Encoders from folders that Hugging Face's transformers saved: config.json and a file of weights.
module PretrainedModel =
    /// Names in an error's list.
    let private mostNames = 4

    let private list (names: string list) =
        let some = names |> List.truncate mostNames |> String.concat ", "

        if names.Length > mostNames then
            $"%s{some} and %d{names.Length - mostNames} more"
        else
            some

    let private shown (shape: int64 seq) = "[" + String.Join("; ", shape) + "]"

    /// A stored name as it is called today, without prefix; None for what is outside the encoder.
    let private today (prefix: string) isPrefixed (name: string) =
        let renamed =
            if name.EndsWith(".gamma", StringComparison.Ordinal) then
                name.Substring(0, name.Length - 5) + "weight"
            elif name.EndsWith(".beta", StringComparison.Ordinal) then
                name.Substring(0, name.Length - 4) + "bias"
            else
                name

        if not isPrefixed then
            Some renamed
        elif renamed.StartsWith(prefix, StringComparison.Ordinal) then
            Some(renamed.Substring prefix.Length)
        else
            None

    /// Matches stored tensors to the encoder's weights: by today's name, what is stored; and what became of the rest.
    let private matchUp
        encoder
        (path: string)
        (tensors: StoredTensor list)
        : IReadOnlyDictionary<string, StoredTensor> * TensorUse =
        let prefix = Encoder.prefix encoder
        let isPrefixed = tensors |> List.exists _.Name.StartsWith(prefix, StringComparison.Ordinal)
        let specs = Encoder.specs encoder
        let own = specs |> Seq.map _.Name |> HashSet
        let root (name: string) = name.Split('.')[0]
        let roots = own |> Seq.map root |> HashSet
        let isBuffer (name: string) = name.EndsWith("position_ids", StringComparison.Ordinal)
        let found = Dictionary<string, StoredTensor>()
        let ignored, unexpected = ResizeArray<string>(), ResizeArray<string>()

        for tensor in tensors do
            match today prefix isPrefixed tensor.Name with
            | Some name when own.Contains name ->
                if not (found.TryAdd(name, tensor)) then
                    raise (
                        GlemException(
                            InFile(
                                path,
                                $"tensor '%s{tensor.Name}'",
                                $"%s{found[name].Name} for the same weight",
                                "one of the two"
                            )
                        )
                    )
            | Some name when roots.Contains(root name) && not (isBuffer name) -> unexpected.Add tensor.Name
            | _ -> ignored.Add tensor.Name

        let missing = specs |> List.filter (fun spec -> not (found.ContainsKey spec.Name)) |> List.map _.Name

        let misfits = [
            for spec in specs do
                match found.TryGetValue spec.Name with
                | true, tensor when FloatElements.Size tensor.Type = 0 -> $"%s{tensor.Name} of type %A{tensor.Type}"
                | true, tensor when List.toSeq spec.Shape |> Seq.toArray <> tensor.Shape ->
                    $"%s{tensor.Name} %s{shown tensor.Shape} for %s{shown spec.Shape}"
                | _ -> ()
        ]

        let complaints = [
            if not missing.IsEmpty then
                $"%d{missing.Length} missing (%s{list missing})"

            if not misfits.IsEmpty then
                $"%d{misfits.Length} of another shape or type (%s{list misfits})"

            if unexpected.Count > 0 then
                $"%d{unexpected.Count} unexpected (%s{list (List.ofSeq unexpected)})"
        ]

        if not (missing.IsEmpty && misfits.IsEmpty) then
            let found = "tensors: " + String.concat "; " complaints

            raise (
                GlemException(
                    InFile(
                        path,
                        "",
                        found,
                        $"the %d{specs.Length} weights of the %s{Encoder.family encoder} that config.json describes"
                    )
                )
            )

        found,
        {
            Used = specs |> List.map (fun spec -> found[spec.Name].Name)
            Ignored = List.ofSeq ignored
            Unexpected = List.ofSeq unexpected
        }

    /// Whether a folder holds a model at all: it has a config.json.
    let isFolder (folder: string) = File.Exists(Path.Combine(BundledModel.folderOf folder, "config.json"))

    /// The encoder that the folder's config.json describes. Error: no such file, or a key that it holds, with what is supported.
    let config (folder: string) : Result<Encoder, GlemError> =
        let path = Path.Combine(folder, "config.json")

        if not (Directory.Exists folder) then
            Error(InFile(folder, "", "no folder", "a Hugging Face folder: config.json and its weights"))
        elif not (File.Exists path) then
            Error(InFile(folder, "", "no config.json", "a Hugging Face folder: config.json and its weights"))
        else
            try
                Encoder.ofJson path (File.ReadAllText path)
            with :? IOException as problem ->
                Error(InFile(path, "", problem.Message, "a file that can be read"))

    /// Reads a folder: config.json; and model.safetensors or pytorch_model.bin, whole or in shards, in any float type. Every tensor
    /// is checked before one is read. Error: a config.json or a file of weights that is refused, and in one line all weights that are
    /// missing or of another shape.
    let load (nameOrFolder: string) : Result<PretrainedModel, GlemError> =
        let folder = BundledModel.folderOf nameOrFolder

        match config folder with
        | Error error -> Error error
        | Ok encoder ->
            match WeightsFolder.openFolder folder with
            | Error error -> Error error
            | Ok opened ->
                use stored = opened

                try
                    let found, uses = matchUp encoder stored.Path stored.Tensors
                    let prefix = Encoder.prefix encoder
                    let weights = Dictionary<string, Weight>()

                    for spec in Encoder.specs encoder do
                        let tensor = found[spec.Name]

                        weights.Add(
                            prefix + spec.Name,
                            {
                                Shape = tensor.Shape
                                Values = tensor.Read()
                            }
                        )

                    Ok {
                        Folder = folder
                        Encoder = encoder
                        Weights = weights
                        Tensors = uses
                    }
                with
                | GlemException error -> Error error
                | :? InvalidDataException as problem -> Error(InValue("weights", problem.Message, "a file of tensors"))
                | :? IOException as problem ->
                    Error(InFile(stored.Path, "", problem.Message, "a file that can be read"))
