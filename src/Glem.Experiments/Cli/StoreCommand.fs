namespace Glem

open System
open System.Globalization
open System.IO
open Argu

/// glem store list | show | verify | gc.
module StoreCommand =
    let private timeToLive = Lease.usualTimeToLive

    /// The store's folder, which must be there: a command that looks at a store makes none.
    let private existing given =
        let folder = StoreFolder.path given

        if Directory.Exists folder then
            Ok folder
        else
            Error(InFile(folder, "", "no such folder", "a store: --store DIR, or the variable GLEM_STORE"))

    let private number format (value: float) = value.ToString(format, CultureInfo.InvariantCulture)

    let private size (bytes: int64) =
        if bytes >= 1_000_000_000L then $"""%s{number "N1" (float bytes / 1e9)} GB"""
        elif bytes >= 1_000_000L then $"""%s{number "N1" (float bytes / 1e6)} MB"""
        elif bytes >= 1_000L then $"""%s{number "N1" (float bytes / 1e3)} kB"""
        else $"%d{bytes} B"

    let private duration (seconds: float) =
        if seconds >= 5400.0 then $"""%s{number "N1" (seconds / 3600.0)} h"""
        elif seconds >= 90.0 then $"""%s{number "N1" (seconds / 60.0)} min"""
        else $"""%s{number "N1" seconds} s"""

    let private day (time: DateTime) = time.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC"

    let private manifests folder = Store.Open folder |> Result.map _.Manifests

    let private list (options: ParseResults<ListStoreArguments>) =
        existing (options.TryGetResult ListStoreArguments.Store)
        |> Result.bind (fun folder ->
            manifests folder
            |> Result.map (fun manifests ->
                let kind = options.TryGetResult ListStoreArguments.Kind
                let isAsked (manifest: Manifest) = kind |> Option.forall ((=) manifest.Kind)

                let asked =
                    manifests |> List.filter isAsked |> List.sortBy (fun manifest -> manifest.Kind, manifest.Started)

                if options.Contains ListStoreArguments.Json then
                    asked
                    |> Seq.map Manifest.toJson
                    |> Json.array
                    |> Option.iter (Json.document >> _.TrimEnd() >> Console.line)
                else
                    Console.columns [
                        yield [ "key"; "kind"; "name"; "size"; "took"; "read last" ]

                        for manifest in asked ->
                            [
                                manifest.Key.Short
                                manifest.Kind
                                manifest.Name
                                size manifest.Bytes
                                duration manifest.Seconds
                                day (StoreCollection.lastUse folder manifest)
                            ]
                    ]

                    let bytes = asked |> List.sumBy _.Bytes
                    let seconds = asked |> List.sumBy _.Seconds
                    Console.line ""
                    Console.line $"%d{asked.Length} stages, %s{size bytes}; computing them took %s{duration seconds}"))

    let private find (digits: string) (manifests: Manifest list) =
        match
            manifests
            |> List.filter (fun manifest -> manifest.Key.Text.StartsWith(digits, StringComparison.Ordinal))
        with
        | [ manifest ] -> Ok manifest
        | [] -> Error(InValue("key", digits, "the first digits of a stage's key (glem store list)"))
        | several ->
            let keys = several |> List.truncate 5 |> List.map _.Key.Short |> String.concat ", "
            Error(InValue("key", digits, $"more digits: %d{several.Length} keys begin so, among them %s{keys}"))

    let private show (options: ParseResults<ShowStoreArguments>) =
        let describe folder (all: Manifest list) (manifest: Manifest) =
            let named (key: StageKey) =
                match all |> List.tryFind (fun other -> other.Key = key) with
                | Some input -> $"%s{key.Text}  %s{input.Name}"
                | None -> $"%s{key.Text}  not in this store"

            let commit =
                manifest.Commit |> Option.map (fun commit -> $", commit %s{commit}") |> Option.defaultValue ""

            Console.columns [
                yield [ "key"; manifest.Key.Text ]
                yield [ "kind"; manifest.Kind ]
                yield [ "name"; manifest.Name ]
                yield [ "folder"; StoreLayout.artifact folder manifest.Kind manifest.Key ]
                yield [ "took"; duration manifest.Seconds ]

                match manifest.PeakMemoryMb with
                | Some memory -> yield [ "peak memory"; $"""%s{number "N0" memory} MiB""" ]
                | None -> ()

                yield [ "started"; day manifest.Started.UtcDateTime ]
                yield [ "read last"; day (StoreCollection.lastUse folder manifest) ]
                yield [ "machine"; manifest.Machine ]
                yield [ "glem"; manifest.Glem + commit ]

                for input in manifest.Inputs do
                    yield [ "input"; named input ]

                for file in manifest.Files do
                    yield [ "file"; $"%s{file.Path}  %s{size file.Length}  %s{file.Sha256}" ]
            ]

            Console.heading "configuration"
            Console.line ((Json.document manifest.Configuration).TrimEnd())

        existing (options.TryGetResult ShowStoreArguments.Store)
        |> Result.bind (fun folder ->
            manifests folder
            |> Result.bind (fun all ->
                find (options.GetResult ShowStoreArguments.Key) all |> Result.map (describe folder all)))

    /// Raises where something is damaged.
    let private verify (options: ParseResults<VerifyStoreArguments>) =
        existing (options.TryGetResult VerifyStoreArguments.Store)
        |> Result.map (fun folder ->
            let count, damage =
                StoreVerification.run folder timeToLive (options.Contains VerifyStoreArguments.Repair)

            for found in damage do
                let moved =
                    found.MovedTo |> Option.map (fun target -> $"; moved to %s{target}") |> Option.defaultValue ""

                Console.line $"%s{found.Kind} %s{found.Key.Text}: %s{found.What}%s{moved}"

            if not damage.IsEmpty then
                failwith $"%d{damage.Length} of %d{count} stages are damaged"

            Console.line $"%d{count} stages, all as they were written")

    let private limit name (value: float option) =
        match value with
        | Some value when not (value >= 0.0 && Double.IsFinite value) ->
            Error(InSetting(name, string value, "a number from 0"))
        | other -> Ok other

    let private collect (options: ParseResults<CollectStoreArguments>) =
        let days = options.TryGetResult CollectStoreArguments.Older_Than |> limit "--older-than"
        let gigabytes = options.TryGetResult CollectStoreArguments.Keep_Gb |> limit "--keep-gb"

        match existing (options.TryGetResult CollectStoreArguments.Store), days, gigabytes with
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error
        | Ok folder, Ok days, Ok gigabytes ->
            let limits: StoreLimits = {
                OlderThan = days |> Option.map (min 36500.0 >> TimeSpan.FromDays)
                KeepBytes = gigabytes |> Option.map (fun value -> int64 (min value 1e9 * 1e9))
            }

            let isDry = options.Contains CollectStoreArguments.Dry_Run
            let collected = StoreCollection.run folder timeToLive isDry limits

            for manifest in collected.Artifacts do
                Console.line $"%s{manifest.Key.Short}  %s{manifest.Kind}  %s{manifest.Name}  %s{size manifest.Bytes}"

            for leftover in collected.Leftovers do
                Console.line (Path.GetRelativePath(folder, leftover))

            let verb = if isDry then "would be removed" else "removed"

            let what = $"%d{collected.Artifacts.Length} stages and %d{collected.Leftovers.Length} leftovers"
            Console.line $"%s{what} %s{verb}, %s{size collected.Bytes}; %s{size collected.Kept} stay"

            Ok()

    /// Error: no such store, no such key, a limit that is none. Raises where verify finds damage.
    let run (options: ParseResults<StoreArguments>) =
        match options.GetSubCommand() with
        | StoreArguments.List options -> list options
        | StoreArguments.Show options -> show options
        | StoreArguments.Verify options -> verify options
        | StoreArguments.Gc options -> collect options
