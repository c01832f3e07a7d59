namespace Glem

open System
open System.Collections.Generic
open TorchSharp

/// What a frozen encoder makes of texts : [n; d] each, before any projection.
type PooledTexts = {
    /// What the head classifies.
    Head: Vectors
    /// What the GNN reads; where both pool alike, the same.
    Embedding: Vectors
}

/// A language model whose encoder labels never move. It reads each text once, without dropout, and keeps the pooled vectors;
/// every stage trains projection and head on them, as training them through the frozen encoder would, but for rounding.
///   texts : what the model answers for, the lessons' nodes among them
type FrozenEncoder(compute: Compute, model: LanguageModel, texts: TokenisedTexts) =
    /// Texts in a forward pass.
    let batch = 64

    /// Vectors in a pass of the head.
    let block = 4096

    let c, width = model.Classes, LanguageModel.width model
    let d = (Encoder.shape model.Encoder).Hidden
    let prefix = Encoder.prefix model.Encoder
    let isEncoder (name: string) = name.StartsWith(prefix, StringComparison.Ordinal)
    let mutable kept: (Weights * PooledTexts) option = None

    // Stages hand the encoder's weights on as they are, so that two of the same are one.
    let isSame (a: Weights) (b: Weights) =
        a
        |> Seq.forall (fun pair -> not (isEncoder pair.Key) || obj.ReferenceEquals(pair.Value, b[pair.Key]))

    let read (weights: Weights) : PooledTexts =
        let pool pooling =
            use embedder = new Embedder(compute, model.Encoder, weights, pooling, 0)

            Vectors.build compute.Memory texts.Length d (fun write ->
                for rows in texts |> Array.map _.Length |> TextPass.batches batch do
                    let vectors = rows |> Array.map (fun row -> texts[row]) |> embedder.Embed
                    rows |> Array.iteri (fun i row -> write row (ReadOnlyMemory(vectors, i * d, d))))

        let head = pool model.Pooling

        {
            Head = head
            Embedding = if model.Embedding = model.Pooling then head else pool model.Embedding
        }

    let pooled (weights: Weights) =
        match kept with
        | Some(owner, pooled) when isSame owner weights -> pooled
        | _ ->
            let pooled = read weights
            kept <- Some(weights, pooled)
            pooled

    /// Projection and head under training.
    let parameters (weights: Weights) =
        let own = weights |> Seq.filter (fun pair -> not (isEncoder pair.Key)) |> Dictionary
        Parameters.Create(compute, LanguageModel.role model, own)

    /// Some texts' vectors : [k; d] float32.
    let gather (vectors: Vectors) (rows: int[]) =
        let some = Array.zeroCreate<float32>(rows.Length * d)
        rows |> Array.iteri (fun i row -> vectors.Row(row).CopyTo(Span(some, i * d, d)))
        torch.tensor(some).reshape([| int64 rows.Length; int64 d |]).``to`` compute.Device

    /// What a layer makes of some texts' vectors, row-major : [k; columns].
    let apply columns (layer: Tensor -> Tensor) (vectors: Vectors) (rows: int[]) =
        use _ = torch.no_grad ()
        let made = Array.zeroCreate<float32>(rows.Length * columns)

        for start in 0..block .. rows.Length - 1 do
            Scope.freeingAll (fun () ->
                let rows = Array.sub rows start (min block (rows.Length - start))
                let values = (gather vectors rows |> layer).cpu().contiguous().data<float32>().ToArray()
                Array.blit values 0 made (start * columns) values.Length)

        made

    let logits p pooled rows = apply c (LanguageModel.classify model p Evaluating) pooled.Head rows

    let survey p pooled weights : LmFit * Posterior<Lm> =
        let everyText = Array.init texts.Length id

        let embeddings =
            if model.Projection = 0 then
                pooled.Embedding
            else
                apply width (LanguageModel.project width p) pooled.Embedding everyText |> Vectors.ofArray width

        {
            Weights = weights
            Embeddings = embeddings
            PreviousEmbeddings = embeddings
        },
        Posterior.ofLogits c (logits p pooled everyText)

    /// What a model says of the texts: LanguageModel.read.
    member _.Read(weights: Weights) : LmFit * Posterior<Lm> =
        use p = parameters weights
        survey p (pooled weights) weights

    /// Trains projection and head on a stage's lesson from the starting weights: LanguageModel.fitTuned, where nothing of the
    /// encoder moves and neither it nor the texts drop anything.
    member _.Fit(stage: Stage, start: Weights) : LmFit * Posterior<Lm> =
        let pooled = pooled start
        use p = parameters start
        let taught, judged = stage.Lesson.Nodes |> Array.map int, stage.Validation.Nodes |> Array.map int

        LanguageModel.teach
            compute
            model
            stage
            p
            (fun _ -> 1.0)
            (taught |> Array.map (fun node -> texts[node].Length))
            (fun mode _ rows ->
                let logits =
                    rows
                    |> Array.map (fun row -> taught[row])
                    |> gather pooled.Head
                    |> LanguageModel.classify model p mode

                logits, _.backward())
            (fun () -> logits p pooled judged)

        let weights = Dictionary start

        for pair in p.Snapshot() do
            weights[pair.Key] <- pair.Value

        survey p pooled weights
