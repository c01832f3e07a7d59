namespace Glem

/// Where a study's language model comes from: a folder, or a tokenizer trained on the texts and random weights.
type LmSource = {
    Pretrained: PretrainedModel option
    Tokenizer: Tokenizer
    /// Tokens read of a text, special tokens included: the recipe's, as far as the encoder reads so many.
    MaxTokens: int
}

module LmSource =
    /// The tokenizer of an encoder's folder. Error: none, one that cannot be read, or more tokens than there are embeddings.
    let tokenizer (model: PretrainedModel) : Result<Tokenizer, GlemError> =
        TokenizerFolder.load model.Folder
        |> Result.bind (fun tokenizer ->
            let rows = (Encoder.shape model.Encoder).VocabularySize

            if tokenizer.VocabularySize <= rows then
                Ok tokenizer
            else
                let found = $"a tokenizer of %d{tokenizer.VocabularySize} tokens"
                Error(InFile(model.Folder, "", found, $"at most %d{rows}, the rows of the word embeddings")))

    let private ofFolder (recipe: LmRecipe) (folder: string) : Result<LmSource, GlemError> =
        PretrainedModel.load folder
        |> Result.bind (fun model ->
            tokenizer model
            |> Result.map (fun tokenizer -> {
                Pretrained = Some model
                Tokenizer = tokenizer
                MaxTokens = min recipe.MaxTokens (Encoder.capacity model.Encoder)
            }))

    /// Loads the recipe's folder, or learns a tokenizer from the texts where it names none. Error: a folder that cannot be loaded, a
    /// vocabulary that its embeddings have no rows for, texts too few for a vocabulary.
    let ofRecipe (store: TokenStore) (recipe: LmRecipe) (texts: string[]) : Result<LmSource, GlemError> =
        match recipe.Pretrained with
        | Some folder -> ofFolder recipe folder
        | None ->
            let training = {
                WordPieceTrainer.defaults with
                    VocabularySize = recipe.Vocabulary
                    SplitIdentifiers = recipe.SplitIdentifiers
            }

            TokenStore.learn store training texts
            |> Result.map (fun tokenizer -> {
                Pretrained = None
                Tokenizer = tokenizer
                MaxTokens = recipe.MaxTokens
            })

    /// Texts as the model reads them, tokenised once and kept.
    let encode (store: TokenStore) (source: LmSource) (texts: string[]) : TokenisedTexts =
        TokenStore.encode store source.Tokenizer source.MaxTokens texts

    /// The language model's shape.
    let model (recipe: LmRecipe) (classes: int) (source: LmSource) : LanguageModel =
        let tokenizer = source.Tokenizer
        let mask = tokenizer.Specials.Mask

        match source.Pretrained with
        | Some pretrained -> LanguageModel.onEncoder recipe pretrained.Encoder mask classes
        | None -> LanguageModel.ofRecipe recipe tokenizer.VocabularySize mask classes

    /// The encoder's weights before anything of ours trained them.
    let encoder (key: Key) (model: LanguageModel) (source: LmSource) : Weights =
        match source.Pretrained with
        | Some pretrained -> pretrained.Weights
        | None -> LanguageModel.initialEncoder key model
