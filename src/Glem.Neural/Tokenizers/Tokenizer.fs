namespace Glem

open System
open System.Collections.Concurrent
open System.Threading.Tasks

/// What a tokenizer consists of: everything that its file says.
type TokenizerParts = {
    Vocabulary: Vocabulary
    AddedTokens: AddedToken list
    Normalizers: Normalizer list
    PreTokenizers: PreTokenizer list
    Model: TokenModel
    PostProcessor: PostProcessor
    Decoders: Decoder list
}

/// One or two texts as one input: ids, the segment (token type) of each, and which part of its text it covers, as start
/// and end in code points; (0, 0) for special tokens.
type Encoding = {
    Ids: int[]
    Segments: int[]
    Offsets: struct (int * int)[]
}

/// Many encoded texts without padding: text i is Ids[Offsets[i] .. Offsets[i+1]-1].
///   Ids : [t]   Offsets : [n+1]
type PackedTokens = {
    Ids: int[]
    Offsets: int[]
} with

    member this.Count = this.Offsets.Length - 1

    /// The ids of one text.
    member this.Text(i: int) = ReadOnlyMemory<int>(this.Ids, this.Offsets[i], this.Offsets[i + 1] - this.Offsets[i])

/// Text to ids and back. To its users immutable: any number of threads may use one at the same time.
type Tokenizer = private {
    parts: TokenizerParts
    names: SpecialNames
    specials: Result<SpecialTokens, string>
    rawFinder: AddedTokenFinder
    normalizedFinder: AddedTokenFinder
    leftOut: Set<int>
    /// Those not in use just now. They remember words met before, which changes no answer.
    workspaces: ConcurrentBag<Workspace>
} with

    member this.VocabularySize = this.parts.Vocabulary.Size

    /// Raises GlemException for a vocabulary without one of an encoder's special tokens, such as GPT-2's.
    member this.Specials =
        match this.specials with
        | Ok specials -> specials
        | Error missing ->
            raise (GlemException(Missing($"'%s{missing}' in the tokenizer", "use the tokenizer of an encoder")))

    member this.SpecialNames = this.names
    member this.Parts = this.parts

