namespace Glem.Neural.Tests

open System.IO
open System.Text.Json.Nodes
open Glem

/// Folders like those that Hugging Face's library saves, made of golden files.
module ModelFolder =
    let golden (path: string) = SharedFiles.file $"fixtures/encoders/%s{path}"

    let place (folder: TemporaryFolder) (from: string) (name: string) = File.Copy(golden from, folder.File name)

    /// A folder of the golden BERT's config.json, its keys changed by `edit`, and one golden file under the name of weights.
    let make (edit: JsonObject -> unit) (from: string) (name: string) =
        let folder = new TemporaryFolder()
        let config = (JsonNode.Parse(File.ReadAllText(golden "bert/config.json")) |> nonNull).AsObject()
        edit config
        File.WriteAllText(folder.File "config.json", config.ToJsonString())
        place folder from name
        folder

    let load (folder: TemporaryFolder) = PretrainedModel.load (folder.File "")
