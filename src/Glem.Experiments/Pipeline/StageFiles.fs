namespace Glem

open System.Collections.Generic
open System.IO

/// How the stages' answers stand in the store: weights as model.safetensors under their own names, posteriors as their logits,
/// which give the same posterior to the bit, and the LM's embeddings of all nodes. Python opens all of them.
module StageFiles =
    let private weightsFile folder = Path.Combine(folder, "model.safetensors")
    let private posteriorFile folder name = Path.Combine(folder, $"%s{name}.safetensors")
    let private vectorsFile folder = Path.Combine(folder, "embeddings.safetensors")

    let private table (width: int) (values: float32[]) : Weight = {
        Shape = [| int64 (values.Length / width); int64 width |]
        Values = values
    }

    let private write (path: string) (tables: (string * Weight) list) =
        tables |> List.map KeyValuePair |> Dictionary :> Weights |> WeightsFile.save path

    let private writePosterior folder (name: string) (posterior: Posterior<'s>) =
        write (posteriorFile folder name) [ "logits", table posterior.ClassCount (posterior.Logits.ToArray()) ]

    let private readPosterior folder name : Posterior<'s> =
        let logits = (posteriorFile folder name |> WeightsFile.load).["logits"]
        Posterior.ofLogits (int logits.Shape[1]) logits.Values

    let baselines: Codec<Baselines> = {
        Write =
            fun folder baselines ->
                writePosterior folder "majority" baselines.Majority
                writePosterior folder "tfidf" baselines.Tfidf
        Read =
            fun folder -> {
                Majority = readPosterior folder "majority"
                Tfidf = readPosterior folder "tfidf"
            }
    }

    let weights: Codec<Weights> = {
        Write = fun folder weights -> WeightsFile.save (weightsFile folder) weights
        Read = fun folder -> WeightsFile.load (weightsFile folder)
    }

    /// A language model. Its embeddings of the round before are those of the stage before, which knows them.
    ///   previous : None where there was none, and they are its own   width : of the embeddings
    let lm (memory: MemoryBudget) (width: int) (previous: Vectors option) : Codec<TrainedLm> = {
        Write =
            fun folder (fit, q) ->
                weights.Write folder fit.Weights
                writePosterior folder "posterior" q
                VectorFile.write (vectorsFile folder) fit.Embeddings
        Read =
            fun folder ->
                let embeddings = VectorFile.read memory (vectorsFile folder) width

                {
                    Weights = weights.Read folder
                    Embeddings = embeddings
                    PreviousEmbeddings = Option.defaultValue embeddings previous
                },
                readPosterior folder "posterior"
    }

    let gnn: Codec<TrainedGnn> = {
        Write =
            fun folder (phi, p) ->
                weights.Write folder phi
                writePosterior folder "posterior" p
        Read = fun folder -> weights.Read folder, readPosterior folder "posterior"
    }

    /// A GNN on gold labels, and the labels that it read: stages after the first one read each other's.
    ///   inputs : with the labels of the first
    let staticGnn (inputs: NodeInputs) : Codec<NodeInputs * TrainedGnn> =
        let labelsFile folder = Path.Combine(folder, "labels.safetensors")

        {
            Write =
                fun folder (read, trained) ->
                    gnn.Write folder trained

                    read.Labels
                    |> Option.iter (fun labels ->
                        write (labelsFile folder) [ "labels", table labels.Classes labels.Rows ])
            Read =
                fun folder ->
                    let labels =
                        inputs.Labels
                        |> Option.map (fun labels -> {
                            labels with
                                Rows = (labelsFile folder |> WeightsFile.load).["labels"].Values
                        })

                    { inputs with Labels = labels }, gnn.Read folder
        }
