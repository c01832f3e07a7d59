namespace Glem

open System

/// What students say of every node. Nodes that training did not see are answered for after it: by the LM from their
/// texts alone, by the GNN on the graph with their edges. Where training saw every node, its own answers are these.
module Everywhere =
    /// Rows of all nodes, row-major : [n; width].   seen : [m; width]   unseen : [n - m; width]
    let private merge (all: Everything) width (seen: float32[]) (unseen: float32[]) =
        let rows = Array.zeroCreate (seen.Length + unseen.Length)
        let place (from: float32[]) at row = Array.blit from (at * width) rows (row * width) width
        all.Seen |> Array.iteri (place seen)
        all.Unseen |> Array.iteri (place unseen)
        rows

    /// Vectors of all nodes : [n; d].   seen : [m; d]   unseen : [n - m; d]
    let private mergeVectors memory (all: Everything) (seen: Vectors) (unseen: Vectors) =
        let row = Array.zeroCreate<float32> seen.Width

        Vectors.build memory (seen.Count + unseen.Count) seen.Width (fun write ->
            let place (from: Vectors) at node =
                from.Row(at).CopyTo(Span row)
                write node (ReadOnlyMemory row)

            all.Seen |> Array.iteri (place seen)
            all.Unseen |> Array.iteri (place unseen))

    let private mergePosteriors all (seen: Posterior<'s>) (unseen: Posterior<'s>) : Posterior<'s> =
        merge all seen.ClassCount (seen.Logits.ToArray()) (unseen.Logits.ToArray())
        |> Posterior.ofLogits seen.ClassCount

    /// An LM's embeddings and posterior.   previous : the LM of the round before, on every node
    let lm (study: Study) (previous: LmFit option) (fit: LmFit, q: Posterior<Lm>) : LmFit * Posterior<Lm> =
        match study.Everything with
        | None -> fit, q
        | Some all ->
            let texts = all.Unseen |> Array.map (fun i -> all.Study.Texts[i])
            let unseen, qUnseen = Study.readLm study all.UnseenFrozen texts fit.Weights
            let embeddings = mergeVectors study.Compute.Memory all fit.Embeddings unseen.Embeddings

            {
                fit with
                    Embeddings = embeddings
                    PreviousEmbeddings = previous |> Option.map _.Embeddings |> Option.defaultValue embeddings
            },
            mergePosteriors all q qUnseen

    let private predict (study: Study) (all: Everything) (inputs: NodeInputs) (phi: Weights, p: Posterior<Gnn>) =
        let whole = Study.readGnn all.Study (study.Gnn inputs) inputs phi
        let rows = whole.Logits.ToArray()
        let c = whole.ClassCount
        let unseen = all.Unseen |> Array.collect (fun i -> Array.sub rows (i * c) c) |> Posterior.ofLogits c
        mergePosteriors all p unseen

    /// A GNN's inputs in a round and its posterior.   lm : what it read, on every node
    let gnn (study: Study) (steps: Steps) round (lm: LmFit, q: Posterior<Lm>) (phi: Weights, p: Posterior<Gnn>) =
        match study.Everything with
        | None -> Study.nodeInputs study steps round lm q, p
        | Some all ->
            let inputs = Study.nodeInputs all.Study steps round lm q
            inputs, predict study all inputs (phi, p)

    /// The same of the GNN on gold labels.   read : its inputs   lm : what made them, on every node
    /// Of nodes that training did not see no stage was ever sure: where stages lend each other labels, theirs say nothing.
    let staticGnn (study: Study) (steps: Steps) lm (read: NodeInputs, fit) =
        match study.Everything, study.Recipe.Gnn.ReliableLabels, read.Labels with
        | None, _, _ -> read, snd fit
        | Some all, Some _, Some seen ->
            let nothing = Array.zeroCreate (all.Unseen.Length * seen.Classes)
            let whole = Study.nodeInputs all.Study steps 1 (fst lm) (snd lm)

            let label (labels: LabelRows) = {
                labels with
                    Rows = merge all seen.Classes seen.Rows nothing
            }

            let inputs = {
                whole with
                    Labels = whole.Labels |> Option.map label
            }

            inputs, predict study all inputs fit
        | Some _, _, _ -> gnn study steps 1 lm fit

    /// The posterior of a GNN on features that no language model made.   features : of every node
    let gnnOnFeatures (study: Study) (features: Lazy<RawFeatures>) (phi: Weights, p: Posterior<Gnn>) : Posterior<Gnn> =
        match study.Everything with
        | None -> p
        | Some all -> predict study all (Study.featureInputs features.Value) (phi, p)
