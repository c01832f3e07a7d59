namespace Glem

open System.IO
open System.Text.Json

/// Loads the tokenizer of a Hugging Face folder, from whichever files it has: tokenizer.json first, then spm.model,
/// vocab.json with merges.txt, and vocab.txt. The older files say less than they mean; what each family of tokenizers
/// adds to them is what transformers' converters to tokenizer.json add.
module TokenizerFolder =
    let private fail file place found expected : 'a =
        raise (GlemException(InFile(file, place, Shown.oneLine found, expected)))

    /// The specials that a vocabulary has, and the folder's own added tokens, which win.
    ///   maskTakesBlanks : the mask takes the white space before it along
    let private added (settings: FolderSettings) (names: SpecialNames) maskTakesBlanks (idOf: string -> int option) =
        let specials =
            [
                names.PadName
                names.UnknownName
                names.ClsName
                names.SepName
                names.MaskName
            ]
            |> List.distinct
            |> List.choose (fun name ->
                idOf name
                |> Option.map (fun id -> {
                    AddedToken.special id name with
                        LStrip = maskTakesBlanks && name = names.MaskName
                }))

        let special = specials |> List.map _.Content |> Set.ofList

        let own =
            settings.Added
            |> List.map (fun token -> if special.Contains token.Content then { token with Special = true } else token)

        let known = own |> List.map _.Content |> Set.ofList

        specials
        |> List.filter (fun token -> not (known.Contains token.Content))
        |> List.append own
        |> List.sortBy _.Id

    let private withAdded file (entries: seq<struct (int * string)>) (added: AddedToken list) =
        let all = Seq.append entries (added |> Seq.map (fun token -> struct (token.Id, token.Content)))

        match Vocabulary.ofEntries (added |> List.map _.Id |> Set.ofList) all with
        | Ok vocabulary -> vocabulary
        | Error(found, expected) -> fail file "" found expected

    let private idIn file (vocabulary: Vocabulary) name =
        match vocabulary.TryIdOf name with
        | Some id -> id
        | None -> fail file "" $"no '%s{name}'" "the special tokens of its kind"

    let private ofVocabularyTxt folder (settings: FolderSettings) =
        let path = Path.Combine(folder, "vocab.txt")
        let plain = VocabularyFile.load path |> Result.orRaise
        let names = FolderSettings.specialNames (SpecialNames.guess plain) settings
        let lowercase = settings.LowerCase |> Option.defaultValue true

        let normalizer = {
            BertNormalizer.uncased with
                HandleChineseChars = settings.TokenizeChineseChars
                StripAccents = settings.StripAccents
                Lowercase = lowercase
        }

        let added = added settings names false plain.TryIdOf
        let entries = plain.Tokens |> Seq.mapi (fun id token -> struct (id, token))
        let vocabulary = withAdded path entries added

        match Tokenizer.bertNamed names normalizer vocabulary with
        | Ok tokenizer ->
            Tokenizer.ofPartsNamed names {
                tokenizer.Parts with
                    AddedTokens = added
            }
        | Error missing -> fail path "" $"no '%s{missing}'" "BERT's special tokens"

    /// vocab.json: tokens and ids.
    let private vocabularyJson path =
        JsonPlace.readFile "vocab.json" path (fun root -> [
            for token, id in JsonPlace.fields root -> struct (JsonPlace.whole id, token)
        ])
        |> Result.orRaise

    /// [CLS] A [SEP] B [SEP]; RoBERTa's; or, without special tokens (GPT-2), none.
    let private byteLevelProcessor file (settings: FolderSettings) (names: SpecialNames) (vocabulary: Vocabulary) =
        let blanks = if settings.TrimOffsets then Trimmed settings.AddPrefixSpace else Kept
        let cls, sep = vocabulary.TryIdOf names.ClsName, vocabulary.TryIdOf names.SepName

        match settings.Family, cls, sep with
        | Some("DebertaTokenizer" | "deberta"), _, _ ->
            PostProcessor.bert (idIn file vocabulary names.ClsName) (idIn file vocabulary names.SepName)
        | Some("GPT2Tokenizer" | "gpt2"), _, _
        | None, None, _
        | None, _, None -> PostProcessor.none
        | None, Some cls, Some sep when names = SpecialNames.bert -> PostProcessor.bert cls sep
        | _ -> {
            PostProcessor.roberta (idIn file vocabulary names.ClsName) (idIn file vocabulary names.SepName) with
                OffsetBlanks = blanks
          }

    let private ofMerges folder (settings: FolderSettings) =
        let path = Path.Combine(folder, "vocab.json")
        let mergesPath = Path.Combine(folder, "merges.txt")
        let entries = vocabularyJson path
        let merges, lines = MergesFile.load mergesPath |> Result.orRaise
        let plain = withAdded path entries []
        let names = FolderSettings.specialNames (SpecialNames.guess plain) settings
        let added = added settings names true plain.TryIdOf
        let vocabulary = withAdded path entries added

        let options = {
            UnknownId = None
            FuseUnknown = false
            ByteFallback = false
            IgnoreMerges = false
        }

        match Bpe.create vocabulary options merges with
        | Error(rank, missing) -> fail mergesPath $"line %d{lines[rank]}" $"'%s{missing}'" "tokens of vocab.json"
        | Ok model ->
            Tokenizer.ofPartsNamed names {
                Vocabulary = vocabulary
                AddedTokens = added
                Normalizers = []
                PreTokenizers = [ PreTokenizer.ByteLevel(settings.AddPrefixSpace, true) ]
                Model = TokenModel.Bpe model
                PostProcessor = byteLevelProcessor path settings names vocabulary
                Decoders = [ Decoder.ByteLevel ]
            }

    let private blanks = Expression " {2,}" |> TextPattern.create

    let private spmNormalizers (settings: FolderSettings) stripFirst (spm: SentencePieceModel) =
        let collapse =
            match blanks with
            | Ok pattern when spm.RemoveExtraWhitespaces -> [ Normalizer.Replace(pattern, " ") ]
            | _ -> []

        let strip = if spm.RemoveExtraWhitespaces then [ Normalizer.Strip(true, true) ] else []
        let charsmap = spm.Charsmap |> Option.map Normalizer.Precompiled |> Option.toList

        [
            if settings.LowerCase = Some true then
                Normalizer.Lowercase

            if stripFirst then yield! strip @ charsmap else yield! charsmap @ strip

            yield! collapse
        ]

    let private spmModel path (spm: SentencePieceModel) pieces unknownId (vocabulary: Vocabulary) =
        match spm.Algorithm with
        | UnigramPieces -> TokenModel.Unigram(Unigram.create pieces unknownId spm.ByteFallback)
        | BpePieces ->
            let options = {
                UnknownId = Some unknownId
                FuseUnknown = true
                ByteFallback = spm.ByteFallback
                IgnoreMerges = false
            }

            match SentencePieceModel.merges pieces vocabulary with
            | Error piece -> fail path "key 'pieces'" $"a piece of %d{piece.Length} characters" "at most 1024"
            | Ok merges ->
                match Bpe.create vocabulary options merges with
                | Ok model -> TokenModel.Bpe model
                | Error(_, missing) -> fail path "key 'pieces'" $"no '%s{missing}'" "the parts of every piece"

    /// The pieces as the family numbers them, the id of the unknown one, and the names of its specials. fairseq put its
    /// own special tokens before sentencepiece's (Conneau et al. 2020; Martin et al. 2020).
    let private family path (settings: FolderSettings) (spm: SentencePieceModel) =
        let fairseq (first: struct (string * float) list) skipped =
            if spm.Pieces.Length < skipped then
                fail path "key 'pieces'" $"%d{spm.Pieces.Length}" $"at least %d{skipped}"

            let pieces = [| yield! first; yield! Array.skip skipped spm.Pieces; struct ("<mask>", 0.) |]

            struct (pieces, 3, SpecialNames.roberta)

        let has name = spm.Pieces |> Array.exists (fun (struct (piece, _)) -> piece = name)

        match settings.Family with
        | Some("XLMRobertaTokenizer" | "xlm-roberta") ->
            fairseq
                [
                    struct ("<s>", 0.)
                    struct ("<pad>", 0.)
                    struct ("</s>", 0.)
                    struct ("<unk>", 0.)
                ]
                3
        | Some("CamembertTokenizer" | "camembert") ->
            fairseq
                [
                    struct ("<s>NOTUSED", 0.)
                    struct ("<pad>", 0.)
                    struct ("</s>NOTUSED", 0.)
                    struct ("<unk>", 0.)
                    struct ("<unk>NOTUSED", -100.)
                ]
                1
        | Some("DebertaV2Tokenizer" | "deberta-v2") -> struct (spm.Pieces, spm.UnknownId, SpecialNames.bert)
        | None when has "[CLS]" && has "[SEP]" -> struct (spm.Pieces, spm.UnknownId, SpecialNames.bert)
        | other ->
            let found = other |> Option.map (fun name -> $"'%s{name}'") |> Option.defaultValue "nothing"
            let expected = "DebertaV2Tokenizer, XLMRobertaTokenizer or CamembertTokenizer"

            fail
                (Path.Combine(Path.GetDirectoryName path |> string, "tokenizer_config.json"))
                "key 'tokenizer_class'"
                found
                expected

    let private ofSentencePiece (path: string) (settings: FolderSettings) =
        let spm = SentencePieceModel.load path |> Result.orRaise
        let struct (pieces, unknownId, defaults) = family path settings spm
        let isBert = defaults = SpecialNames.bert
        let names = FolderSettings.specialNames defaults settings
        let entries = pieces |> Array.mapi (fun id (struct (piece, _)) -> struct (id, piece))
        let plain = withAdded path entries []

        // DeBERTa's mask is no piece: it comes after them.
        let idOf name =
            match plain.TryIdOf name with
            | None when name = names.MaskName -> Some plain.Size
            | found -> found

        let added = added settings names (not isBert) idOf
        let vocabulary = withAdded path entries added
        let cls, sep = idIn path vocabulary names.ClsName, idIn path vocabulary names.SepName
        let scheme = if spm.AddDummyPrefix then Always else Never

        Tokenizer.ofPartsNamed names {
            Vocabulary = vocabulary
            AddedTokens = added
            Normalizers = spmNormalizers settings isBert spm
            PreTokenizers = [
                if settings.SplitByPunctuation then
                    PreTokenizer.Punctuation Isolated
                PreTokenizer.Metaspace("▁", scheme, true)
            ]
            Model = spmModel path spm pieces unknownId vocabulary
            PostProcessor = (if isBert then PostProcessor.bert else PostProcessor.roberta) cls sep
            Decoders = [ Decoder.Metaspace("▁", scheme) ]
        }

    /// The names under which published folders keep sentencepiece's model.
    let private spmNames = [
        "spm.model"
        "sentencepiece.bpe.model"
        "spiece.model"
        "sentencepiece.model"
    ]

    let private loadOld folder =
        FolderSettings.load folder
        |> Result.map (fun settings ->
            let has name = File.Exists(Path.Combine(folder, name))

            match spmNames |> List.tryFind has with
            | Some name -> ofSentencePiece (Path.Combine(folder, name)) settings
            | None when has "vocab.json" && has "merges.txt" -> ofMerges folder settings
            | None when has "vocab.txt" -> ofVocabularyTxt folder settings
            | None ->
                fail folder "" "no tokenizer" "tokenizer.json, spm.model, vocab.json with merges.txt, or vocab.txt")

    /// tokenizer.json with the names of special tokens that the folder's other files say.
    let private loadJson folder path =
        FolderSettings.load folder
        |> Result.bind (fun settings ->
            let namesOf vocabulary = FolderSettings.specialNames (SpecialNames.guess vocabulary) settings

            TokenizerJsonReader.loadNamed namesOf path)

    /// Errors name the file, and the line, the key or the byte; a folder without a tokenizer; a family that
    /// docs/tokenizers.md does not list.
    let load (folder: string) : Result<Tokenizer, GlemError> =
        let path = Path.Combine(folder, "tokenizer.json")

        try
            if File.Exists path then loadJson folder path else loadOld folder
        with GlemException error ->
            Error error

    /// Writes tokenizer.json and the tokenizer_config.json with which transformers (and `load`) opens it: the names of the
    /// special tokens and the longest input. Each file is written beside and renamed. Raises IOException.
    let save (folder: string) (maxTokens: int) (tokenizer: Tokenizer) =
        TokenizerJsonWriter.save (Path.Combine(folder, "tokenizer.json")) tokenizer
        let names = tokenizer.SpecialNames

        WholeFile.write (Path.Combine(folder, "tokenizer_config.json")) (fun file ->
            use json = new Utf8JsonWriter(file, JsonWriterOptions(Indented = true))
            json.WriteStartObject()
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast")
            json.WriteNumber("model_max_length", maxTokens)

            for key, name in
                [
                    "pad_token", names.PadName
                    "unk_token", names.UnknownName
                    "cls_token", names.ClsName
                    "sep_token", names.SepName
                    "mask_token", names.MaskName
                ] do
                if (Tokenizer.idOf tokenizer name).IsSome then
                    json.WriteString(key, name)

            json.WriteEndObject())
