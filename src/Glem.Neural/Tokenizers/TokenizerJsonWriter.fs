namespace Glem

open System.IO
open System.Text.Encodings.Web
open System.Text.Json

/// Writes Hugging Face's tokenizer.json.
module TokenizerJsonWriter =
    let private writeObject (json: Utf8JsonWriter) (name: string) (fields: unit -> unit) =
        json.WriteStartObject name
        fields ()
        json.WriteEndObject()

    let private writeAddedToken (json: Utf8JsonWriter) (token: AddedToken) =
        json.WriteStartObject()
        json.WriteNumber("id", token.Id)
        json.WriteString("content", token.Content)
        json.WriteBoolean("single_word", token.SingleWord)
        json.WriteBoolean("lstrip", token.LStrip)
        json.WriteBoolean("rstrip", token.RStrip)
        json.WriteBoolean("normalized", token.Normalized)
        json.WriteBoolean("special", token.Special)
        json.WriteEndObject()

    /// null, one stage, or a sequence of them.
    ///   steps : the field of a sequence that holds the others
    let private writeStages
        (json: Utf8JsonWriter)
        (name: string)
        (steps: string)
        (write: 'a -> unit)
        (stages: 'a list)
        =
        match stages with
        | [] -> json.WriteNull name
        | [ stage ] -> writeObject json name (fun () -> write stage)
        | stages ->
            writeObject json name (fun () ->
                json.WriteString("type", "Sequence")
                json.WriteStartArray steps

                for stage in stages do
                    json.WriteStartObject()
                    write stage
                    json.WriteEndObject()

                json.WriteEndArray())

    let private writeBertNormalizer (json: Utf8JsonWriter) (normalizer: BertNormalizer) =
        json.WriteString("type", "BertNormalizer")
        json.WriteBoolean("clean_text", normalizer.CleanText)
        json.WriteBoolean("handle_chinese_chars", normalizer.HandleChineseChars)

        match normalizer.StripAccents with
        | Some strip -> json.WriteBoolean("strip_accents", strip)
        | None -> json.WriteNull "strip_accents"

        json.WriteBoolean("lowercase", normalizer.Lowercase)

    let private writePattern (json: Utf8JsonWriter) (pattern: TextPattern) =
        writeObject json "pattern" (fun () ->
            match pattern.Source with
            | Literal literal -> json.WriteString("String", literal)
            | Expression expression -> json.WriteString("Regex", expression))

    let private writeReplace (json: Utf8JsonWriter) pattern (content: string) =
        json.WriteString("type", "Replace")
        writePattern json pattern
        json.WriteString("content", content)

    let private writeNormalizer (json: Utf8JsonWriter) normalizer =
        let named (name: string) = json.WriteString("type", name)

        match normalizer with
        | Normalizer.Bert bert -> writeBertNormalizer json bert
        | Normalizer.Unicode form -> named ((string form).ToUpperInvariant())
        | Normalizer.Lowercase -> named "Lowercase"
        | Normalizer.StripAccents -> named "StripAccents"
        | Normalizer.Strip(left, right) ->
            named "Strip"
            json.WriteBoolean("strip_left", left)
            json.WriteBoolean("strip_right", right)
        | Normalizer.Replace(pattern, content) -> writeReplace json pattern content
        | Normalizer.Prepend prefix ->
            named "Prepend"
            json.WriteString("prepend", prefix)
        | Normalizer.Precompiled map ->
            named "Precompiled"
            json.WriteBase64String("precompiled_charsmap", map.Bytes.Span)

    let private writeMetaspace (json: Utf8JsonWriter) (sign: string) (scheme: PrependScheme) split =
        json.WriteString("type", "Metaspace")
        json.WriteString("replacement", sign)
        json.WriteString("prepend_scheme", (string scheme).ToLowerInvariant())
        json.WriteBoolean("split", split)

    let private writeByteLevel (json: Utf8JsonWriter) addPrefixSpace useRegex =
        json.WriteString("type", "ByteLevel")
        json.WriteBoolean("add_prefix_space", addPrefixSpace)
        json.WriteBoolean("trim_offsets", true)
        json.WriteBoolean("use_regex", useRegex)

    let private writePreTokenizer (json: Utf8JsonWriter) preTokenizer =
        let named (name: string) = json.WriteString("type", name)

        match preTokenizer with
        | PreTokenizer.Bert -> named "BertPreTokenizer"
        | PreTokenizer.Whitespace -> named "Whitespace"
        | PreTokenizer.WhitespaceSplit -> named "WhitespaceSplit"
        | PreTokenizer.ByteLevel(addPrefixSpace, useRegex) -> writeByteLevel json addPrefixSpace useRegex
        | PreTokenizer.Metaspace(sign, scheme, split) -> writeMetaspace json sign scheme split
        | PreTokenizer.Split(pattern, behavior, invert) ->
            named "Split"
            writePattern json pattern
            json.WriteString("behavior", string behavior)
            json.WriteBoolean("invert", invert)
        | PreTokenizer.Punctuation behavior ->
            named "Punctuation"
            json.WriteString("behavior", string behavior)
        | PreTokenizer.Digits individual ->
            named "Digits"
            json.WriteBoolean("individual_digits", individual)
        | PreTokenizer.CharDelimiterSplit delimiter ->
            named "CharDelimiterSplit"
            json.WriteString("delimiter", delimiter)

    let private writeDecoder (json: Utf8JsonWriter) decoder =
        let named (name: string) = json.WriteString("type", name)

        match decoder with
        | Decoder.WordPiece decoder ->
            named "WordPiece"
            json.WriteString("prefix", decoder.Prefix)
            json.WriteBoolean("cleanup", decoder.Cleanup)
        | Decoder.ByteLevel -> writeByteLevel json true true
        | Decoder.Metaspace(sign, scheme) -> writeMetaspace json sign scheme true
        | Decoder.ByteFallback -> named "ByteFallback"
        | Decoder.Replace(pattern, content) -> writeReplace json pattern content
        | Decoder.Strip(content, start, stop) ->
            named "Strip"
            json.WriteString("content", content)
            json.WriteNumber("start", start)
            json.WriteNumber("stop", stop)
        | Decoder.Fuse -> named "Fuse"

    let private writeTemplate (json: Utf8JsonWriter) (vocabulary: Vocabulary) (name: string) template =
        let piece (kind: string) (id: string) (segment: int) =
            json.WriteStartObject()

            writeObject json kind (fun () ->
                json.WriteString("id", id)
                json.WriteNumber("type_id", segment))

            json.WriteEndObject()

        json.WriteStartArray name

        for part in template do
            match part with
            | SpecialPiece(id, segment) -> piece "SpecialToken" (vocabulary.TokenOf id) segment
            | FirstText segment -> piece "Sequence" "A" segment
            | SecondText segment -> piece "Sequence" "B" segment

        json.WriteEndArray()

    let private writeTemplates (json: Utf8JsonWriter) (vocabulary: Vocabulary) (processor: PostProcessor) =
        json.WriteString("type", "TemplateProcessing")
        writeTemplate json vocabulary "single" processor.Single
        writeTemplate json vocabulary "pair" processor.Pair

        writeObject json "special_tokens" (fun () ->
            processor.Single @ processor.Pair
            |> List.choose (function
                | SpecialPiece(id, _) -> Some id
                | FirstText _
                | SecondText _ -> None)
            |> List.distinct
            |> List.iter (fun id ->
                let token = vocabulary.TokenOf id

                writeObject json token (fun () ->
                    json.WriteString("id", token)
                    json.WriteStartArray "ids"
                    json.WriteNumberValue id
                    json.WriteEndArray()
                    json.WriteStartArray "tokens"
                    json.WriteStringValue token
                    json.WriteEndArray())))

    let private writePostProcessor (json: Utf8JsonWriter) vocabulary (processor: PostProcessor) =
        let blanks =
            match processor.OffsetBlanks with
            | Kept -> []
            | Trimmed prefixAdded -> [ fun () -> writeByteLevel json prefixAdded true ]

        blanks @ [ fun () -> writeTemplates json vocabulary processor ]
        |> writeStages json "post_processor" "processors" (fun write -> write ())

    let private writeVocabulary (json: Utf8JsonWriter) (vocabulary: Vocabulary) =
        writeObject json "vocab" (fun () ->
            for id in 0 .. vocabulary.Size - 1 do
                if vocabulary.HasToken id then
                    json.WriteNumber(vocabulary.TokenOf id, id))

    let private writeWordPiece (json: Utf8JsonWriter) (vocabulary: Vocabulary) (model: WordPiece) =
        json.WriteString("type", "WordPiece")
        json.WriteString("unk_token", vocabulary.TokenOf model.UnknownId)
        json.WriteString("continuing_subword_prefix", model.Prefix)
        json.WriteNumber("max_input_chars_per_word", model.MaxCharsPerWord)
        writeVocabulary json vocabulary

    let private writeBpe (json: Utf8JsonWriter) (vocabulary: Vocabulary) (model: Bpe) =
        json.WriteString("type", "BPE")
        json.WriteNull "dropout"

        match model.Options.UnknownId with
        | Some id -> json.WriteString("unk_token", vocabulary.TokenOf id)
        | None -> json.WriteNull "unk_token"

        json.WriteNull "continuing_subword_prefix"
        json.WriteNull "end_of_word_suffix"
        json.WriteBoolean("fuse_unk", model.Options.FuseUnknown)
        json.WriteBoolean("byte_fallback", model.Options.ByteFallback)
        json.WriteBoolean("ignore_merges", model.Options.IgnoreMerges)
        writeVocabulary json vocabulary
        json.WriteStartArray "merges"

        for struct (left, right) in model.Merges do
            json.WriteStartArray()
            json.WriteStringValue(vocabulary.TokenOf left)
            json.WriteStringValue(vocabulary.TokenOf right)
            json.WriteEndArray()

        json.WriteEndArray()

    let private writeUnigram (json: Utf8JsonWriter) (model: Unigram) =
        json.WriteString("type", "Unigram")
        json.WriteNumber("unk_id", model.UnknownId)
        json.WriteStartArray "vocab"

        for struct (piece, score) in model.Pieces do
            json.WriteStartArray()
            json.WriteStringValue piece
            json.WriteNumberValue score
            json.WriteEndArray()

        json.WriteEndArray()
        json.WriteBoolean("byte_fallback", model.ByteFallback)

    let private writeModel (json: Utf8JsonWriter) (parts: TokenizerParts) =
        match parts.Model with
        | TokenModel.WordPiece model -> writeWordPiece json parts.Vocabulary model
        | TokenModel.Bpe model -> writeBpe json parts.Vocabulary model
        | TokenModel.Unigram model -> writeUnigram json model

    let private write (json: Utf8JsonWriter) (parts: TokenizerParts) =
        json.WriteStartObject()
        json.WriteString("version", "1.0")
        json.WriteNull "truncation"
        json.WriteNull "padding"
        json.WriteStartArray "added_tokens"
        parts.AddedTokens |> List.iter (writeAddedToken json)
        json.WriteEndArray()
        writeStages json "normalizer" "normalizers" (writeNormalizer json) parts.Normalizers
        writeStages json "pre_tokenizer" "pretokenizers" (writePreTokenizer json) parts.PreTokenizers
        writePostProcessor json parts.Vocabulary parts.PostProcessor
        writeStages json "decoder" "decoders" (writeDecoder json) parts.Decoders
        writeObject json "model" (fun () -> writeModel json parts)
        json.WriteEndObject()

    /// The same tokenizer gives the same bytes. Truncation and padding are left to the reader.
    let writeTo (stream: Stream) (tokenizer: Tokenizer) =
        // The relaxed encoder leaves letters beyond ASCII readable; no HTML holds this file.
        let options = JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

        use json = new Utf8JsonWriter(stream, options)
        write json tokenizer.Parts

    /// Written beside and renamed, so that a reader never sees half a file. Raises IOException.
    let save (path: string) (tokenizer: Tokenizer) = WholeFile.write path (fun file -> writeTo file tokenizer)
