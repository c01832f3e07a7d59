namespace Glem

open System
open System.Text.Json
open JsonPlace

/// Reads Hugging Face's tokenizer.json: WordPiece, byte-pair encoding and Unigram, with the stages around them that
/// docs/tokenizers.md lists. What the file says of truncation and padding is the caller's choice here, and not read.
module TokenizerJsonReader =
    let private oneOf (names: string list) = String.Join(" or ", names)

    /// An object's type, which must be one that we have.
    let private typeOf (supported: string list) place =
        let kind = required "type" place
        let found = text kind

        if List.contains found supported then
            found
        else
            raiseAt kind $"'%s{found}'" $"%s{oneOf supported}: no other is supported"

    /// A stage that may be null or a sequence of others, as a flat list.
    ///   steps : the field of a sequence that holds the others
    let private flat name (steps: string) (read: JsonPlace -> 'a) root : 'a list =
        let rec flatten stage =
            match child "type" stage with
            | Some kind when text kind = "Sequence" -> required steps stage |> items |> List.collect flatten
            | _ -> [ read stage ]

        optional name root |> Option.map flatten |> Option.defaultValue []

    let private addedToken place = {
        Id = required "id" place |> whole
        Content = required "content" place |> text
        Special = flagOr false "special" place
        Normalized = flagOr false "normalized" place
        SingleWord = flagOr false "single_word" place
        LStrip = flagOr false "lstrip" place
        RStrip = flagOr false "rstrip" place
    }

    let private pattern place =
        let source, at =
            match child "String" place, child "Regex" place with
            | Some literal, None -> Literal(text literal), literal
            | None, Some expression -> Expression(text expression), expression
            | _ -> raiseAt place (shown place) "a String or a Regex"

        match TextPattern.create source with
        | Ok pattern -> pattern
        | Error problem -> raiseAt at problem "one that .NET understands"

    let private charsmap place =
        let mutable bytes: byte[] = Array.empty

        if place.Json.ValueKind <> JsonValueKind.String || not (place.Json.TryGetBytesFromBase64(&bytes)) then
            raiseAt place (shown place) "a string in base 64"

        match Charsmap.create bytes with
        | Ok map -> map
        | Error problem -> raiseAt place problem "SentencePiece's rules"

    let private bertNormalizer place = {
        CleanText = required "clean_text" place |> flag
        HandleChineseChars = required "handle_chinese_chars" place |> flag
        StripAccents = optional "strip_accents" place |> Option.map flag
        Lowercase = required "lowercase" place |> flag
    }

    let private normalizer place =
        let supported = [
            "BertNormalizer"
            "NFC"
            "NFD"
            "NFKC"
            "NFKD"
            "Lowercase"
            "StripAccents"
            "Strip"
            "Replace"
            "Prepend"
            "Precompiled"
            "Sequence"
        ]

        match typeOf supported place with
        | "BertNormalizer" -> Normalizer.Bert(bertNormalizer place)
        | "NFC" -> Normalizer.Unicode Nfc
        | "NFD" -> Normalizer.Unicode Nfd
        | "NFKC" -> Normalizer.Unicode Nfkc
        | "NFKD" -> Normalizer.Unicode Nfkd
        | "Lowercase" -> Normalizer.Lowercase
        | "StripAccents" -> Normalizer.StripAccents
        | "Strip" -> Normalizer.Strip(required "strip_left" place |> flag, required "strip_right" place |> flag)
        | "Replace" -> Normalizer.Replace(required "pattern" place |> pattern, required "content" place |> text)
        | "Prepend" -> Normalizer.Prepend(required "prepend" place |> text)
        | _ -> Normalizer.Precompiled(required "precompiled_charsmap" place |> charsmap)

    let private behavior place =
        match text place with
        | "Removed" -> Removed
        | "Isolated" -> Isolated
        | "MergedWithPrevious" -> MergedWithPrevious
        | "MergedWithNext" -> MergedWithNext
        | "Contiguous" -> Contiguous
        | other -> raiseAt place $"'%s{other}'" "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"

    /// A Metaspace's sign and scheme; old files say add_prefix_space instead.
    let private signAndScheme place =
        let sign = required "replacement" place |> text

        if sign = "" then
            raiseAt (required "replacement" place) "''" "a character"

        match optional "prepend_scheme" place with
        | None -> sign, (if flagOr true "add_prefix_space" place then Always else Never)
        | Some scheme ->
            match text scheme with
            | "always" -> sign, Always
            | "first" -> sign, First
            | "never" -> sign, Never
            | other -> raiseAt scheme $"'%s{other}'" "always, first or never"

    let private preTokenizer place =
        let supported = [
            "BertPreTokenizer"
            "Whitespace"
            "WhitespaceSplit"
            "ByteLevel"
            "Metaspace"
            "Split"
            "Punctuation"
            "Digits"
            "CharDelimiterSplit"
            "Sequence"
        ]

        match typeOf supported place with
        | "BertPreTokenizer" -> PreTokenizer.Bert
        | "Whitespace" -> PreTokenizer.Whitespace
        | "WhitespaceSplit" -> PreTokenizer.WhitespaceSplit
        | "ByteLevel" -> PreTokenizer.ByteLevel(flagOr true "add_prefix_space" place, flagOr true "use_regex" place)
        | "Metaspace" ->
            let sign, scheme = signAndScheme place
            PreTokenizer.Metaspace(sign, scheme, flagOr true "split" place)
        | "Split" ->
            PreTokenizer.Split(
                required "pattern" place |> pattern,
                required "behavior" place |> behavior,
                flagOr false "invert" place
            )
        | "Punctuation" ->
            PreTokenizer.Punctuation(optional "behavior" place |> Option.map behavior |> Option.defaultValue Isolated)
        | "Digits" -> PreTokenizer.Digits(required "individual_digits" place |> flag)
        | _ -> PreTokenizer.CharDelimiterSplit(required "delimiter" place |> text)

    /// Model tokens and added tokens, which may lie outside the model's.
    let private vocabulary place (entries: struct (int * string) list) (added: AddedToken list) =
        let all = Seq.append entries (added |> Seq.map (fun token -> struct (token.Id, token.Content)))

        match Vocabulary.ofEntries (added |> List.map _.Id |> Set.ofList) all with
        | Ok vocabulary -> vocabulary
        | Error(found, expected) -> raiseAt place found expected

    let private idsOf place = [ for token, id in fields place -> struct (whole id, token) ]

    let private tokenId (vocabulary: Vocabulary) place =
        match vocabulary.TryIdOf(text place) with
        | Some id -> id
        | None -> raiseAt place (shown place) "a token of the vocabulary"

    let private wordPiece added place =
        let vocab = required "vocab" place
        let vocabulary = vocabulary vocab (idsOf vocab) added

        vocabulary,
        TokenModel.WordPiece(
            WordPiece.create
                vocabulary
                (required "unk_token" place |> tokenId vocabulary)
                (required "continuing_subword_prefix" place |> text)
                (required "max_input_chars_per_word" place |> whole)
        )

    /// A merge is a pair, or (before version 0.20 of the library) one string with a blank between.
    let private merge place =
        match place.Json.ValueKind with
        | JsonValueKind.Array ->
            match items place with
            | [ left; right ] -> struct (text left, text right)
            | _ -> raiseAt place (shown place) "two tokens"
        | _ ->
            match (text place).Split ' ' with
            | [| left; right |] -> struct (left, right)
            | _ -> raiseAt place (shown place) "two tokens with a blank between"

    let private refuseOther name place =
        match optional name place with
        | Some other when other.Json.ValueKind <> JsonValueKind.String || text other <> "" ->
            raiseAt other (shown other) "null: it is not supported"
        | _ -> ()

    let private bpe added place =
        refuseOther "continuing_subword_prefix" place
        refuseOther "end_of_word_suffix" place

        match optional "dropout" place with
        | Some dropout when number dropout <> 0. -> raiseAt dropout (shown dropout) "null: it is not supported"
        | _ -> ()

        let vocab = required "vocab" place
        let vocabulary = vocabulary vocab (idsOf vocab) added
        let merges = required "merges" place

        let options = {
            UnknownId = optional "unk_token" place |> Option.map (tokenId vocabulary)
            FuseUnknown = flagOr false "fuse_unk" place
            ByteFallback = flagOr false "byte_fallback" place
            IgnoreMerges = flagOr false "ignore_merges" place
        }

        match items merges |> List.map merge |> List.toArray |> Bpe.create vocabulary options with
        | Ok model -> vocabulary, TokenModel.Bpe model
        | Error(rank, missing) ->
            raiseAt
                {
                    merges with
                        Path = $"%s{merges.Path}[%d{rank}]"
                }
                $"'%s{missing}'"
                "tokens of the vocabulary"

    let private unigram added place =
        let pieces = [|
            for piece in required "vocab" place |> items do
                match items piece with
                | [ token; score ] -> struct (text token, number score)
                | _ -> raiseAt piece (shown piece) "a piece and its score"
        |]

        let entries = pieces |> Seq.mapi (fun id (struct (token, _)) -> struct (id, token)) |> Seq.toList
        let vocabulary = vocabulary (required "vocab" place) entries added
        let unknown = required "unk_id" place

        match whole unknown with
        | id when id >= 0 && id < pieces.Length ->
            vocabulary, TokenModel.Unigram(Unigram.create pieces id (flagOr false "byte_fallback" place))
        | id -> raiseAt unknown (string id) $"an id from 0 to %d{pieces.Length - 1}"

    /// Files of 2020 leave the type out: each model has a field of its own.
    let private modelType place =
        match child "type" place with
        | Some _ -> typeOf [ "WordPiece"; "BPE"; "Unigram" ] place
        | None when (child "merges" place).IsSome -> "BPE"
        | None when (child "unk_id" place).IsSome -> "Unigram"
        | None when (child "max_input_chars_per_word" place).IsSome -> "WordPiece"
        | None -> raiseAt place "nothing" "a field 'type'"

    let private checkedId (vocabulary: Vocabulary) place =
        match whole place with
        | id when id >= 0 && id < vocabulary.Size -> id
        | id -> raiseAt place (string id) $"an id from 0 to %d{vocabulary.Size - 1}"

    let private template (vocabulary: Vocabulary) processor name (texts: string list) =
        let place = required name processor

        let pieces = [
            for item in items place do
                match child "SpecialToken" item, child "Sequence" item with
                | Some special, _ ->
                    let segment = required "type_id" special |> whole
                    let token = processor |> required "special_tokens" |> required (required "id" special |> text)

                    for id in required "ids" token |> items do
                        SpecialPiece(checkedId vocabulary id, segment)
                | None, Some sequence ->
                    let segment = required "type_id" sequence |> whole

                    match required "id" sequence |> text with
                    | "A" -> FirstText segment
                    | "B" -> SecondText segment
                    | other -> raiseAt sequence $"'%s{other}'" "'A' or 'B'"
                | None, None -> raiseAt item (shown item) "a SpecialToken or a Sequence"
        ]

        let found =
            pieces
            |> List.choose (function
                | FirstText _ -> Some "A"
                | SecondText _ -> Some "B"
                | SpecialPiece _ -> None)

        if List.sort found <> texts then
            let show (names: string list) = "Sequences " + String.Join(", ", names)
            raiseAt place (show found) (show texts)

        pieces

    let private blanks place =
        if flagOr true "trim_offsets" place then
            Trimmed(flagOr true "add_prefix_space" place)
        else
            Kept

    /// What one processor adds to those before it: ByteLevel says of offsets only, the others of templates.
    let private withProcessor vocabulary (before: PostProcessor) place =
        let pairOf name =
            match required name place |> items with
            | [ _; id ] -> checkedId vocabulary id
            | _ -> raiseAt (required name place) (shown (required name place)) "a pair of token and id"

        match
            typeOf
                [
                    "TemplateProcessing"
                    "BertProcessing"
                    "RobertaProcessing"
                    "ByteLevel"
                    "Sequence"
                ]
                place
        with
        | "BertProcessing" -> {
            PostProcessor.bert (pairOf "cls") (pairOf "sep") with
                OffsetBlanks = before.OffsetBlanks
          }
        | "RobertaProcessing" -> {
            PostProcessor.roberta (pairOf "cls") (pairOf "sep") with
                OffsetBlanks = blanks place
          }
        | "ByteLevel" -> {
            before with
                OffsetBlanks = blanks place
          }
        | _ -> {
            before with
                Single = template vocabulary place "single" [ "A" ]
                Pair = template vocabulary place "pair" [ "A"; "B" ]
          }

    let private decoder place =
        let supported = [
            "WordPiece"
            "ByteLevel"
            "Metaspace"
            "ByteFallback"
            "Replace"
            "Strip"
            "Fuse"
            "Sequence"
        ]

        match typeOf supported place with
        | "WordPiece" ->
            Decoder.WordPiece {
                Prefix = required "prefix" place |> text
                Cleanup = required "cleanup" place |> flag
            }
        | "ByteLevel" -> Decoder.ByteLevel
        | "Metaspace" -> Decoder.Metaspace(signAndScheme place)
        | "ByteFallback" -> Decoder.ByteFallback
        | "Replace" -> Decoder.Replace(required "pattern" place |> pattern, required "content" place |> text)
        | "Strip" ->
            Decoder.Strip(
                required "content" place |> text,
                required "start" place |> whole,
                required "stop" place |> whole
            )
        | _ -> Decoder.Fuse

    let private read (namesOf: Vocabulary -> SpecialNames) root =
        // The model first: of a file of another family, its type is what the user wants to hear.
        let model = required "model" root
        let kind = modelType model

        let added =
            match optional "added_tokens" root with
            | Some tokens -> items tokens |> List.map addedToken
            | None -> []

        let normalizers = flat "normalizer" "normalizers" normalizer root
        let preTokenizers = flat "pre_tokenizer" "pretokenizers" preTokenizer root

        let vocabulary, model =
            match kind with
            | "WordPiece" -> wordPiece added model
            | "BPE" -> bpe added model
            | _ -> unigram added model

        let tokenizer =
            Tokenizer.ofPartsNamed (namesOf vocabulary) {
                Vocabulary = vocabulary
                AddedTokens = added
                Normalizers = normalizers
                PreTokenizers = preTokenizers
                Model = model
                PostProcessor =
                    flat "post_processor" "processors" id root
                    |> List.fold (withProcessor vocabulary) PostProcessor.none
                Decoders = flat "decoder" "decoders" decoder root
            }

        match kind, Tokenizer.specials tokenizer with
        | "WordPiece", Error missing ->
            raiseAt (root |> required "model" |> required "vocab") $"no '%s{missing}'" "BERT's special tokens"
        | _ -> tokenizer

    /// Special tokens go by the names that `namesOf` gives for the file's vocabulary. Errors as `load`'s.
    let loadNamed (namesOf: Vocabulary -> SpecialNames) (path: string) : Result<Tokenizer, GlemError> =
        readFile "tokenizer.json" path (read namesOf)

    /// Errors name the file and the key: what is not JSON, what lacks a field, a type of model or stage that is not
    /// supported, ids that are not 0 .. n-1, merges of what is no token.
    let load (path: string) : Result<Tokenizer, GlemError> = loadNamed SpecialNames.guess path
