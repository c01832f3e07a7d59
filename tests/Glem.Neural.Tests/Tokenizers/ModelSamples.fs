namespace Glem.Neural.Tests

open System
open System.Buffers.Binary
open System.IO
open System.Text
open FsCheck.FSharp
open Glem

/// Small byte-pair and Unigram tokenizers, made here.
module ModelSamples =
    let orFail result =
        match result with
        | Ok value -> value
        | Error problem -> failwith $"%A{problem}"

    let vocabularyOf tokens = Vocabulary.create (List.distinct tokens) |> orFail

    let plainBpe = {
        UnknownId = None
        FuseUnknown = false
        ByteFallback = false
        IgnoreMerges = false
    }

    /// A tokenizer of one stage.
    let around vocabulary model = {
        Vocabulary = vocabulary
        AddedTokens = []
        Normalizers = []
        PreTokenizers = []
        Model = model
        PostProcessor = PostProcessor.none
        Decoders = []
    }

    let bpe options tokens merges =
        let vocabulary = vocabularyOf tokens
        around vocabulary (TokenModel.Bpe(Bpe.create vocabulary options merges |> orFail))

    let unigram (pieces: struct (string * float)[]) byteFallback =
        let vocabulary = vocabularyOf [ for struct (piece, _) in pieces -> piece ]
        around vocabulary (TokenModel.Unigram(Unigram.create pieces 0 byteFallback))

    /// GPT-2's alphabet with merges that double a letter time and again, as RoBERTa surrounds it.
    let byteLevel =
        let alphabet = [
            for byte in 0..255 -> string (ByteAlphabet.ofByte (byte.ToString() |> Byte.Parse))
        ]

        let doubled = [ for power in 0..12 -> String('a', 1 <<< power) ]
        let specials = [ "<s>"; "<pad>"; "</s>"; "<unk>"; "<mask>" ]
        let merges = [| for half in List.take 12 doubled -> struct (half, half) |]
        let parts = bpe plainBpe (specials @ alphabet @ doubled) merges

        Tokenizer.ofParts {
            parts with
                AddedTokens = [ for id in 0..4 -> AddedToken.special id specials[id] ]
                Normalizers = [ Normalizer.Unicode Nfc ]
                PreTokenizers = [ PreTokenizer.ByteLevel(true, true) ]
                PostProcessor = {
                    PostProcessor.roberta 0 2 with
                        OffsetBlanks = Trimmed true
                }
                Decoders = [ Decoder.ByteLevel ]
        }

    let noRules = Charsmap.create (Array.zeroCreate 4) |> orFail

    /// The stages of DeBERTa v3 around a few pieces.
    let sentencePiece =
        let blanks = TextPattern.create (Expression " {2,}") |> orFail

        let pieces = [|
            struct ("[UNK]", 0.)
            struct ("[PAD]", 0.)
            struct ("[CLS]", 0.)
            struct ("[SEP]", 0.)
            struct ("[MASK]", 0.)
            struct ("▁", -3.)
            struct ("a", -4.)
            struct ("aa", -4.5)
            struct ("aaaa", -5.)
            struct ("▁ab", -5.)
            struct ("b", -4.)
            struct ("é", -6.)
        |]

        let parts = unigram pieces false

        Tokenizer.ofParts {
            parts with
                AddedTokens = [
                    for id in 0..4 -> AddedToken.special id (let struct (name, _) = pieces[id] in name)
                ]
                Normalizers = [
                    Normalizer.Strip(true, true)
                    Normalizer.Precompiled noRules
                    Normalizer.Unicode Nfkc
                    Normalizer.Replace(blanks, " ")
                ]
                PreTokenizers = [ PreTokenizer.Metaspace("▁", Always, true) ]
                PostProcessor = PostProcessor.bert 2 3
                Decoders = [ Decoder.Metaspace("▁", Always) ]
        }

    /// Every stage that a tokenizer.json may name.
    let everyStage =
        let pattern source = TextPattern.create source |> orFail
        let parts = (sentencePiece: Tokenizer).Parts

        Tokenizer.ofParts {
            parts with
                Normalizers = [
                    Normalizer.Bert {
                        BertNormalizer.cased with
                            StripAccents = Some false
                    }
                    Normalizer.Unicode Nfd
                    Normalizer.Unicode Nfkd
                    Normalizer.StripAccents
                    Normalizer.Lowercase
                    Normalizer.Unicode Nfkc
                    Normalizer.Unicode Nfc
                    Normalizer.Replace(pattern (Literal "--"), "-")
                    Normalizer.Replace(pattern (Expression "[0-9]+"), "0")
                    Normalizer.Strip(false, true)
                    Normalizer.Prepend "_"
                    Normalizer.Precompiled noRules
                ]
                PreTokenizers = [
                    PreTokenizer.WhitespaceSplit
                    PreTokenizer.Split(pattern (Expression @"\p{Lu}"), MergedWithPrevious, false)
                    PreTokenizer.Split(pattern (Literal "ab"), Contiguous, true)
                    PreTokenizer.Punctuation Isolated
                    PreTokenizer.Digits true
                    PreTokenizer.CharDelimiterSplit ";"
                    PreTokenizer.Whitespace
                    PreTokenizer.Bert
                    PreTokenizer.ByteLevel(false, true)
                    PreTokenizer.Metaspace("▁", First, false)
                ]
                PostProcessor = {
                    PostProcessor.roberta 2 3 with
                        OffsetBlanks = Trimmed false
                }
                Decoders = [
                    Decoder.Replace(pattern (Literal "▁"), " ")
                    Decoder.ByteFallback
                    Decoder.Fuse
                    Decoder.Strip(" ", 1, 0)
                    Decoder.ByteLevel
                ]
        }

    let private varint (out: Stream) (value: uint64) =
        let mutable rest = value

        while rest >= 0x80UL do
            out.WriteByte(byte (rest &&& 0x7FUL) ||| 0x80uy)
            rest <- rest >>> 7

        out.WriteByte(byte rest)

    /// A protocol buffer's message: each field with its number.
    let message (fields: (int * Choice<uint64, float32, byte[]>) list) =
        use out = new MemoryStream()

        for number, value in fields do
            match value with
            | Choice1Of3 whole ->
                varint out (uint64 number <<< 3)
                varint out whole
            | Choice2Of3 single ->
                varint out ((uint64 number <<< 3) ||| 5UL)
                let bytes = Array.zeroCreate 4
                BinaryPrimitives.WriteSingleLittleEndian(Span bytes, single)
                out.Write(bytes, 0, 4)
            | Choice3Of3 bytes ->
                varint out ((uint64 number <<< 3) ||| 2UL)
                varint out (uint64 bytes.Length)
                out.Write(bytes, 0, bytes.Length)

        out.ToArray()

    /// A spm.model: pieces with scores and types, and the model type (1 unigram, 2 bpe).
    let spm (pieces: (string * float32 * uint64) list) (modelType: uint64) =
        message [
            for text, score, kind in pieces do
                1,
                Choice3Of3(
                    message [
                        1, Choice3Of3(Encoding.UTF8.GetBytes text)
                        2, Choice2Of3 score
                        3, Choice1Of3 kind
                    ]
                )
            2, Choice3Of3(message [ 3, Choice1Of3 modelType ])
            3, Choice3Of3(message [ 2, Choice3Of3(Array.zeroCreate 8); 3, Choice1Of3 1UL; 4, Choice1Of3 1UL ])
        ]

    let debertaPieces = [
        "[PAD]", 0.f, 3UL
        "[CLS]", 0.f, 3UL
        "[SEP]", 0.f, 3UL
        "[UNK]", 0.f, 2UL
        "▁", -2.f, 1UL
        "a", -3.f, 1UL
        "b", -3.5f, 1UL
        "ab", -4.f, 1UL
        "▁ab", -4.5f, 1UL
    ]

    /// Words of a, b and c.
    let letters = Gen.elements [ "a"; "b"; "c" ] |> Gen.listOf |> Gen.map (String.concat "")

    /// Tokens grown from letters by merging two at a time, and the merges.
    let merges = gen {
        let! picks = Gen.listOf (Gen.zip (Gen.choose (0, 1000)) (Gen.choose (0, 1000)))
        let tokens = ResizeArray [ "a"; "b"; "c" ]
        let merges = ResizeArray<struct (string * string)>()

        for left, right in picks do
            let left, right = tokens[left % tokens.Count], tokens[right % tokens.Count]

            if not (merges.Contains(struct (left, right))) && left.Length + right.Length < 20 then
                merges.Add(struct (left, right))

                if not (tokens.Contains(left + right)) then
                    tokens.Add(left + right)

        return List.ofSeq tokens, merges.ToArray()
    }
