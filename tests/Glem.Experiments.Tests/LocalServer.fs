namespace Glem.Experiments.Tests

open System
open System.Collections.Concurrent
open System.Net
open System.Net.Sockets
open System.Threading

/// A web server on this machine that serves files from memory, understands ranges, and may break off.
[<Sealed>]
type LocalServer(files: Map<string, byte[]>) =
    let port =
        use probe = new TcpListener(IPAddress.Loopback, 0)
        probe.Start()
        (probe.LocalEndpoint :?> IPEndPoint).Port

    let listener = new HttpListener()
    let mutable files = files
    let mutable breakAfter = None
    let ranges = ConcurrentQueue<string>()
    let tagOf (bytes: byte[]) = $"\"%s{Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)[..15]}\""

    let answer (context: HttpListenerContext) =
        let request, response = context.Request, context.Response

        let path =
            request.Url |> Option.ofObj |> Option.map _.AbsolutePath.TrimStart('/') |> Option.defaultValue ""

        match files.TryFind path with
        | None ->
            response.StatusCode <- 404
            response.Close()
        | Some bytes ->
            let header (name: string) = request.Headers[name] |> Option.ofObj |> Option.defaultValue ""
            response.Headers["ETag"] <- tagOf bytes
            ranges.Enqueue(header "Range")

            let start =
                match header "Range" with
                | "" -> 0
                | _ when header "If-Range" <> tagOf bytes -> 0
                | range -> int (range.Replace("bytes=", "").TrimEnd '-')

            if start > 0 then
                response.StatusCode <- 206
                response.Headers["Content-Range"] <- $"bytes %d{start}-%d{bytes.Length - 1}/%d{bytes.Length}"

            let rest = bytes[start..]
            response.ContentLength64 <- int64 rest.Length

            match breakAfter with
            | Some count ->
                breakAfter <- None
                response.OutputStream.Write(rest, 0, min count rest.Length)
                response.OutputStream.Flush()
                response.Abort()
            | None ->
                response.OutputStream.Write(rest, 0, rest.Length)
                response.Close()

    let serve () =
        try
            while listener.IsListening do
                let context = listener.GetContext()

                try
                    answer context
                with
                | :? HttpListenerException
                | :? ObjectDisposedException -> () // the client has gone
        with
        | :? HttpListenerException
        | :? ObjectDisposedException -> () // stopped

    do
        listener.Prefixes.Add $"http://localhost:%d{port}/"
        listener.Start()
        Thread(serve, IsBackground = true).Start()

    member _.Address(path: string) = Uri $"http://localhost:%d{port}/%s{path}"
    /// The next answer stops after this many bytes of what it promised.
    member _.BreakAfter(count: int) = breakAfter <- Some count
    member _.Replace(path: string, bytes: byte[]) = files <- files.Add(path, bytes)
    /// The Range headers asked for, "" where there was none.
    member _.Ranges = List.ofSeq ranges

    interface IDisposable with
        member _.Dispose() = listener.Close()
