/// How many tokens a second does the tokenizer give, on one thread and on all, and how long does training take?
///     dotnet run -c Release --project bench/Tokenizer -- vocab.txt texts.txt[.gz] [FOLDER...]
/// A FOLDER is a Hugging Face folder whose tokenizer is measured too, when words are met for the first time and again. From the repository's root; one text a line. Also runs the peer, bench/peers/tokenizer.py (BERT's algorithm in plain Python), on the first 500
/// texts, and stops if that gives other ids. Under a minute.
module Glem.Bench.Tokenizer

open System
open System.Diagnostics
open System.IO
open System.IO.Compression
open Glem

let private readTexts (path: string) =
    use file = File.OpenRead path

    use content: Stream =
        if path.EndsWith ".gz" then
            new GZipStream(file, CompressionMode.Decompress)
        else
            file

    use reader = new StreamReader(content)
    reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)

/// The best of five, in seconds, and the last answer.
let private best (seconds: unit -> float) (work: unit -> 'a) =
    let runs = [
        for _ in 1..5 do
            let start = seconds ()
            let answer = work ()
            seconds () - start, answer
    ]

    runs |> List.map fst |> List.min, snd (List.last runs)

let private clock = Stopwatch.StartNew()
let private wallTime () = clock.Elapsed.TotalSeconds

/// Of all the process, the collector's and the compiler's share included. Not the clock's, which on a busy machine
/// measures the neighbours.
let private processorTime () = Environment.CpuUsage.TotalTime.TotalSeconds

let private report what (tokens: int) seconds =
    printfn $"%-44s{what} %12.0f{float tokens / seconds} tokens/s  (%d{tokens} tokens, %.3f{seconds} s)"

let private runPeer vocabularyPath (texts: string[]) =
    let start =
        ProcessStartInfo(
            "python3",
            [ "bench/peers/tokenizer.py"; vocabularyPath ],
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        )

    use peer = Process.Start start |> nonNull

    for text in texts do
        peer.StandardInput.WriteLine text

    peer.StandardInput.Close()
    let lines = peer.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
    peer.WaitForExit()
    let ids = lines[.. lines.Length - 2] |> Array.map (fun line -> line.Split ' ' |> Array.map int)
    float lines[lines.Length - 1], ids

let private measure name (tokenizer: Tokenizer) texts =
    let one, ids = best processorTime (fun () -> texts |> Array.map (Tokenizer.encode tokenizer 512))
    report $"%s{name}, one thread" (Array.sumBy Array.length ids) one
    let all, packed = best wallTime (fun () -> Tokenizer.encodeAll tokenizer 512 texts)
    report $"%s{name}, all %d{Environment.ProcessorCount} cores" packed.Ids.Length all
    ids

/// A tokenizer that has met no word yet takes longer: it is loaded anew for each round, outside the clock.
let private measureFolder folder (texts: string[]) =
    let load () = TokenizerFolder.load folder |> Result.orRaise

    let rounds = [
        for _ in 1..5 do
            let tokenizer = load ()
            let start = processorTime ()
            let tokens = texts |> Array.sumBy (fun text -> (Tokenizer.encode tokenizer 512 text).Length)
            tokens, processorTime () - start
    ]

    report $"%s{Path.GetFileName folder}, new, one thread" (fst rounds.Head) (rounds |> List.map snd |> List.min)
    measure (string (Path.GetFileName folder)) (load ()) texts |> ignore

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | vocabularyPath :: textsPath :: folders ->
        let texts = readTexts textsPath

        let bert =
            VocabularyFile.load vocabularyPath
            |> Result.bind (
                Tokenizer.bert BertNormalizer.uncased
                >> Result.mapError (fun token -> Missing(token, "use BERT's vocabulary"))
            )
            |> Result.orRaise

        let ids = measure "Glem, given vocabulary" bert texts
        let before = Environment.CpuUsage.TotalTime
        let trained = WordPieceTrainer.train WordPieceTrainer.defaults texts |> Result.orRaise

        printfn
            $"Glem, training: %.2f{(Environment.CpuUsage.TotalTime - before).TotalSeconds} s of one core (%d{texts.Length} texts, %d{trained.VocabularySize} pieces)"

        measure "Glem, trained vocabulary" trained texts |> ignore

        for folder in folders do
            measureFolder folder texts

        let peerTexts = Array.truncate 500 texts
        let peerSeconds, peerIds = runPeer vocabularyPath peerTexts
        report "plain Python, given vocabulary, one thread" (Array.sumBy Array.length peerIds) peerSeconds

        if peerIds = Array.truncate 500 ids then
            0
        else
            eprintfn "error: the peer gives other ids"
            1
    | _ ->
        eprintfn
            "error: found %d arguments, expected at least two: vocab.txt texts.txt[.gz] [FOLDER...]"
            arguments.Length

        2