module Tokenizer =
    let private normalized normalizers (text: string) =
        let workspace = Workspace false
        workspace.Raw.Load(text.AsSpan())
        workspace.Normalize(normalizers, 0, workspace.Raw.Length).Span.ToString()

    /// Special tokens go by these names.
    let ofPartsNamed (names: SpecialNames) (parts: TokenizerParts) : Tokenizer =
        let finder normalized content =
            AddedTokenFinder(
                parts.AddedTokens |> List.filter (fun token -> token.Normalized = normalized) |> List.toArray,
                content
            )

        {
            parts = parts
            names = names
            specials = SpecialTokens.find names parts.Vocabulary
            rawFinder = finder false _.Content
            normalizedFinder = finder true (fun token -> normalized parts.Normalizers token.Content)
            leftOut = parts.AddedTokens |> List.filter _.Special |> List.map _.Id |> Set.ofList
            workspaces = ConcurrentBag()
        }

    /// Special tokens go by BERT's names or RoBERTa's, whichever the vocabulary has.
    let ofParts (parts: TokenizerParts) : Tokenizer = ofPartsNamed (SpecialNames.guess parts.Vocabulary) parts

    /// The ids of the special tokens; the error is the name of one that the vocabulary lacks.
    let specials (tokenizer: Tokenizer) = tokenizer.specials

    /// WordPiece with BERT's stages around a vocabulary that has special tokens of these names; the error is the name of
    /// one it lacks.
    let bertNamed
        (names: SpecialNames)
        (normalizer: BertNormalizer)
        (vocabulary: Vocabulary)
        : Result<Tokenizer, string> =
        SpecialTokens.find names vocabulary
        |> Result.map (fun specials ->
            ofPartsNamed names {
                Vocabulary = vocabulary
                AddedTokens =
                    [ specials.Pad; specials.Unknown; specials.Cls; specials.Sep; specials.Mask ]
                    |> List.sort
                    |> List.map (fun id -> AddedToken.special id (vocabulary.TokenOf id))
                Normalizers = [ Normalizer.Bert normalizer ]
                PreTokenizers = [ PreTokenizer.Bert ]
                Model =
                    TokenModel.WordPiece(
                        WordPiece.create
                            vocabulary
                            specials.Unknown
                            WordPiece.DefaultPrefix
                            WordPiece.DefaultMaxCharsPerWord
                    )
                PostProcessor = PostProcessor.bert specials.Cls specials.Sep
                Decoders = [
                    Decoder.WordPiece {
                        Prefix = WordPiece.DefaultPrefix
                        Cleanup = true
                    }
                ]
            })

    /// A tokenizer with BERT's specials around a vocabulary that has them; the error is the name of one it lacks.
    let bert (normalizer: BertNormalizer) (vocabulary: Vocabulary) : Result<Tokenizer, string> =
        bertNamed SpecialNames.bert normalizer vocabulary

    /// Normalised text without added tokens: cut into words, and those into tokens until there are `limit`.
    let private appendWords (tokenizer: Tokenizer) (workspace: Workspace) text first length atStart limit =
        let words = workspace.Words
        words.Start(text, first, length)

        for preTokenizer in tokenizer.parts.PreTokenizers do
            PreTokenizer.apply atStart preTokenizer words

        let mutable i = 0

        while i < words.Count && workspace.Sink.Count < limit do
            let struct (start, length) = words[i]
            TokenModel.append tokenizer.parts.Model workspace.Scratch words.Text start length workspace.Sink
            i <- i + 1

    /// Raw text without raw added tokens: normalise, cut out the normalised ones, cut the rest into words.
    let private appendPlain (tokenizer: Tokenizer) (workspace: Workspace) first length limit =
        let text = workspace.Normalize(tokenizer.parts.Normalizers, first, length)
        let sink = workspace.Sink
        let mutable from = 0

        while from < text.Length && sink.Count < limit do
            let struct (id, start, stop) = tokenizer.normalizedFinder.Next(text.Span, from)

            if start > from then
                appendWords tokenizer workspace text from (start - from) (first = 0 && from = 0) limit

            if id >= 0 then
                sink.Enter(text, start)
                sink.Add(id, 0, stop - start)

            from <- stop

    /// Puts the tokens of a text, without the template's special ones, into the workspace's sink, at most `limit`.
    let private tokenize (tokenizer: Tokenizer) (workspace: Workspace) (text: string) limit =
        let raw = workspace.Raw
        let sink = workspace.Sink
        raw.Load(text.AsSpan())
        sink.Clear()
        let mutable from = 0

        while from < raw.Length && sink.Count < limit do
            let struct (id, start, stop) = tokenizer.rawFinder.Next(raw.Span, from)

            if start > from then
                appendPlain tokenizer workspace from (start - from) limit

            if id >= 0 then
                sink.AddOriginal(id, start, stop)

            from <- stop

        sink.Truncate limit

    let private withWorkspace (tokenizer: Tokenizer) (work: Workspace -> 'a) =
        let mutable workspace = Workspace false

        if not (tokenizer.workspaces.TryTake &workspace) then
            workspace <- Workspace false

        let answer = work workspace
        tokenizer.workspaces.Add workspace
        answer

    /// The number of tokens left for text. Raises ArgumentOutOfRangeException where not even the special ones fit.
    let private budget maxLength template =
        let specials = PostProcessor.specialCount template

        if maxLength < specials then
            raise (ArgumentOutOfRangeException("maxLength", maxLength, $"the special tokens alone are %d{specials}"))

        maxLength - specials

    /// Appends one text with its special tokens, `maxLength` ids at most.
    let private appendSingle (tokenizer: Tokenizer) (workspace: Workspace) maxLength text (ids: ResizeArray<int>) =
        let template = tokenizer.parts.PostProcessor.Single
        tokenize tokenizer workspace text (budget maxLength template)

        for piece in template do
            match piece with
            | SpecialPiece(id, _) -> ids.Add id
            | FirstText _
            | SecondText _ -> ids.AddRange workspace.Sink.Ids

    /// The ids of a text without special tokens around it. Special tokens that stand in the text are in.
    let encodePlain (tokenizer: Tokenizer) (text: string) : int[] =
        withWorkspace tokenizer (fun workspace ->
            tokenize tokenizer workspace text Int32.MaxValue
            workspace.Sink.Ids.ToArray())

    /// The ids of a text, [CLS] text [SEP]; the text is cut on its right to make all of it `maxLength` ids at most.
    /// Raises ArgumentOutOfRangeException where `maxLength` is less than the number of special tokens.
    let encode (tokenizer: Tokenizer) (maxLength: int) (text: string) : int[] =
        withWorkspace tokenizer (fun workspace ->
            let ids = ResizeArray<int>()
            appendSingle tokenizer workspace maxLength text ids
            ids.ToArray())

    /// A text's ids and offsets, without the template's special tokens.
    let private align (tokenizer: Tokenizer) (text: string) limit =
        let workspace = Workspace true
        tokenize tokenizer workspace text limit
        let sink = workspace.Sink
        let places = TokenOffsets.codePoints text

        let offsets = Array.init sink.Count (fun i -> struct (places[sink.Starts[i]], places[sink.Stops[i]]))

        match tokenizer.parts.PostProcessor.OffsetBlanks with
        | Kept -> ()
        | Trimmed prefixAdded ->
            let added = tokenizer.parts.AddedTokens |> List.map _.Id |> Set.ofList

            for i in 0 .. offsets.Length - 1 do
                let shown =
                    if added.Contains sink.Ids[i] then
                        text.Substring(sink.Starts[i], sink.Stops[i] - sink.Starts[i])
                    else
                        tokenizer.parts.Vocabulary.TokenOf sink.Ids[i]

                offsets[i] <- TokenOffsets.trim prefixAdded (i = 0) shown offsets[i]

        struct (sink.Ids.ToArray(), offsets)

    /// A template with its texts filled in; `pieceOf` gives the ids and offsets of one.
    let private fill template pieceOf =
        let placed =
            template
            |> List.map (fun piece ->
                match piece with
                | SpecialPiece(id, segment) -> [| id |], segment, [| struct (0, 0) |]
                | FirstText segment
                | SecondText segment ->
                    let struct (ids, offsets) = pieceOf piece
                    ids, segment, offsets)

        {
            Ids = placed |> List.map (fun (ids, _, _) -> ids) |> Array.concat
            Segments = placed |> List.map (fun (ids, segment, _) -> Array.replicate ids.Length segment) |> Array.concat
            Offsets = placed |> List.map (fun (_, _, offsets) -> offsets) |> Array.concat
        }

    /// A text as `encode` gives it, with segments and offsets; slower. Raises as `encode` does.
    let encodeAligned (tokenizer: Tokenizer) (maxLength: int) (text: string) : Encoding =
        let template = tokenizer.parts.PostProcessor.Single
        let aligned = align tokenizer text (budget maxLength template)
        fill template (fun _ -> aligned)

    /// Two texts as one input, [CLS] first [SEP] second [SEP]. The error: the text to be cut would vanish.
    /// Raises ArgumentOutOfRangeException where `maxLength` is less than the number of special tokens.
    let encodePair
        (tokenizer: Tokenizer)
        (maxLength: int)
        (truncation: Truncation)
        (first: string)
        (second: string)
        : Result<Encoding, GlemError> =
        let template = tokenizer.parts.PostProcessor.Pair
        let room = budget maxLength template
        let struct (firstIds, firstOffsets) = align tokenizer first Int32.MaxValue
        let struct (secondIds, secondOffsets) = align tokenizer second Int32.MaxValue

        match Truncation.lengths truncation room firstIds.Length secondIds.Length with
        | None ->
            Error(
                InValue(
                    "maxLength",
                    $"%d{maxLength} for texts of %d{firstIds.Length} and %d{secondIds.Length} tokens",
                    "enough to keep a part of the text to be cut; LongestFirst always fits"
                )
            )
        | Some(keptFirst, keptSecond) ->
            Ok(
                fill template (function
                    | SecondText _ ->
                        struct (Array.truncate keptSecond secondIds, Array.truncate keptSecond secondOffsets)
                    | _ -> struct (Array.truncate keptFirst firstIds, Array.truncate keptFirst firstOffsets))
            )

    /// Every text as `encode` gives it, packed; on all cores. Raises as `encode` does.
    let encodeAll (tokenizer: Tokenizer) (maxLength: int) (texts: string[]) : PackedTokens =
        budget maxLength tokenizer.parts.PostProcessor.Single |> ignore
        let chunkSize = 64
        let chunks = (texts.Length + chunkSize - 1) / chunkSize
        let idsOfChunk: int[][] = Array.zeroCreate chunks
        let offsets: int[] = Array.zeroCreate (texts.Length + 1)

        let encodeChunk chunk =
            let ids = ResizeArray<int>()

            withWorkspace tokenizer (fun workspace ->
                for i in chunk * chunkSize .. min texts.Length ((chunk + 1) * chunkSize) - 1 do
                    let before = ids.Count
                    appendSingle tokenizer workspace maxLength texts[i] ids
                    offsets[i + 1] <- ids.Count - before)

            idsOfChunk[chunk] <- ids.ToArray()

        Parallel.For(0, chunks, encodeChunk) |> ignore

        for i in 1 .. texts.Length do
            offsets[i] <- Checked.(+) offsets[i - 1] offsets[i]

        {
            Ids = Array.concat idsOfChunk
            Offsets = offsets
        }

    /// None for what is not a token.
    let idOf (tokenizer: Tokenizer) (token: string) = tokenizer.parts.Vocabulary.TryIdOf token

    /// Raises IndexOutOfRangeException for an id outside 0 .. VocabularySize-1.
    let tokenOf (tokenizer: Tokenizer) (id: int) = tokenizer.parts.Vocabulary.TokenOf id

    /// The text of ids, without special tokens. Normalisation is not undone. Raises as `tokenOf` does.
    let decode (tokenizer: Tokenizer) (ids: seq<int>) =
        ids
        |> Seq.filter (fun id -> not (tokenizer.leftOut.Contains id))
        |> Seq.map (tokenOf tokenizer)
        |> Decoder.decode tokenizer.parts.Decoders
