namespace Glem

open System.IO
open System.Text.Json
open JsonPlace

/// What the small JSON files of a Hugging Face folder say of its tokenizer, each of them optional:
/// tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json.
type internal FolderSettings = {
    /// tokenizer_config.json's tokenizer_class without "Fast", or config.json's model_type.
    Family: string option
    LowerCase: bool option
    StripAccents: bool option
    TokenizeChineseChars: bool
    AddPrefixSpace: bool
    TrimOffsets: bool
    SplitByPunctuation: bool
    /// By key: pad_token and so on.
    Names: Map<string, string>
    /// added_tokens.json, and tokenizer_config.json's added_tokens_decoder, which says more.
    Added: AddedToken list
}

module internal FolderSettings =
    let private empty = {
        Family = None
        LowerCase = None
        StripAccents = None
        TokenizeChineseChars = true
        AddPrefixSpace = false
        TrimOffsets = true
        SplitByPunctuation = false
        Names = Map.empty
        Added = []
    }

    let private nameKeys = [ "pad_token"; "unk_token"; "cls_token"; "sep_token"; "mask_token" ]

    /// A special token is a string, or an object with its flags.
    let private content place =
        match place.Json.ValueKind with
        | JsonValueKind.Object -> required "content" place |> text
        | _ -> text place

    let private names root settings = {
        settings with
            Names =
                nameKeys
                |> List.fold
                    (fun names key ->
                        match optional key root with
                        | Some place -> Map.add key (content place) names
                        | None -> names)
                    settings.Names
    }

    let private addedDecoder root =
        match optional "added_tokens_decoder" root with
        | None -> []
        | Some decoder -> [
            for key, token in fields decoder ->
                match System.Int32.TryParse key with
                | true, id -> {
                    Id = id
                    Content = required "content" token |> text
                    Special = flagOr false "special" token
                    Normalized = flagOr true "normalized" token
                    SingleWord = flagOr false "single_word" token
                    LStrip = flagOr false "lstrip" token
                    RStrip = flagOr false "rstrip" token
                  }
                | _ -> raiseAt token $"'%s{key}'" "an id"
          ]

    let private ofTokenizerConfig root (settings: FolderSettings) =
        names root {
            settings with
                Family =
                    match optional "tokenizer_class" root |> Option.map text with
                    | Some name when name.EndsWith "Fast" -> Some(name.Substring(0, name.Length - 4))
                    | Some name -> Some name
                    | None -> settings.Family
                LowerCase = optional "do_lower_case" root |> Option.map flag
                StripAccents = optional "strip_accents" root |> Option.map flag
                TokenizeChineseChars = flagOr true "tokenize_chinese_chars" root
                AddPrefixSpace = flagOr false "add_prefix_space" root
                TrimOffsets = flagOr true "trim_offsets" root
                SplitByPunctuation = flagOr false "split_by_punct" root
                Added =
                    let decoded = addedDecoder root
                    let known = decoded |> List.map _.Id |> Set.ofList
                    decoded @ (settings.Added |> List.filter (fun token -> not (known.Contains token.Id)))
        }

    let private ofAddedTokens root (settings: FolderSettings) = {
        settings with
            Added = [
                for name, id in fields root ->
                    {
                        AddedToken.special (whole id) name with
                            Special = false
                            Normalized = true
                    }
            ]
    }

    let private ofModelConfig root (settings: FolderSettings) = {
        settings with
            Family = optional "model_type" root |> Option.map text
    }

    /// Errors name the file and the key.
    let load (folder: string) : Result<FolderSettings, GlemError> =
        [
            "config.json", ofModelConfig
            "added_tokens.json", ofAddedTokens
            "special_tokens_map.json", names
            "tokenizer_config.json", ofTokenizerConfig
        ]
        |> List.fold
            (fun settings (name, read) ->
                settings
                |> Result.bind (fun settings ->
                    let path = Path.Combine(folder, name)

                    if File.Exists path then
                        readFile name path (fun root -> read root settings)
                    else
                        Ok settings))
            (Ok empty)

    /// The names of special tokens, where the folder does not say them those of its kind.
    let specialNames (fallback: SpecialNames) (settings: FolderSettings) =
        let name key fallback = settings.Names |> Map.tryFind key |> Option.defaultValue fallback

        {
            PadName = name "pad_token" fallback.PadName
            UnknownName = name "unk_token" fallback.UnknownName
            ClsName = name "cls_token" fallback.ClsName
            SepName = name "sep_token" fallback.SepName
            MaskName = name "mask_token" fallback.MaskName
        }
