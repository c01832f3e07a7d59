namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Glem.Torch.Extensions

/// The weights of a Hugging Face folder, open but not read: all shards together. Holds files open until it is disposed of.
type WeightsFolder = {
    /// The file that names the weights: the only one, or the shards' index.
    Path: string
    Tensors: StoredTensor list
    Files: IDisposable list
} with

    interface IDisposable with
        member this.Dispose() =
            for file in this.Files do
                file.Dispose()

/// Finds a folder's weights where Hugging Face puts them: model.safetensors or pytorch_model.bin, whole or in shards that an
/// index lists.
module WeightsFolder =
    let private safetensors (path: string) : StoredTensor list * IDisposable =
        let file = new SafetensorsFile(path)

        [
            for name in file.Names ->
                {
                    Name = name
                    Shape = file.Shape name
                    Type = file.Type name
                    Read = fun () -> file.ReadFloats name
                }
        ],
        file

    let private openFile (path: string) =
        if path.EndsWith(".safetensors", StringComparison.Ordinal) then
            safetensors path
        else
            TorchFile.openFile path

    let private refuse file place found expected : 'a = raise (GlemException(InFile(file, place, found, expected)))

    /// The shards that an index lists, each with the tensors that it must have.
    let private shards (index: string) : (string * string list) list =
        let map =
            match JsonNode.Parse(File.ReadAllText index) with
            | :? JsonObject as json ->
                match json["weight_map"] with
                | :? JsonObject as map -> map
                | _ -> refuse index "key 'weight_map'" "nothing" "a file for each tensor"
            | _ -> refuse index "" "something else" "a JSON object"

        [
            for pair in map ->
                match pair.Value with
                | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String ->
                    let file = value.GetValue<string>()

                    // A shard lies beside its index, and nowhere else.
                    if file.IndexOfAny [| '/'; '\\' |] >= 0 || file = "" || file = ".." then
                        refuse index $"key 'weight_map.%s{pair.Key}'" file "a file's name"

                    file, pair.Key
                | _ -> refuse index $"key 'weight_map.%s{pair.Key}'" "no text" "a file's name"
        ]
        |> List.groupBy fst
        |> List.map (fun (file, entries) -> file, List.map snd entries)

    let private openShards (folder: string) (index: string) =
        let files = ResizeArray<IDisposable>()

        try
            let tensors = [
                for file, names in shards index do
                    let path = Path.Combine(folder, file)

                    if not (File.Exists path) then
                        refuse
                            index
                            "key 'weight_map'"
                            $"the shard %s{file}, which is not there"
                            "every shard beside its index"

                    let tensors, opened = openFile path
                    files.Add opened
                    let there = tensors |> Seq.map _.Name |> HashSet

                    for name in names do
                        if not (there.Contains name) then
                            refuse
                                path
                                $"tensor '%s{name}'"
                                "nothing"
                                $"it, as %s{Path.GetFileName index |> string} says"

                    yield! tensors
            ]

            tensors, List.ofSeq files
        with _ ->
            files |> Seq.iter _.Dispose()
            reraise ()

    /// Files of weights in the order in which they are looked for.
    let private candidates = [
        "model.safetensors"
        "model.safetensors.index.json"
        "pytorch_model.bin"
        "pytorch_model.bin.index.json"
    ]

    /// Opens the folder's weights. Error: no such file, or what in it is not a dictionary of tensors.
    let openFolder (folder: string) : Result<WeightsFolder, GlemError> =
        let among = String.concat ", " candidates

        match candidates |> List.tryFind (fun name -> File.Exists(Path.Combine(folder, name))) with
        | None -> Error(InFile(folder, "", "no file of weights", $"one of %s{among}"))
        | Some name ->
            let path = Path.Combine(folder, name)

            try
                let tensors, files =
                    if name.EndsWith(".json", StringComparison.Ordinal) then
                        openShards folder path
                    else
                        let tensors, file = openFile path
                        tensors, [ file ]

                Ok {
                    Path = path
                    Tensors = tensors
                    Files = files
                }
            with
            | GlemException error -> Error error
            | :? JsonException as problem -> Error(InFile(path, "", problem.Message, "JSON"))
            // Its message names the file.
            | :? InvalidDataException as problem -> Error(InValue("weights", problem.Message, "a file of tensors"))
            | :? IOException as problem -> Error(InFile(path, "", problem.Message, "a file that can be read"))
