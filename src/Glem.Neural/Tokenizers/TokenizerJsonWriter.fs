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

    let private writeNormalizer (json: Utf8JsonWriter) (normalizer: BertNormalizer) =
        json.WriteString("type", "BertNormalizer")
        json.WriteBoolean("clean_text", normalizer.CleanText)
        json.WriteBoolean("handle_chinese_chars", normalizer.HandleChineseChars)

        match normalizer.StripAccents with
        | Some strip -> json.WriteBoolean("strip_accents", strip)
        | None -> json.WriteNull "strip_accents"

        json.WriteBoolean("lowercase", normalizer.Lowercase)

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

    let private writePostProcessor (json: Utf8JsonWriter) (vocabulary: Vocabulary) (processor: PostProcessor) =
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

    let private writeModel (json: Utf8JsonWriter) (parts: TokenizerParts) =
        json.WriteString("type", "WordPiece")
        json.WriteString("unk_token", parts.Vocabulary.TokenOf parts.Model.UnknownId)
        json.WriteString("continuing_subword_prefix", parts.Model.Prefix)
        json.WriteNumber("max_input_chars_per_word", parts.Model.MaxCharsPerWord)

        writeObject json "vocab" (fun () ->
            parts.Vocabulary.Tokens |> Seq.iteri (fun id token -> json.WriteNumber(token, id)))

    let private write (json: Utf8JsonWriter) (parts: TokenizerParts) =
        json.WriteStartObject()
        json.WriteString("version", "1.0")
        json.WriteNull "truncation"
        json.WriteNull "padding"
        json.WriteStartArray "added_tokens"
        parts.AddedTokens |> List.iter (writeAddedToken json)
        json.WriteEndArray()
        writeObject json "normalizer" (fun () -> writeNormalizer json parts.Normalizer)
        writeObject json "pre_tokenizer" (fun () -> json.WriteString("type", "BertPreTokenizer"))
        writeObject json "post_processor" (fun () -> writePostProcessor json parts.Vocabulary parts.PostProcessor)

        writeObject json "decoder" (fun () ->
            json.WriteString("type", "WordPiece")
            json.WriteString("prefix", parts.Decoder.Prefix)
            json.WriteBoolean("cleanup", parts.Decoder.Cleanup))

        writeObject json "model" (fun () -> writeModel json parts)
        json.WriteEndObject()

    /// The same tokenizer gives the same bytes. Written beside and renamed, so that a reader never sees half a file.
    /// Truncation and padding are left to the reader. Raises IOException.
    let save (path: string) (tokenizer: Tokenizer) =
        let beside = path + ".partial"

        // The relaxed encoder leaves letters beyond ASCII readable; no HTML holds this file.
        do
            use file = File.Create beside

            use json =
                new Utf8JsonWriter(
                    file,
                    JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)
                )

            write json tokenizer.Parts

        File.Move(beside, path, true)
