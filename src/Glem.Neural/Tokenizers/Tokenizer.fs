namespace Glem

open System
open System.Threading.Tasks

/// The ids of BERT's special tokens.
type SpecialTokens =
    { Pad: int
      Unknown: int
      Cls: int
      Sep: int
      Mask: int }

module SpecialTokens =
    /// [PAD], [UNK], [CLS], [SEP] and [MASK] as a vocabulary has them; the error is the name of one it lacks.
    let find (vocabulary: Vocabulary) : Result<SpecialTokens, string> =
        let names = [ "[PAD]"; "[UNK]"; "[CLS]"; "[SEP]"; "[MASK]" ]

        match names |> List.tryFind (fun name -> (vocabulary.TryIdOf name).IsNone) with
        | Some missing -> Error missing
        | None ->
            let idOf name = (vocabulary.TryIdOf name).Value

            Ok
                { Pad = idOf "[PAD]"
                  Unknown = idOf "[UNK]"
                  Cls = idOf "[CLS]"
                  Sep = idOf "[SEP]"
                  Mask = idOf "[MASK]" }

/// What a tokenizer consists of: everything that its file says.
type TokenizerParts =
    { Vocabulary: Vocabulary
      AddedTokens: AddedToken list
      Normalizer: BertNormalizer
      Model: WordPiece
      PostProcessor: PostProcessor
      Decoder: WordPieceDecoder }

/// Two texts as one input: ids and the segment (token type) of each.
type Encoding = { Ids: int[]; Segments: int[] }

/// Many encoded texts without padding: text i is Ids[Offsets[i] .. Offsets[i+1]-1].
///   Ids : [t]   Offsets : [n+1]
type PackedTokens =
    { Ids: int[]
      Offsets: int[] }

    member this.Count = this.Offsets.Length - 1

    /// The ids of one text.
    member this.Text(i: int) =
        ReadOnlySpan<int>(this.Ids, this.Offsets[i], this.Offsets[i + 1] - this.Offsets[i])

/// Text to ids and back. Immutable: any number of threads may use one at the same time.
type Tokenizer =
    private
        { parts: TokenizerParts
          specials: SpecialTokens
          rawFinder: AddedTokenFinder
          normalizedFinder: AddedTokenFinder
          leftOut: Set<int> }

    member this.VocabularySize = this.parts.Vocabulary.Size
    member this.Specials = this.specials
    member this.Parts = this.parts

