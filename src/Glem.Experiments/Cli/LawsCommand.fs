namespace Glem

open System
open System.Diagnostics
open System.IO
open Argu
open Glem.Laws

/// glem laws.
module LawsCommand =
    let private matches (text: string) (law: Law) =
        [ law.Name; law.Statement; law.Source; law.Guards ]
        |> List.exists _.Contains(text, StringComparison.OrdinalIgnoreCase)

    /// The chapters with the laws that hold the text; a chapter without any is left out.
    let private chosen only =
        Specification.chapters
        |> List.map (fun chapter -> {
            chapter with
                Laws = chapter.Laws |> List.filter (matches only)
        })
        |> List.filter (fun chapter -> not chapter.Laws.IsEmpty)

    /// Whether the law held. Says so in a line, and where it did not, on what.
    let private check effort (law: Law) =
        let clock = Stopwatch.StartNew()
        let verdicts = law.Cases |> List.map (fun case -> case.Instance, case.Try effort)

        let cases =
            verdicts
            |> List.sumBy (fun (_, verdict) ->
                match verdict with
                | Holds cases -> cases
                | Broken _ -> 0)

        let broken = [
            for instance, verdict in verdicts do
                match verdict with
                | Holds _ -> ()
                | Broken counterExample -> instance, counterExample
        ]

        let mark = if broken.IsEmpty then "ok    " else "FAILED"
        Console.line $"  %s{mark}  %s{law.Name}  (%d{cases} cases, %.1f{clock.Elapsed.TotalSeconds} s)"

        let say (text: string) = Console.line ("          " + text.Replace("\n", "\n          "))

        for instance, counterExample in broken do
            say $"on %s{instance}, %s{counterExample}"
            say $"law: %s{law.Statement}"
            say $"guards against: %s{law.Guards}"

        broken.IsEmpty

    let private checkAll effort only =
        Specification.prepare ()
        let chapters = chosen only

        if chapters.IsEmpty then
            Error(InSetting("--only", only, "a text that some law holds"))
        else
            let clock = Stopwatch.StartNew()

            let held = [
                for chapter in chapters do
                    Console.heading chapter.Title

                    for law in chapter.Laws do
                        check effort law
            ]

            let failed = held |> List.filter not |> List.length
            Console.line ""
            Console.line $"%d{held.Length - failed} laws hold, %d{failed} failed, %.0f{clock.Elapsed.TotalSeconds} s"

            if failed > 0 then
                failwith $"%d{failed} of %d{held.Length} laws failed"

            Ok()

    let private write (path: string) =
        try
            Specification.write path
            Console.line $"%s{path}, %d{Specification.laws.Length} laws"
            Ok()
        with :? IOException as problem ->
            Error(InFile(path, "", problem.Message, "a file that can be written"))

    /// Error: a count below 1, a text that no law holds, a file that cannot be written. Raises where a law fails.
    let run (options: ParseResults<LawsArguments>) =
        match options.TryGetResult LawsArguments.Markdown with
        | Some path -> write path
        | None ->
            let effort = {
                Count = options.GetResult(LawsArguments.Count, Law.usual.Count)
                Seed = options.GetResult(LawsArguments.Seed, Law.usual.Seed)
            }

            if effort.Count < 1 then
                Error(InSetting("--count", string effort.Count, "a whole number from 1"))
            else
                checkAll effort (options.GetResult(LawsArguments.Only, ""))
