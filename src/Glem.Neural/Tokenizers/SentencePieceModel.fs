namespace Glem

open System
open System.IO

/// How sentencepiece cuts: trainer_spec.model_type.
type SentencePieceAlgorithm =
    | UnigramPieces
    | BpePieces

/// What of a spm.model (sentencepiece's ModelProto, sentencepiece_model.proto) cutting text needs.
type SentencePieceModel = {
    /// Texts and scores by id.
    Pieces: struct (string * float)[]
    Algorithm: SentencePieceAlgorithm
    /// The id of the piece of type UNKNOWN.
    UnknownId: int
    ByteFallback: bool
    Charsmap: Charsmap option
    AddDummyPrefix: bool
    RemoveExtraWhitespaces: bool
}

module SentencePieceModel =
    let private empty = {
        Pieces = Array.empty
        Algorithm = UnigramPieces
        UnknownId = -1
        ByteFallback = false
        Charsmap = None
        AddDummyPrefix = true
        RemoveExtraWhitespaces = true
    }

    [<Literal>]
    let private UnknownType = 2UL

    /// A piece's text, score and type.
    let private piece (message: Protobuf) =
        let mutable text = ""
        let mutable score = 0.f
        let mutable kind = 1UL

        while message.More do
            let field = message.Next()

            match field.Field with
            | 1 -> text <- message.Text field
            | 2 -> score <- BitConverter.UInt32BitsToSingle(uint32 field.Number)
            | 3 -> kind <- field.Number
            | _ -> ()

        struct (text, float score, kind)

    let private trainer fail (model: SentencePieceModel) (message: Protobuf) =
        let mutable model = model

        while message.More do
            let field = message.Next()

            match field.Field, field.Number with
            | 3, 1UL -> model <- { model with Algorithm = UnigramPieces }
            | 3, 2UL -> model <- { model with Algorithm = BpePieces }
            | 3, other -> fail "trainer_spec.model_type" (string other) "1 (unigram) or 2 (bpe)"
            | 35, fallback ->
                model <- {
                    model with
                        ByteFallback = fallback <> 0UL
                }
            | _ -> ()

        model

    let private normalizer fail (model: SentencePieceModel) (message: Protobuf) =
        let mutable model = model

        while message.More do
            let field = message.Next()

            match field.Field with
            | 2 when field.Bytes.IsEmpty -> ()
            | 2 ->
                match Charsmap.create (field.Bytes.ToArray()) with
                | Ok map -> model <- { model with Charsmap = Some map }
                | Error problem -> fail "normalizer_spec.precompiled_charsmap" problem "sentencepiece's rules"
            | 3 ->
                model <- {
                    model with
                        AddDummyPrefix = field.Number <> 0UL
                }
            | 4 ->
                model <- {
                    model with
                        RemoveExtraWhitespaces = field.Number <> 0UL
                }
            | _ -> ()

        model

    let private read (path: string) =
        let fail place found expected : 'a = raise (GlemException(InFile(path, $"key '%s{place}'", found, expected)))
        let file = Protobuf(path, ReadOnlyMemory(File.ReadAllBytes path), 0)
        let pieces = ResizeArray<struct (string * float)>()
        let mutable model = empty

        while file.More do
            let field = file.Next()

            match field.Field with
            | 1 ->
                let struct (text, score, kind) = piece (file.Inside field)

                if not (Double.IsFinite score) then
                    fail $"pieces[%d{pieces.Count}].score" (string score) "a number"

                if kind = UnknownType then
                    model <- { model with UnknownId = pieces.Count }

                pieces.Add(struct (text, score))
            | 2 -> model <- trainer fail model (file.Inside field)
            | 3 -> model <- normalizer fail model (file.Inside field)
            | _ -> ()

        if pieces.Count = 0 then
            fail "pieces" "none" "a sentencepiece model"

        if model.UnknownId < 0 then
            fail "pieces" "none of type UNKNOWN" "one"

        { model with Pieces = pieces.ToArray() }

    /// Errors name the file, and the byte or the key.
    let load (path: string) : Result<SentencePieceModel, GlemError> =
        try
            Ok(read path)
        with
        | GlemException error -> Error error
        | :? IOException
        | :? UnauthorizedAccessException as problem ->
            Error(InFile(path, "", problem.Message, "a readable sentencepiece model"))

    /// Longer pieces than any published model has would make the merges quadratic.
    [<Literal>]
    let private LongestMergedPiece = 1024

    /// The merges that make a BPE model's pieces: every way to cut a piece into two pieces, the best scored piece first;
    /// of equals, the one with the longer left side. The error is a piece that is too long.
    let merges
        (pieces: struct (string * float)[])
        (vocabulary: Vocabulary)
        : Result<struct (string * string)[], string> =
        let ids = vocabulary.Lookup

        let cuts (piece: string) = [|
            for i in 1 .. piece.Length - 1 do
                if ids.ContainsKey(piece.AsSpan(0, i)) && ids.ContainsKey(piece.AsSpan i) then
                    struct (piece.Substring(0, i), piece.Substring i)
        |]

        match pieces |> Array.tryFind (fun (struct (piece, _)) -> piece.Length > LongestMergedPiece) with
        | Some(struct (piece, _)) -> Error piece
        | None ->
            pieces
            |> Array.collect (fun (struct (piece, score)) ->
                cuts piece |> Array.map (fun (struct (left, right)) -> struct (score, left, right)))
            |> Array.sortBy (fun (struct (score, left, right)) -> struct (-score, -left.Length, -right.Length))
            |> Array.map (fun (struct (_, left, right)) -> struct (left, right))
            |> Ok
