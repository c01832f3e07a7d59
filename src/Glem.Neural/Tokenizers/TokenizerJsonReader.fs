namespace Glem

open System
open System.IO
open System.Text.Json

/// Reads Hugging Face's tokenizer.json, as far as BERT's kind of tokenizer goes. What the file says of truncation and
/// padding is the caller's choice here, and not read.
module TokenizerJsonReader =
    /// Where in which file a value stands: what an error must name.
    type private Node =
        { File: string
          Path: string
          Json: JsonElement }

    let private raiseAt node found expected : 'a =
        let place = if node.Path = "" then "" else $"key '%s{node.Path}'"
        raise (GlemException(InFile(node.File, place, found, expected)))

    let private shown (json: JsonElement) =
        let text = json.GetRawText()
        if text.Length <= 60 then text else text.Substring(0, 60) + "…"

    let private child (name: string) node =
        let path = if node.Path = "" then name else node.Path + "." + name

        match node.Json.ValueKind with
        | JsonValueKind.Object ->
            match node.Json.TryGetProperty name with
            | true, json -> Some { node with Path = path; Json = json }
            | _ -> None
        | _ -> raiseAt node (shown node.Json) "an object"

    let private required name node =
        match child name node with
        | Some found -> found
        | None -> raiseAt node "nothing" $"a field '%s{name}'"

    let private text node =
        match node.Json.ValueKind with
        | JsonValueKind.String -> string (node.Json.GetString())
        | _ -> raiseAt node (shown node.Json) "a string"

    let private number node =
        match node.Json.ValueKind with
        | JsonValueKind.Number when fst (node.Json.TryGetInt32()) -> node.Json.GetInt32()
        | _ -> raiseAt node (shown node.Json) "a whole number"

    let private flag node =
        match node.Json.ValueKind with
        | JsonValueKind.True -> true
        | JsonValueKind.False -> false
        | _ -> raiseAt node (shown node.Json) "true or false"

    let private items node =
        match node.Json.ValueKind with
        | JsonValueKind.Array ->
            [ for i, json in Seq.indexed (node.Json.EnumerateArray()) ->
                  { node with Path = $"%s{node.Path}[%d{i}]"; Json = json } ]
        | _ -> raiseAt node (shown node.Json) "an array"

    /// A field that must be an object of one of the types that we have; the type and the object.
    let private typed name (supported: string list) root =
        let node = required name root
        let known = String.Join(" or ", supported)

        match node.Json.ValueKind with
        | JsonValueKind.Null -> raiseAt node "null" known
        | _ ->
            let kind = required "type" node
            let found = text kind
            if List.contains found supported then found, node else raiseAt kind $"'%s{found}'" $"%s{known}: no other is supported"

    let private addedToken node =
        { Id = required "id" node |> number
          Content = required "content" node |> text
          Special = required "special" node |> flag
          Normalized = required "normalized" node |> flag
          SingleWord = required "single_word" node |> flag
          LStrip = required "lstrip" node |> flag
          RStrip = required "rstrip" node |> flag }

    let private normalizer root =
        let _, node = typed "normalizer" [ "BertNormalizer" ] root

        { CleanText = required "clean_text" node |> flag
          HandleChineseChars = required "handle_chinese_chars" node |> flag
          StripAccents =
            child "strip_accents" node
            |> Option.filter (fun strip -> strip.Json.ValueKind <> JsonValueKind.Null)
            |> Option.map flag
          Lowercase = required "lowercase" node |> flag }

    /// Model tokens and added tokens, which may lie outside the model's, in the order of their ids.
    let private vocabulary root (added: AddedToken list) =
        let node = root |> required "model" |> required "vocab"

        let entries =
            match node.Json.ValueKind with
            | JsonValueKind.Object ->
                [| for entry in node.Json.EnumerateObject() ->
                       struct (number { node with Path = $"%s{node.Path}.%s{entry.Name}"; Json = entry.Value }, entry.Name) |]
            | _ -> raiseAt node (shown node.Json) "an object of tokens and ids"

        let all =
            [| yield! entries
               for token in added do
                   struct (token.Id, token.Content) |]
            |> Array.distinct
            |> Array.sortBy (fun (struct (id, _)) -> id)

        all
        |> Array.iteri (fun i (struct (id, token)) ->
            if id <> i then
                raiseAt node $"id %d{id} for '%s{token}'" $"id %d{i}: ids are 0, 1, 2, … without gap or repetition")

        match all |> Array.map (fun (struct (_, token)) -> token) |> Vocabulary.create with
        | Ok vocabulary -> vocabulary
        | Error duplicate ->
            let struct (_, token) = all[duplicate]
            raiseAt node $"'%s{token}' with two ids" "every token once"

    let private model (vocabulary: Vocabulary) root =
        let _, node = typed "model" [ "WordPiece" ] root
        let unknown = required "unk_token" node

        match vocabulary.TryIdOf(text unknown) with
        | None -> raiseAt unknown (shown unknown.Json) "a token of the vocabulary"
        | Some id ->
            WordPiece.create
                vocabulary
                id
                (required "continuing_subword_prefix" node |> text)
                (required "max_input_chars_per_word" node |> number)

    let private checkedId (vocabulary: Vocabulary) node =
        match number node with
        | id when id >= 0 && id < vocabulary.Size -> id
        | id -> raiseAt node (string id) $"an id from 0 to %d{vocabulary.Size - 1}"

    let private template (vocabulary: Vocabulary) processor name (texts: string list) =
        let node = required name processor

        let pieces =
            [ for item in items node do
                  match child "SpecialToken" item, child "Sequence" item with
                  | Some special, _ ->
                      let segment = required "type_id" special |> number
                      let token = processor |> required "special_tokens" |> required (required "id" special |> text)

                      for id in required "ids" token |> items do
                          SpecialPiece(checkedId vocabulary id, segment)
                  | None, Some sequence ->
                      let segment = required "type_id" sequence |> number

                      match required "id" sequence |> text with
                      | "A" -> FirstText segment
                      | "B" -> SecondText segment
                      | other -> raiseAt sequence $"'%s{other}'" "'A' or 'B'"
                  | None, None -> raiseAt item (shown item.Json) "a SpecialToken or a Sequence" ]

        let found =
            pieces
            |> List.choose (function
                | FirstText _ -> Some "A"
                | SecondText _ -> Some "B"
                | SpecialPiece _ -> None)

        if List.sort found <> texts then
            let show (names: string list) = "Sequences " + String.Join(", ", names)
            raiseAt node (show found) (show texts)

        pieces

    let private postProcessor vocabulary root =
        match typed "post_processor" [ "TemplateProcessing"; "BertProcessing" ] root with
        | "BertProcessing", node ->
            let id name =
                match required name node |> items with
                | [ _; id ] -> checkedId vocabulary id
                | _ -> raiseAt (required name node) (shown (required name node).Json) "a pair of token and id"

            PostProcessor.bert (id "cls") (id "sep")
        | _, node ->
            { Single = template vocabulary node "single" [ "A" ]
              Pair = template vocabulary node "pair" [ "A"; "B" ] }

    let private decoder root =
        let _, node = typed "decoder" [ "WordPiece" ] root

        { Prefix = required "prefix" node |> text
          Cleanup = required "cleanup" node |> flag }

    let private read root =
        // The model first: of a file of another family, its type is what the user wants to hear.
        typed "model" [ "WordPiece" ] root |> ignore
        typed "pre_tokenizer" [ "BertPreTokenizer" ] root |> ignore

        let added =
            match child "added_tokens" root with
            | Some node -> items node |> List.map addedToken
            | None -> []

        let vocabulary = vocabulary root added

        let parts =
            { Vocabulary = vocabulary
              AddedTokens = added
              Normalizer = normalizer root
              Model = model vocabulary root
              PostProcessor = postProcessor vocabulary root
              Decoder = decoder root }

        match Tokenizer.ofParts parts with
        | Ok tokenizer -> tokenizer
        | Error missing -> raiseAt (root |> required "model" |> required "vocab") $"no '%s{missing}'" "BERT's special tokens"

    /// Errors name the file and the key: what is not JSON, what lacks a field, a type of model or stage that is not
    /// BERT's, ids that are not 0 .. n-1.
    let load (path: string) : Result<Tokenizer, GlemError> =
        try
            use document = JsonDocument.Parse(File.ReadAllBytes path)
            Ok(read { File = path; Path = ""; Json = document.RootElement })
        with
        | GlemException error -> Error error
        | :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            Error(InFile(path, $"line %d{line}", "what is not JSON", "a tokenizer.json"))
        | :? InvalidOperationException -> // of GetString
            Error(InFile(path, "", "half a surrogate pair", "strings of whole characters"))
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error(InFile(path, "", problem.Message, "a readable tokenizer.json"))
