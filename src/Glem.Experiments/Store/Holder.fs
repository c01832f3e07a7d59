namespace Glem

open System
open System.IO

/// A process that holds a lease, told so that others can find out whether it still runs.
[<RequireQualifiedAccess>]
type Holder = {
    Host: string
    /// Boot and process namespace: within one, a process number and its start mean one process. "" where unknown.
    Place: string
    Process: int
    /// When the process began, in the kernel's ticks since boot: process numbers are used again.
    Started: int64
    /// Random, another for each lease.
    Token: string
}

module Holder =
    /// State and start time from /proc/<process>/stat. They follow the name in parentheses, which may hold anything.
    let private stat (number: int) =
        try
            let text = File.ReadAllText $"/proc/%d{number}/stat"
            let fields = text.Substring(text.LastIndexOf ')' + 2).Split ' '
            Some(fields[0], Int64.Parse fields[19])
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private place =
        lazy
            try
                let boot = (File.ReadAllText "/proc/sys/kernel/random/boot_id").Trim()
                let processes = FileInfo("/proc/self/ns/pid").LinkTarget
                $"%s{boot} %s{nonNull processes}"
            with
            | :? IOException
            | :? UnauthorizedAccessException -> ""

    /// This process, with a token of its own for each call.
    let self () : Holder = {
        Host = Environment.MachineName
        Place = place.Value
        Process = Environment.ProcessId
        Started = stat Environment.ProcessId |> Option.map snd |> Option.defaultValue 0L
        Token = (Guid.NewGuid().ToString "N").Substring(0, 16)
    }

    /// The holder ran here and does not any more. False where that cannot be known: elsewhere, or without /proc.
    let isGone (holder: Holder) =
        holder.Host = Environment.MachineName
        && holder.Place = place.Value
        && holder.Place <> ""
        && match stat holder.Process with
           | None -> true
           | Some(state, started) -> state = "Z" || state = "X" || started <> holder.Started

    /// "process 4711 on node3".
    let describe (holder: Holder) = $"process %d{holder.Process} on %s{holder.Host}"

    /// Its fields in a lease.
    let internal toFields (holder: Holder) = [
        "host", Json.text holder.Host
        "place", Json.text holder.Place
        "process", Json.int holder.Process
        "started", Json.float (float holder.Started)
        "token", Json.text holder.Token
    ]

    let internal ofJson at : Holder = {
        Host = at |> Json.field "host" |> Json.asText
        Place = at |> Json.field "place" |> Json.asText
        Process = at |> Json.field "process" |> Json.asInt
        Started = at |> Json.field "started" |> Json.asFloat |> int64
        Token = at |> Json.field "token" |> Json.asText
    }
