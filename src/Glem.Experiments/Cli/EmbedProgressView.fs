namespace Glem

open System
open System.Diagnostics
open System.Globalization
open Spectre.Console

/// How far an embedding pass is, how fast, and about how long it still takes: on a terminal one line that changes, elsewhere
/// a line a minute.
type EmbedProgressView private (count: unit -> int64, every: TimeSpan, show: string -> unit) =
    let clock = Stopwatch.StartNew()
    let total = lazy (count ())
    let mutable shown = TimeSpan.Zero

    let describe (progress: EmbedProgress) =
        let seconds = clock.Elapsed.TotalSeconds
        let fresh = progress.Texts - progress.Resumed
        // A line of a table may hold no text, or half of one.
        let left = max 0L (total.Value - progress.Texts)
        let ahead = TimeSpan.FromSeconds(float left * seconds / float (max 1L fresh))
        let speed = float progress.Tokens / seconds |> int64

        let time =
            ahead.ToString(
                (if ahead.TotalDays < 1.0 then @"hh\:mm\:ss" else @"d\.hh\:mm\:ss"),
                CultureInfo.InvariantCulture
            )

        $"%s{Console.thousands progress.Texts} of about %s{Console.thousands total.Value} texts, %s{Console.thousands speed} tokens/s, about %s{time} left"

    member _.Watch(progress: EmbedProgress) =
        if clock.Elapsed - shown >= every then
            shown <- clock.Elapsed
            show (describe progress)

    /// Runs the work with a view on it.
    ///   count : about how many texts there are; asked for once, if anything is shown
    static member Run(count: unit -> int64, work: EmbedProgressView -> 'r) : 'r =
        if Console.isInteractive then
            AnsiConsole
                .Status()
                .Start(
                    "reading texts",
                    fun context ->
                        EmbedProgressView(count, TimeSpan.FromSeconds 0.5, (fun text -> context.Status <- text)) |> work
                )
        else
            EmbedProgressView(count, TimeSpan.FromMinutes 1.0, Console.line) |> work
