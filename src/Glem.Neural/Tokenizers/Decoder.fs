namespace Glem

open System
open System.Text

/// A step from tokens back to text. Named and meant as in a tokenizer.json.
[<RequireQualifiedAccess>]
type Decoder =
    | WordPiece of WordPieceDecoder
    /// Characters of ByteAlphabet to bytes, and those to text.
    | ByteLevel
    /// The sign to a blank; without the blank that the scheme put first.
    | Metaspace of sign: string * PrependScheme
    /// Runs of byte tokens to what they spell.
    | ByteFallback
    | Replace of TextPattern * content: string
    /// At most `start` and `stop` of a character at each token's ends.
    | Strip of content: string * start: int * stop: int
    /// All tokens as one.
    | Fuse

module Decoder =
    let private byteLevel (tokens: string list) =
        let bytes = ResizeArray<byte>()

        for token in tokens do
            match token |> Seq.map ByteAlphabet.tryToByte |> Seq.toArray with
            | spelt when Array.forall Option.isSome spelt -> bytes.AddRange(Array.map Option.get spelt)
            | _ -> bytes.AddRange(Encoding.UTF8.GetBytes token)

        [ Encoding.UTF8.GetString(bytes.ToArray()) ]

    let private metaspace (sign: string) scheme (tokens: string list) =
        tokens
        |> List.mapi (fun i token ->
            let blank = token.Replace(sign, " ", StringComparison.Ordinal)

            if i = 0 && scheme <> Never && blank.StartsWith ' ' then
                blank.Substring 1
            else
                blank)

    let private byteFallback (tokens: string list) =
        let result = ResizeArray<string>()
        let bytes = ResizeArray<byte>()

        // Each byte of what is no text stands for itself.
        let flush () =
            if bytes.Count > 0 then
                try
                    result.Add(UTF8Encoding(false, true).GetString(bytes.ToArray()))
                with :? ArgumentException ->
                    result.AddRange(Seq.replicate bytes.Count "\uFFFD")

                bytes.Clear()

        for token in tokens do
            match ByteTokens.tryToByte token with
            | Some byte -> bytes.Add byte
            | None ->
                flush ()
                result.Add token

        flush ()
        List.ofSeq result

    let private replace pattern content (token: string) =
        let input = CharBuffer false
        let output = CharBuffer false
        input.Load(token.AsSpan())
        Normalizer.append (Normalizer.Replace(pattern, content)) input output
        output.Span.ToString()

    let private strip (content: string) start stop (token: string) =
        let mutable token = token
        let mutable left = start
        let mutable right = stop

        while content <> "" && left > 0 && token.StartsWith(content, StringComparison.Ordinal) do
            token <- token.Substring content.Length
            left <- left - 1

        while content <> "" && right > 0 && token.EndsWith(content, StringComparison.Ordinal) do
            token <- token.Substring(0, token.Length - content.Length)
            right <- right - 1

        token

    let private step (tokens: string list) decoder =
        match decoder with
        | Decoder.WordPiece decoder -> [ WordPieceDecoder.decode decoder tokens ]
        | Decoder.ByteLevel -> byteLevel tokens
        | Decoder.Metaspace(sign, scheme) -> metaspace sign scheme tokens
        | Decoder.ByteFallback -> byteFallback tokens
        | Decoder.Replace(pattern, content) -> tokens |> List.map (replace pattern content)
        | Decoder.Strip(content, start, stop) -> tokens |> List.map (strip content start stop)
        | Decoder.Fuse -> [ String.Concat tokens ]

    /// The text of a run of tokens; without a decoder, the tokens with blanks between.
    let decode (decoders: Decoder list) (tokens: seq<string>) =
        match decoders with
        | [] -> String.Join(' ', tokens)
        | decoders -> decoders |> List.fold step (List.ofSeq tokens) |> String.Concat
