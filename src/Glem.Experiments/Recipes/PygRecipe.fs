namespace Glem

/// GLEM as PyG's example runs it, with the options' defaults (pyg-team/pytorch_geometric at 08a7680).
module PygRecipe =
    let private pygExample flag = $"PyG, examples/llm/glem.py, --%s{flag}"
    let private pygLoop what = $"PyG, examples/llm/glem.py: %s{what}"
    let private bertTiny = "prajjwal1/bert-tiny, config.json"

    let private pygAdam stage = [
        $"%s{stage}.evaluationsPerEpoch=1", pygLoop "after each epoch, from the fifth on"
        $"%s{stage}.patience=4", pygExample "patience=3: the fourth evaluation without gain stops"
        $"%s{stage}.labelSmoothing=0", "PyG, models/glem.py: CrossEntropyLoss"
        $"%s{stage}.optimiser.weightDecay=0", pygLoop "torch.optim.Adam's default"
        $"%s{stage}.optimiser.rule=adam", pygLoop "torch.optim.Adam"
        $"%s{stage}.optimiser.beta1=0.9", pygLoop "torch.optim.Adam's default"
        $"%s{stage}.optimiser.beta2=0.999", pygLoop "torch.optim.Adam's default"
        $"%s{stage}.optimiser.epsilon=1e-8", pygLoop "torch.optim.Adam's default"
        $"%s{stage}.optimiser.clipNorm=0", pygLoop "no clipping"
        $"%s{stage}.optimiser.warmUp=0", pygLoop "a constant rate"
        $"%s{stage}.optimiser.decay=false", pygLoop "a constant rate"
    ]

    let private pygStep step = [
        $"%s{step}.labels=hard", pygLoop "argmax"
        $"%s{step}.temperature=1", pygLoop "none"
        $"%s{step}.divergence=teacherToStudent", "PyG, models/glem.py: CrossEntropyLoss"
        $"%s{step}.pseudoSmoothing=0", "PyG, models/glem.py: CrossEntropyLoss"
        $"%s{step}.pool=heldOut", pygLoop "test nodes alone, which no pool here is"
        $"%s{step}.filter=everyone", pygLoop "none"
        $"%s{step}.sampling.window=0.5", pygExample "pl_ratio: drawn once"
        $"%s{step}.start=previous", pygLoop "models live on from round to round"
    ]

    let recipe = {
        Name = "pyg"
        What = "PyG's example with its default options: bert-tiny and GraphSAGE on ogbn-products"
        Settings =
            [
                "dataset=ogbn-products", pygExample "dataset"
                "lm.pretrained=prajjwal1/bert-tiny", pygExample "hf_model"
                "lm.layers=2", bertTiny
                "lm.hidden=128", bertTiny
                "lm.heads=2", bertTiny
                "lm.intermediate=512", bertTiny
                "lm.vocabulary=30522", bertTiny
                "lm.dropout=0.1", bertTiny
                "lm.attentionDropout=0.1", bertTiny
                "lm.headDropout=0.1", $"%s{bertTiny}: BertForSequenceClassification's"
                "lm.pooling=cls", "transformers, BertForSequenceClassification"
                "lm.tokenDropout=0", "PyG, models/glem.py: none"
                "lm.maxTokens=512", "PyG, datasets/tag_dataset.py, max_length"
                "mlm.fit.epochs=0", pygLoop "no such stage"
                "lmFit.epochs=0", pygLoop "LM-first pre-trains the GNN alone"
                "gnn.model=sage", pygExample "gnn_model"
                "gnn.hidden=256", pygExample "gnn_hidden_channels"
                "gnn.dropout=0", "PyG, nn/models/basic_gnn.py, dropout"
                "gnn.layers=3", pygExample "gnn_num_layers"
                "gnn.aggregator=mean", "PyG, nn/conv/sage_conv.py, aggr"
                "gnn.batchNorm=false", "PyG, nn/models/basic_gnn.py, norm"
                "gnn.fanOuts=[15,10,5]", pygLoop "NeighborLoader, num_neighbors"
                "gnn.features=raw", pygLoop "data.x; the LM's embeddings never reach the GNN"
                "gnn.labelInput=off", pygLoop "none"
                "gnnFit.epochs=50", pygExample "gnn_epochs"
                "gnnFit.batch=1024", pygExample "gnn_batch_size"
                "gnnFit.optimiser.learningRate=0.002", pygExample "gnn_lr"
                "order=lmFirst", pygExample "em_order"
                "reduction=groupMeans", "PyG, models/glem.py; there per batch, here per step"
                "rounds=1", pygExample "num_em_iters"
                "convergence.epsilon=0", pygLoop "a fixed number of rounds"
                "convergence.patience=0", pygLoop "a fixed number of rounds"
                "eStep.pseudoWeight=0.5", "PyG, models/glem.py, alpha"
                "eStep.fit.epochs=10", pygExample "lm_epochs"
                "eStep.fit.batch=256", pygExample "lm_batch_size"
                "eStep.fit.optimiser.learningRate=0.001", pygExample "lm_lr"
                "mStep.pseudoWeight=0.5", "PyG, models/glem.py, beta"
                "mStep.fit.epochs=50", pygExample "gnn_epochs"
                "mStep.fit.batch=1024", pygExample "gnn_batch_size"
                "mStep.fit.optimiser.learningRate=0.002", pygExample "gnn_lr"
            ]
            @ pygStep "eStep"
            @ pygStep "mStep"
            @ pygAdam "gnnFit"
            @ pygAdam "eStep.fit"
            @ pygAdam "mStep.fit"
        Unsaid = [
            "Prediction reads all neighbours at one hop; here at every hop of the network",
            pygLoop "NeighborLoader, num_neighbors=[-1]"
            "On ogbn-products the GNN reads a downloaded GIANT+SAGN+SCR prediction too, and pre-trains on it",
            pygExample "train_without_ext_pred"
            "The last epoch's model is used, not the best one's", pygLoop "no checkpoint is restored"
            "The head reads BERT's pooler, a tanh layer on [CLS]", "transformers, BertForSequenceClassification"
            "The LM's weights are bfloat16 without a float32 copy", "PyG, models/glem.py, lm_dtype"
        ]
    }
