namespace Glem.Experiments.Tests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Net.WebSockets
open System.Text
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Glem
open Xunit

/// Debian's Chromium without a window, one page of it, driven by the DevTools protocol.
[<Sealed>]
type Browser(program: string) =
    let limit = TimeSpan.FromSeconds 30.0
    let profile = Directory.CreateTempSubdirectory "glem-browser-"

    let browser =
        let info = ProcessStartInfo(program, RedirectStandardOutput = true, RedirectStandardError = true)

        for flag in
            [
                "--headless"
                "--no-sandbox"
                "--disable-gpu"
                "--disable-quic"
                "--no-first-run"
                "--disable-background-networking"
                "--disable-component-update"
                "--disable-sync"
                "--hide-scrollbars"
                "--remote-debugging-port=0"
                $"--user-data-dir=%s{profile.FullName}"
                "about:blank"
            ] do
            info.ArgumentList.Add flag

        let started = Process.Start info |> nonNull
        started.BeginOutputReadLine()
        started.BeginErrorReadLine()
        started

    let rec await what (ready: unit -> 'T option) (clock: Stopwatch) =
        match ready () with
        | Some value -> value
        | None when clock.Elapsed > limit -> failwith $"the browser has no %s{what} after %g{limit.TotalSeconds} s"
        | None ->
            Thread.Sleep 25
            await what ready clock

    let socket =
        let port () =
            let file = Path.Combine(profile.FullName, "DevToolsActivePort")

            if File.Exists file then
                match File.ReadAllLines file with
                | [||] -> None
                | lines -> Some lines[0]
            else
                None

        use http = new HttpClient(new HttpClientHandler(UseProxy = false))

        let page port () =
            let targets = http.GetStringAsync($"http://127.0.0.1:%s{port}/json/list").Result |> JsonDocument.Parse

            targets.RootElement.EnumerateArray()
            |> Seq.tryFind (fun target -> target.GetProperty("type").GetString() = "page")
            |> Option.map (fun target -> target.GetProperty("webSocketDebuggerUrl").GetString() |> nonNull)

        let port = await "port" port (Stopwatch.StartNew())
        let socket = new ClientWebSocket()
        socket.Options.Proxy <- null
        socket.ConnectAsync(Uri(await "page" (page port) (Stopwatch.StartNew())), CancellationToken.None).Wait()
        socket

    let answers = ConcurrentDictionary<int, TaskCompletionSource<JsonElement>>()
    let events = ConcurrentQueue<string * JsonElement>()
    let mutable last = 0

    let receive (text: string) =
        let message = (JsonDocument.Parse text).RootElement

        match message.TryGetProperty "id" with
        | true, id -> answers[id.GetInt32()].SetResult message
        | false, _ -> events.Enqueue(nonNull (message.GetProperty("method").GetString()), message.GetProperty "params")

    let reader = task {
        let buffer = Array.zeroCreate<byte> 65536
        use message = new MemoryStream()

        try
            while socket.State = WebSocketState.Open do
                let! part = socket.ReceiveAsync(ArraySegment buffer, CancellationToken.None)
                message.Write(buffer, 0, part.Count)

                if part.EndOfMessage && part.MessageType = WebSocketMessageType.Text then
                    message.ToArray() |> Encoding.UTF8.GetString |> receive
                    message.SetLength 0L
        with
        | :? WebSocketException
        | :? OperationCanceledException -> ()
    }

    /// Where it stands, installed if need be by Debian's own means; else the test that asks is skipped.
    static member Program: string =
        let path = "/usr/bin/chromium"

        let install () =
            if Environment.UserName = "root" && File.Exists "/usr/bin/apt-get" then
                let apt arguments =
                    GlemProcess.start
                        "apt-get"
                        "/"
                        (TimeSpan.FromMinutes 5.0)
                        [ "DEBIAN_FRONTEND", "noninteractive" ]
                        arguments

                if (apt [ "update"; "-qq" ]).Code = 0 then
                    apt [
                        "install"
                        "-y"
                        "-qq"
                        "--no-install-recommends"
                        "chromium"
                        "fonts-dejavu-core"
                    ]
                    |> ignore

        if not (File.Exists path) then
            install ()

        Assert.SkipUnless(File.Exists path, $"there is no %s{path}, and apt-get could not install it")
        path

    /// Calls a method of the protocol and gives its result.
    member _.Call(method': string, parameters: (string * (obj | null)) list) : JsonElement =
        let id = Interlocked.Increment &last
        let answer = TaskCompletionSource<JsonElement>()
        answers[id] <- answer

        let bytes =
            JsonSerializer.SerializeToUtf8Bytes(
                dict [ "id", box id; "method", box method'; "params", box (dict parameters) ]
            )

        socket.SendAsync(ArraySegment bytes, WebSocketMessageType.Text, true, CancellationToken.None).Wait()

        if not (answer.Task.Wait limit) then
            failwith $"%s{method'} had no answer after %g{limit.TotalSeconds} s"

        match answer.Task.Result.TryGetProperty "error" with
        | true, error -> failwith $"%s{method'}: %s{error.GetRawText()}"
        | false, _ -> answer.Task.Result.GetProperty "result"

    /// The value of a JavaScript expression, awaited if it is a promise.
    member this.Evaluate(expression: string) : JsonElement =
        let answer =
            this.Call(
                "Runtime.evaluate",
                [
                    "expression", box expression
                    "returnByValue", box true
                    "awaitPromise", box true
                ]
            )

        match answer.TryGetProperty "exceptionDetails" with
        | true, problem -> failwith $"%s{problem.GetRawText()}"
        | false, _ -> answer.GetProperty("result").GetProperty "value"

    /// Method and parameters of all that the browser has said since the last page was opened.
    member _.Events = List.ofSeq events

    /// Opens a file in a window of this width and, if `dark`, for a reader who prefers dark pages; gives back when its
    /// figures are drawn.
    member this.Open(file: string, width: int, height: int, dark: bool) =
        for domain in [ "Page"; "Runtime"; "Log"; "Network" ] do
            this.Call($"%s{domain}.enable", []) |> ignore

        this.Call(
            "Emulation.setDeviceMetricsOverride",
            [
                "width", box width
                "height", box height
                "deviceScaleFactor", box 1
                "mobile", box false
            ]
        )
        |> ignore

        this.Media("", dark)
        events.Clear()
        this.Call("Page.navigate", [ "url", box (Uri(file).AbsoluteUri) ]) |> ignore

        let drawn () =
            if this.Evaluate("document.readyState === 'complete' && location.protocol === 'file:'").GetBoolean() then
                Some()
            else
                None

        await "loaded page" drawn (Stopwatch.StartNew())
        this.Settle()

    /// For "screen" or "print", "" being what the page has by itself.
    member this.Media(media: string, dark: bool) =
        let scheme = dict [ "name", "prefers-color-scheme"; "value", (if dark then "dark" else "light") ]

        this.Call("Emulation.setEmulatedMedia", [ "media", box media; "features", box [| scheme |] ])
        |> ignore

    /// Waits until what has changed is drawn.
    member this.Settle() =
        this.Evaluate "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
        |> ignore

    interface IDisposable with
        member _.Dispose() =
            socket.Abort()
            reader.Wait()
            browser.Kill true
            browser.WaitForExit()
            // Its helpers may still be writing as they end.
            try
                profile.Delete true
            with :? IOException ->
                ()