module Tokenizer =
    /// The error is the name of a special token that the vocabulary lacks.
    let ofParts (parts: TokenizerParts) : Result<Tokenizer, string> =
        let finder normalized content =
            AddedTokenFinder(parts.AddedTokens |> List.filter (fun token -> token.Normalized = normalized) |> List.toArray, content)

        SpecialTokens.find parts.Vocabulary
        |> Result.map (fun specials ->
            { parts = parts
              specials = specials
              rawFinder = finder false _.Content
              normalizedFinder = finder true (fun token -> BertNormalizer.normalize parts.Normalizer token.Content)
              leftOut =
                parts.AddedTokens |> List.filter _.Special |> List.map _.Id |> Set.ofList })

    /// A tokenizer with BERT's specials around a vocabulary that has them; the error is the name of one it lacks.
    let bert (normalizer: BertNormalizer) (vocabulary: Vocabulary) : Result<Tokenizer, string> =
        SpecialTokens.find vocabulary
        |> Result.bind (fun specials ->
            ofParts
                { Vocabulary = vocabulary
                  AddedTokens =
                    [ specials.Pad; specials.Unknown; specials.Cls; specials.Sep; specials.Mask ]
                    |> List.sort
                    |> List.map (fun id -> AddedToken.special id (vocabulary.TokenOf id))
                  Normalizer = normalizer
                  Model =
                    WordPiece.create vocabulary specials.Unknown WordPiece.DefaultPrefix WordPiece.DefaultMaxCharsPerWord
                  PostProcessor = PostProcessor.bert specials.Cls specials.Sep
                  Decoder =
                    { Prefix = WordPiece.DefaultPrefix
                      Cleanup = true } })

    /// The words of normalised text [start, stop), until there are `limit` ids.
    let private appendWords (tokenizer: Tokenizer) (text: ReadOnlySpan<char>) limit (ids: ResizeArray<int>) =
        let mutable struct (first, length) = BertPreTokenizer.next text 0

        while length > 0 && ids.Count < limit do
            WordPiece.append tokenizer.parts.Model (text.Slice(first, length)) ids
            let struct (nextFirst, nextLength) = BertPreTokenizer.next text (first + length)
            first <- nextFirst
            length <- nextLength

    /// Raw text without raw added tokens: normalise, cut out the normalised ones, cut the rest into words.
    let private appendPlain (tokenizer: Tokenizer) (buffer: CharBuffer) (text: ReadOnlySpan<char>) limit (ids: ResizeArray<int>) =
        buffer.Clear()
        BertNormalizer.append buffer tokenizer.parts.Normalizer text
        let text = buffer.Span
        let mutable from = 0

        while from < text.Length && ids.Count < limit do
            let struct (id, start, stop) = tokenizer.normalizedFinder.Next(text, from)
            appendWords tokenizer (text.Slice(from, start - from)) limit ids

            if id >= 0 then
                ids.Add id

            from <- stop

    /// Appends the ids of a text without the template's special tokens, at most `limit - ids.Count` of them.
    let private append (tokenizer: Tokenizer) (buffer: CharBuffer) (text: string) limit (ids: ResizeArray<int>) =
        let text = text.AsSpan()
        let mutable from = 0

        while from < text.Length && ids.Count < limit do
            let struct (id, start, stop) = tokenizer.rawFinder.Next(text, from)
            appendPlain tokenizer buffer (text.Slice(from, start - from)) limit ids

            if id >= 0 then
                ids.Add id

            from <- stop

        if ids.Count > limit then
            ids.RemoveRange(limit, ids.Count - limit)

    /// The number of tokens left for text. Raises ArgumentOutOfRangeException where not even the special ones fit.
    let private budget maxLength template =
        let specials = PostProcessor.specialCount template

        if maxLength < specials then
            raise (ArgumentOutOfRangeException("maxLength", maxLength, $"the special tokens alone are %d{specials}"))

        maxLength - specials

    /// Appends one text with its special tokens, `maxLength` ids at most.
    let private appendSingle (tokenizer: Tokenizer) buffer maxLength (text: string) (ids: ResizeArray<int>) =
        let template = tokenizer.parts.PostProcessor.Single
        let room = budget maxLength template

        for piece in template do
            match piece with
            | SpecialPiece(id, _) -> ids.Add id
            | FirstText _
            | SecondText _ -> append tokenizer buffer text (ids.Count + room) ids

    /// The ids of a text without special tokens around it. Special tokens that stand in the text are in.
    let encodePlain (tokenizer: Tokenizer) (text: string) : int[] =
        let ids = ResizeArray<int>()
        append tokenizer (CharBuffer()) text Int32.MaxValue ids
        ids.ToArray()

    /// The ids of a text, [CLS] text [SEP]; the text is cut on its right to make all of it `maxLength` ids at most.
    /// Raises ArgumentOutOfRangeException where `maxLength` is less than the number of special tokens.
    let encode (tokenizer: Tokenizer) (maxLength: int) (text: string) : int[] =
        let ids = ResizeArray<int>()
        appendSingle tokenizer (CharBuffer()) maxLength text ids
        ids.ToArray()

    /// Two texts as one input, [CLS] first [SEP] second [SEP]. The error: the text to be cut would vanish.
    /// Raises ArgumentOutOfRangeException where `maxLength` is less than the number of special tokens.
    let encodePair (tokenizer: Tokenizer) (maxLength: int) (truncation: Truncation) (first: string) (second: string) : Result<Encoding, GlemError> =
        let template = tokenizer.parts.PostProcessor.Pair
        let room = budget maxLength template
        let first, second = encodePlain tokenizer first, encodePlain tokenizer second

        match Truncation.lengths truncation room first.Length second.Length with
        | None ->
            Error(
                InValue(
                    "maxLength",
                    $"%d{maxLength} for texts of %d{first.Length} and %d{second.Length} tokens",
                    "enough to keep a part of the text to be cut; LongestFirst always fits"
                )
            )
        | Some(keptFirst, keptSecond) ->
            let placed =
                template
                |> List.map (function
                    | SpecialPiece(id, segment) -> [| id |], segment
                    | FirstText segment -> Array.truncate keptFirst first, segment
                    | SecondText segment -> Array.truncate keptSecond second, segment)

            Ok
                { Ids = placed |> List.map fst |> Array.concat
                  Segments = placed |> List.map (fun (ids, segment) -> Array.replicate ids.Length segment) |> Array.concat }

    /// Every text as `encode` gives it, packed; on all cores. Raises as `encode` does.
    let encodeAll (tokenizer: Tokenizer) (maxLength: int) (texts: string[]) : PackedTokens =
        budget maxLength tokenizer.parts.PostProcessor.Single |> ignore
        let chunkSize = 64
        let chunks = (texts.Length + chunkSize - 1) / chunkSize
        let idsOfChunk: int[][] = Array.zeroCreate chunks
        let offsets: int[] = Array.zeroCreate (texts.Length + 1)

        let encodeChunk chunk =
            let buffer = CharBuffer()
            let ids = ResizeArray<int>()

            for i in chunk * chunkSize .. min texts.Length ((chunk + 1) * chunkSize) - 1 do
                let before = ids.Count
                appendSingle tokenizer buffer maxLength texts[i] ids
                offsets[i + 1] <- ids.Count - before

            idsOfChunk[chunk] <- ids.ToArray()

        Parallel.For(0, chunks, encodeChunk) |> ignore

        for i in 1 .. texts.Length do
            offsets[i] <- Checked.(+) offsets[i - 1] offsets[i]

        { Ids = Array.concat idsOfChunk
          Offsets = offsets }

    /// None for what is not a token.
    let idOf (tokenizer: Tokenizer) (token: string) = tokenizer.parts.Vocabulary.TryIdOf token

    /// Raises IndexOutOfRangeException for an id outside 0 .. VocabularySize-1.
    let tokenOf (tokenizer: Tokenizer) (id: int) = tokenizer.parts.Vocabulary.TokenOf id

    /// The text of ids, without special tokens. Normalisation is not undone. Raises as `tokenOf` does.
    let decode (tokenizer: Tokenizer) (ids: seq<int>) =
        ids
        |> Seq.filter (fun id -> not (tokenizer.leftOut.Contains id))
        |> Seq.map (tokenOf tokenizer)
        |> WordPieceDecoder.decode tokenizer.parts.Decoder
