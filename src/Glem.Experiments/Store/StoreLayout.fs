namespace Glem

open System.IO

/// Where things stand in a store:
///   <store>/<kind>/<two digits>/<key>/                    an artifact, with its manifest.json
///   <store>/<kind>/<two digits>/<key>.<generation>.lease  who computes it
///   <store>/<kind>/<two digits>/<key>.<token>.tmp/        what the lease with that token writes
///   <store>/<kind>/<two digits>/<key>.<random>.removed/   what is being deleted
///   <store>/<kind>/<two digits>/<random>.probe            made for its time stamp, and gone at once
///   <store>/damaged/                                      artifacts that were found damaged
module StoreLayout =
    /// The folder of a stage's artifact and of what stands beside it.
    let shelf (store: string) (kind: string) (key: StageKey) = Path.Combine(store, kind, key.Text.Substring(0, 2))

    let artifact (store: string) (kind: string) (key: StageKey) = Path.Combine(shelf store kind key, key.Text)
    let manifest (artifact: string) = Path.Combine(artifact, "manifest.json")
    let damaged (store: string) = Path.Combine(store, StageSpec.damaged)

    // None of a folder that is not there yet.
    let private folders (folder: string) =
        if Directory.Exists folder then
            Directory.GetDirectories folder
            |> Array.map (Path.GetFileName >> string)
            |> Array.sort
            |> List.ofArray
        else
            []

    /// The kinds of stages that there are folders for.
    let kinds (store: string) = folders store |> List.filter StageSpec.isKind

    /// Every shelf, with its kind.
    let shelves (store: string) : (string * string) list = [
        for kind in kinds store do
            for digits in folders (Path.Combine(store, kind)) do
                kind, Path.Combine(store, kind, digits)
    ]

    /// Kind and key of everything that stands in an artifact's place.
    let artifacts (store: string) : (string * StageKey) list = [
        for kind, shelf in shelves store do
            for key in folders shelf |> List.choose StageKey.ofText do
                kind, key
    ]

    /// Kind and key of every stage that has a lease, or anything else but its artifact.
    let attended (store: string) : (string * StageKey) list =
        [
            for kind, shelf in shelves store do
                for entry in Directory.GetFileSystemEntries(shelf, "*.*") do
                    match StageKey.ofText ((string (Path.GetFileName entry)).Split('.')[0]) with
                    | Some key -> kind, key
                    | None -> ()
        ]
        |> List.distinct

    /// What was made for its time stamp, on every shelf.
    let probes (store: string) : string list = [
        for _, shelf in shelves store do
            yield! Directory.GetFiles(shelf, "*.probe")
    ]

    /// Whether anything stands beside a stage's place: a lease, or what writers and removers have made.
    let isAttended (shelf: string) (key: StageKey) =
        Directory.EnumerateFileSystemEntries(shelf, $"%s{key.Text}.*") |> Seq.isEmpty |> not

    /// What writers and removers have made of a stage, finished or not.
    let besides (shelf: string) (key: StageKey) : string list = [
        for ending in [ "tmp"; "removed" ] do
            yield! Directory.GetDirectories(shelf, $"%s{key.Text}.*.%s{ending}")
    ]
