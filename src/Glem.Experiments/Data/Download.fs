namespace Glem

open System
open System.Globalization
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Security.Cryptography
open System.Threading

/// The hash that a publisher gives for a file.
type PublishedHash =
    | Sha256 of string
    | Md5 of string

/// Files from the web, with what was fetched before an interruption kept and gone on with.
module Download =
    let private hashOf (path: string) published =
        use stream = File.OpenRead path

        match published with
        | Sha256 _ -> Convert.ToHexStringLower(SHA256.HashData stream)
        | Md5 _ -> Convert.ToHexStringLower(MD5.HashData stream)

    let private nameOf published =
        match published with
        | Sha256 value -> "SHA-256", value
        | Md5 value -> "MD5", value

    /// The file is the published one. Error: its hash and the published one.
    let check (path: string) (published: PublishedHash) : Result<unit, GlemError> =
        let name, expected = nameOf published
        let found = hashOf path published

        if found.Equals(expected, StringComparison.OrdinalIgnoreCase) then
            Ok()
        else
            Error(InFile(path, "", $"%s{name} %s{found}", $"the published %s{name} %s{expected}"))

    let private partial (target: string) = target + ".partial"
    // What the server called the bytes that are there: only while it still does may others be put behind them.
    let private stamp (target: string) = target + ".partial.etag"

    let private stampOf (response: HttpResponseMessage) =
        match response.Headers.ETag, response.Content.Headers.LastModified with
        | NonNull tag, _ when not tag.IsWeak -> tag.ToString()
        | _, date when date.HasValue -> date.Value.ToString("r", CultureInfo.InvariantCulture)
        | _ -> ""

    let private request (address: Uri) (target: string) =
        let request = new HttpRequestMessage(HttpMethod.Get, address)
        let have = if File.Exists(partial target) then FileInfo(partial target).Length else 0L

        if have > 0L && File.Exists(stamp target) then
            match File.ReadAllText(stamp target) with
            | "" -> ()
            | tag ->
                request.Headers.Range <- RangeHeaderValue(have, Nullable())
                request.Headers.TryAddWithoutValidation("If-Range", tag) |> ignore

        request

    /// Copies, and refuses more bytes than `limit`.
    let private copy
        (source: Stream)
        (file: Stream)
        (limit: int64)
        (progress: int64 -> unit)
        (cancel: CancellationToken)
        =
        let buffer = Array.zeroCreate<byte> 131072
        let mutable read = source.Read(buffer, 0, buffer.Length)

        while read > 0 && file.Position + int64 read <= limit do
            cancel.ThrowIfCancellationRequested()
            file.Write(buffer, 0, read)
            progress file.Position
            read <- source.Read(buffer, 0, buffer.Length)

        read = 0

    /// Fetches one file to `target`, which must not be there; its folder must be. An interrupted download goes on where it stopped
    /// if the server still has the same file. The file appears under its name only when it is whole and, where a hash is given,
    /// the published one; a wrong one is deleted.
    ///   most : bytes that the file may have
    /// Errors: no answer, a refusal, too many bytes, a wrong hash.
    let file
        (client: HttpClient)
        (address: Uri)
        (target: string)
        (published: PublishedHash option)
        (most: int64)
        (progress: int64 -> unit)
        (cancel: CancellationToken)
        : Result<unit, GlemError> =
        let bad found expected = Error(InFile(string address, "", found, expected))

        let forget () =
            File.Delete(partial target)
            File.Delete(stamp target)

        let transfer () =
            use request = request address target
            use response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, cancel)
            let goesOn = response.StatusCode = HttpStatusCode.PartialContent

            let starts =
                goesOn
                && (match response.Content.Headers.ContentRange with
                    | NonNull range -> range.From = Nullable(FileInfo(partial target).Length)
                    | Null -> false)

            if response.StatusCode = HttpStatusCode.RequestedRangeNotSatisfiable || (goesOn && not starts) then
                forget ()

                bad
                    $"the answer %d{int response.StatusCode} to a resumed transfer"
                    "the rest of the file; what was there is deleted, ask again"
            elif not response.IsSuccessStatusCode then
                bad $"the answer %d{int response.StatusCode} %s{response.ReasonPhrase |> string}" "the file"
            else
                File.WriteAllText(stamp target, stampOf response)

                use file =
                    new FileStream(
                        partial target,
                        (if goesOn then FileMode.Append else FileMode.Create),
                        FileAccess.Write
                    )

                let length = response.Content.Headers.ContentLength
                let expected = if length.HasValue then file.Position + length.Value else -1L

                if expected > most then
                    bad $"%d{expected} bytes" $"at most %d{most}"
                else
                    use source = response.Content.ReadAsStream cancel
                    let whole = copy source file most progress cancel

                    if not whole then
                        bad $"more than %d{most} bytes" $"at most %d{most}"
                    elif expected >= 0L && file.Position < expected then
                        bad $"%d{file.Position} of %d{expected} bytes" "the whole file; ask again to go on"
                    else
                        Ok()

        let finish () =
            match published with
            | None -> Ok()
            | Some published ->
                check (partial target) published
                |> Result.mapError (fun error ->
                    forget ()

                    match error with
                    | InFile(_, place, found, expected) -> InFile(string address, place, found, expected)
                    | error -> error)

        try
            transfer ()
            |> Result.bind finish
            |> Result.map (fun () ->
                File.Move(partial target, target)
                File.Delete(stamp target))
        with
        | :? OperationCanceledException when not cancel.IsCancellationRequested ->
            bad $"no answer for %g{client.Timeout.TotalSeconds} s" "an answer; ask again to go on"
        | :? HttpRequestException as error -> bad error.Message "an answer"
        | :? HttpIOException as error ->
            bad $"an interrupted transfer (%s{error.Message})" "the whole file; ask again to go on"
        | :? IOException as error -> bad error.Message "a transfer that ends and a place that can be written to"
