namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes

/// An experiment that was started again as another one.
type Deviation = {
    /// UTC.
    Time: string
    /// Of the canonical JSON that held from then on.
    Sha256: string
    /// "path: before, now after".
    Changes: string list
}

/// What an experiment said before its first result, and what it said otherwise later.
///   experiment.json         the canonical JSON as it was first
///   preregistration.json    its SHA-256, when, and which version of Glem
///   deviations.jsonl        a line for each time that it was started as another one
///   experiment-<sum>.json   the canonical JSON from then on
module Preregistration =
    let private first out = Path.Combine(out, "experiment.json")
    let private stamp out = Path.Combine(out, "preregistration.json")
    let private log out = Path.Combine(out, "deviations.jsonl")
    let private later out (sum: string) = Path.Combine(out, $"experiment-%s{sum.Substring(0, 12)}.json")

    /// SHA-256 of a text in UTF-8, in lower case hexadecimal digits.
    let private sum (text: string) = Encoding.UTF8.GetBytes text |> SHA256.HashData |> Convert.ToHexStringLower
    let private now () = DateTime.UtcNow.ToString "yyyy-MM-dd'T'HH:mm:ss'Z'"

    let rec private leaves path (node: JsonNode | null) : (string * string) list =
        let inside (name: string) = if path = "" then name else $"%s{path}.%s{name}"

        match node with
        | :? JsonObject as json -> [
            for pair in json do
                yield! leaves (inside pair.Key) pair.Value
          ]
        // A list of numbers or words is one thing to read; so is one of one, which stands bare.
        | :? JsonArray as items when items |> Seq.exists (fun item -> item :? JsonObject) -> [
            for i, item in Seq.indexed items do
                yield! leaves (inside (string i)) item
          ]
        | null -> [ path, "null" ]
        | value -> [ path, value.ToJsonString() ]

    /// The places in which two canonical texts differ.
    let private changes (before: string) (after: string) = [
        let before, after = JsonNode.Parse before |> leaves "", JsonNode.Parse after |> leaves ""
        let old, current = Map before, Map after

        for path in before @ after |> List.map fst |> List.distinct do
            let say (values: Map<string, string>) = values |> Map.tryFind path |> Option.defaultValue "nothing"

            if say old <> say current then
                $"%s{path}: %s{say old}, now %s{say current}"
    ]

    let private toLine (deviation: Deviation) =
        Json.object [
            "time", Json.text deviation.Time
            "sha256", Json.text deviation.Sha256
            "changes", deviation.Changes |> Seq.choose Json.text |> Json.array
        ]
        |> Json.line

    let private ofLine file number =
        Json.read file $"line %d{number}" (fun at -> {
            Time = at |> Json.field "time" |> Json.asText
            Sha256 = at |> Json.field "sha256" |> Json.asText
            Changes = at |> Json.field "changes" |> Json.items |> List.map Json.asText
        })

    /// What was said otherwise so far, in order.
    let deviations (out: string) : Result<Deviation list, GlemError> =
        if File.Exists(log out) then
            LineLog.read ofLine (log out) |> Result.map fst
        else
            Ok []

    /// Whether a folder is a grid's.
    let isOf (out: string) = File.Exists(stamp out)

    /// The file that holds what is run: the registration, or the last deviation from it.
    let file (out: string) : Result<string, GlemError> =
        deviations out
        |> Result.map (fun deviations ->
            match List.tryLast deviations with
            | Some last -> later out last.Sha256
            | None -> first out)

    let private begin' out text =
        RunFile.write (first out) text
        |> Result.bind (fun () ->
            Json.object [
                "sha256", Json.text (sum text)
                "time", Json.text (now ())
                "versions", Some(RunInfo.versionsJson (RunRecord.versions ()))
            ]
            |> Json.document
            |> RunFile.write (stamp out))
        |> Result.map (fun () -> first out)

    let private deviate out text before =
        let deviation = {
            Time = now ()
            Sha256 = sum text
            Changes = changes before text
        }

        RunFile.write (later out deviation.Sha256) text
        |> Result.bind (fun () -> LineLog<Deviation>.Open(log out, toLine))
        |> Result.map (fun log ->
            use log = log
            log.Append deviation
            later out deviation.Sha256)

    /// Writes down what is to be run, before it is: the first time as the registration, later as a deviation where it says
    /// something else than the last time. Gives the file that holds it.
    let register (out: string) (experiment: Experiment) : Result<string, GlemError> =
        let text = ExperimentJson.write experiment

        if not (isOf out) then
            begin' out text
        else
            file out
            |> Result.bind (fun holds ->
                RunFile.read holds
                |> Result.bind (fun before -> if before = text then Ok holds else deviate out text before))
