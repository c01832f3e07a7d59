namespace Glem

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json

/// Texts that have been tokenised, and tokenizers that have been learnt from them, on disk for every run that asks again.
type TokenStore = {
    Folder: string
    /// Hears of a file that is damaged or cannot be written; the work goes on without it.
    Notice: string -> unit
}

/// A file's name is a digest of all that decides its content, so it is never out of date, and processes that race for it
/// write the same.
module TokenStore =
    /// `tokens` in the cache folder; notices go to the standard error.
    let standard () = {
        Folder = Path.Combine(CacheFolder.path (), "tokens")
        Notice = eprintfn "note: %s"
    }

    /// The same for one build of tokenizers: another one may cut texts otherwise.
    let private build = typeof<Tokenizer>.Assembly.ManifestModule.ModuleVersionId.ToByteArray()

    let private file (store: TokenStore) (ending: string) (parts: byte[] list) =
        let name = build :: parts |> Array.concat |> SHA256.HashData |> Convert.ToHexStringLower
        Path.Combine(store.Folder, $"%s{name}.%s{ending}")

    /// What was read of the file; where it is absent or damaged, it is written first. None where it can be neither.
    let private kept (store: TokenStore) (path: string) (read: string -> 'a) (write: string -> unit) : 'a option =
        let tryRead () =
            try
                if File.Exists path then Some(read path) else None
            with
            | :? InvalidDataException
            | :? IOException
            | :? UnauthorizedAccessException as problem ->
                store.Notice $"%s{path} is made again: %s{problem.Message}"
                None

        match tryRead () with
        | Some found ->
            Beside.forget path
            Some found
        | None ->
            try
                Directory.CreateDirectory store.Folder |> ignore
                write path
                tryRead ()
            with
            | :? IOException
            | :? UnauthorizedAccessException as problem ->
                store.Notice $"%s{path} cannot be written, so the next run tokenises anew: %s{problem.Message}"
                None

    let private vocabularyKind = "glem words 1"

    let private writeVocabulary path (tokenizer: Tokenizer) =
        CheckedFile.write path vocabularyKind (fun stream ->
            for id in 0 .. tokenizer.VocabularySize - 1 do
                stream.Write(Encoding.UTF8.GetBytes(Tokenizer.tokenOf tokenizer id + "\n")))

    let private readVocabulary (training: WordPieceTraining) path =
        let file = CheckedFile.read path vocabularyKind
        let start = int64 CheckedFile.headerBytes
        let lines = file.Memory<byte>(start, int (file.Length - start))
        let tokens = (Encoding.UTF8.GetString lines.Span).TrimEnd('\n').Split '\n'

        match Vocabulary.create tokens |> Result.mapError string |> Result.bind (WordPieceTrainer.around training) with
        | Ok tokenizer -> tokenizer
        | Error problem -> raise (InvalidDataException problem)

    /// WordPieceTrainer's tokenizer of the texts. Error: what it says of them.
    let learn (store: TokenStore) (training: WordPieceTraining) (texts: string[]) : Result<Tokenizer, GlemError> =
        let path =
            file store "vocabulary" [ JsonSerializer.SerializeToUtf8Bytes training; TextDigest.ofTexts texts ]

        let trained = lazy (WordPieceTrainer.train training texts)

        try
            kept store path (readVocabulary training) (fun path ->
                trained.Value |> Result.orRaise |> writeVocabulary path)
            |> Option.map Ok
            |> Option.defaultWith trained.Force
        with GlemException error ->
            Error error

    let private contentOf (tokenizer: Tokenizer) =
        use json = new MemoryStream()
        TokenizerJsonWriter.writeTo json tokenizer
        SHA256.HashData(json.ToArray())

    /// Every text's ids as Tokenizer.encodeAll gives them, in memory or from a mapped file.
    /// Raises as Tokenizer.encodeAll does.
    let encode (store: TokenStore) (tokenizer: Tokenizer) (maxTokens: int) (texts: string[]) : TokenisedTexts =
        let path =
            file store "tokens" [
                TextDigest.ofTexts texts
                contentOf tokenizer
                BitConverter.GetBytes maxTokens
            ]

        let write path =
            Seq.chunkBySize TextPass.block texts
            |> Seq.map (Tokenizer.encodeAll tokenizer maxTokens)
            |> TokenFile.write path

        kept store path TokenFile.read write
        |> Option.defaultWith (fun () ->
            let packed = Tokenizer.encodeAll tokenizer maxTokens texts
            Array.init packed.Count packed.Text)
