namespace Glem

/// GLEM as GraphStorm has it (awslabs/graphstorm at 42482da).
module GraphStormRecipe =
    let private acm key = $"GraphStorm, examples/use_your_own_data/acm_glem_nc.yaml, %s{key}"
    let private nodeGlem what = $"GraphStorm, model/node_glem.py, %s{what}"
    let private storm what = $"GraphStorm, trainer/glem_np_trainer.py: %s{what}"

    let private stormAdam stage = [
        $"%s{stage}.batch=1024", acm "batch_size"
        $"%s{stage}.evaluationsPerEpoch=1", storm "after each epoch"
        $"%s{stage}.patience=0", storm "no early stop"
        $"%s{stage}.labelSmoothing=0", nodeGlem "compute_loss"
        $"%s{stage}.optimiser.learningRate=1e-4", acm "lr and lm_tune_lr"
        $"%s{stage}.optimiser.weightDecay=0", acm "wd_l2norm"
        $"%s{stage}.optimiser.rule=adam", nodeGlem "init_optimizer"
        $"%s{stage}.optimiser.beta1=0.9", nodeGlem "init_optimizer: torch.optim.Adam's default"
        $"%s{stage}.optimiser.beta2=0.999", nodeGlem "init_optimizer: torch.optim.Adam's default"
        $"%s{stage}.optimiser.epsilon=1e-8", nodeGlem "init_optimizer: torch.optim.Adam's default"
        $"%s{stage}.optimiser.clipNorm=0", storm "clips after the step, so not at all"
        $"%s{stage}.optimiser.warmUp=0", storm "a constant rate"
        $"%s{stage}.optimiser.decay=false", storm "a constant rate"
    ]

    let private stormStep step = [
        $"%s{step}.pseudoWeight=0.5", nodeGlem "pl_weight, of both steps"
        $"%s{step}.labels=hard", nodeGlem "forward: argmax"
        $"%s{step}.temperature=1", nodeGlem "forward: none"
        $"%s{step}.divergence=teacherToStudent", nodeGlem "compute_loss: cross-entropy"
        $"%s{step}.pseudoSmoothing=0", nodeGlem "compute_loss"
        $"%s{step}.pool=unlabelled", acm "use_pseudolabel: all but the training nodes"
        $"%s{step}.filter=everyone", nodeGlem "forward: none"
        $"%s{step}.sampling.eachEpoch=1", "GraphStorm, GSgnnNodeSemiSupDataLoader: one unlabelled node a training node"
        $"%s{step}.start=previous", nodeGlem "toggle: models live on from round to round"
        $"%s{step}.fit.epochs=1", storm "a pass over the LM and one over the GNN make an epoch"
    ]

    let private bertBase = "bert-base-uncased, config.json"

    let recipe = {
        Name = "graphstorm"
        What = "GraphStorm's GLEM with its defaults, and its ACM example's numbers where it has none"
        Settings =
            [
                "dataset=acm", acm "target_ntype"
                "lm.pretrained=bert-base-uncased", acm "model_name"
                "lm.layers=12", bertBase
                "lm.hidden=768", bertBase
                "lm.heads=12", bertBase
                "lm.intermediate=3072", bertBase
                "lm.vocabulary=30522", bertBase
                "lm.dropout=0.1", bertBase
                "lm.attentionDropout=0.1", bertBase
                "lm.headDropout=0", acm "dropout"
                "lm.pooling=cls", "GraphStorm, model/lm_model/hf_bert.py, pooler_output"
                "lm.embedding=cls", "GraphStorm, model/lm_model/hf_bert.py, pooler_output"
                "lm.tokenDropout=0", nodeGlem "forward: none"
                "lm.maxTokens=16", "GraphStorm, examples/acm_data.py, max_seq_length"
                "mlm.fit.epochs=0", storm "no such stage"
                "gnn.model=rgcn", acm "model_encoder_type"
                "gnn.hidden=256", acm "hidden_size"
                "gnn.dropout=0", acm "dropout"
                "gnn.features=embeddings", nodeGlem "one input encoder, shared"
                "gnn.labelInput=off", nodeGlem "forward: none"
                "lmFit.epochs=5", nodeGlem "num_pretrain_epochs"
                "gnnFit.epochs=5", nodeGlem "num_pretrain_epochs"
                "order=lmFirst", nodeGlem "em_order_gnn_first"
                "reduction=groupMeans", nodeGlem "compute_loss; there per batch, here per step"
                "rounds=300", acm "num_epochs"
                "convergence.epsilon=0", storm "no early stop"
                "convergence.patience=0", storm "no early stop"
            ]
            @ stormStep "eStep"
            @ stormStep "mStep"
            @ stormAdam "lmFit"
            @ stormAdam "gnnFit"
            @ stormAdam "eStep.fit"
            @ stormAdam "mStep.fit"
        Unsaid = [
            "RGCN: 2 layers, 50 neighbours sampled a node in each, several node and edge types", acm "fanout"
            "The two students share the text encoder; each step freezes the other's half", nodeGlem "toggle"
            "Pseudo labels are made batch by batch, by the teacher as it is then", nodeGlem "forward"
        ]
    }
