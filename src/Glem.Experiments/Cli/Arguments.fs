namespace Glem

open Argu

// Cases need their type's name: scripts open this namespace, where Valid is a part of the split and List a module.

[<RequireQualifiedAccess>]
type QuickstartArguments =
    | Seed of int
    | Out of string
    | Store of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | QuickstartArguments.Seed _ -> "the run's seed (default 0)"
            | QuickstartArguments.Out _ -> "the run directory to make (default runs/quickstart-seed<N>)"
            | QuickstartArguments.Store _ -> StoreOption.usage
            | QuickstartArguments.Quick -> "cut everything short: a smoke test of seconds, whose numbers mean nothing"

[<RequireQualifiedAccess>]
type RunArguments =
    | [<Mandatory>] Recipe of string
    | Dataset of string
    | Seed of int
    | Set of string
    | Out of string
    | Precision of string
    | [<CustomCommandLine "--memory-budget">] MemoryBudget of string
    | Store of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | RunArguments.Recipe _ -> "a recipe's name, or a JSON file with what differs from its \"base\""
            | RunArguments.Dataset _ -> "a data set's name or folder (default: the recipe's)"
            | RunArguments.Seed _ -> "the run's seed (default 0)"
            | RunArguments.Set _ -> "path=value changes one field, e.g. eStep.pseudoWeight=0.3; may be repeated"
            | RunArguments.Out _ -> "the run directory to make (default runs/<recipe>-seed<N>)"
            | RunArguments.Precision _ -> "float32 or bfloat16 (default: bfloat16 where the hardware is faster at it)"
            | RunArguments.MemoryBudget _ ->
                "how much memory a set of embeddings may take, such as 8GB, before it goes to a file (default: a quarter of the machine's)"
            | RunArguments.Store _ -> StoreOption.usage
            | RunArguments.Quick -> "cut everything short: a smoke test of seconds, whose numbers mean nothing"

[<RequireQualifiedAccess>]
type GridStatusArguments =
    | [<MainCommand; Mandatory>] Folder of string
    | Json
    | Watch

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | GridStatusArguments.Folder _ -> "a grid's folder, here or in Slurm's hands"
            | GridStatusArguments.Json -> "print JSON, and nothing else"
            | GridStatusArguments.Watch -> "go on and say what changes, until nothing runs or waits any more"

[<RequireQualifiedAccess>]
type GridArguments =
    | [<MainCommand>] File of string
    | [<CliPrefix(CliPrefix.None)>] Status of ParseResults<GridStatusArguments>
    | [<CustomCommandLine "--dry-run">] Dry_Run
    | Shard of string
    | Jobs of int
    | Seeds of int
    | Set of string
    | Out of string
    | Store of string
    | Quick
    | Slurm
    | Partition of string
    | Time of string
    | Memory of string
    | Cpus of int
    | Tasks of int
    | [<EqualsAssignmentOrSpaced>] Slurm_Option of string
    | [<Hidden>] Worker
    | [<Hidden>] Task of submission: string * name: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | GridArguments.File _ -> "the experiment: a script, FILE.fsx, or FILE.json"
            | GridArguments.Status _ -> "how far a grid is: what is done, runs, waits or has failed"
            | GridArguments.Dry_Run ->
                "show what would be run, what is there and about how long the rest takes, and stop"
            | GridArguments.Shard _ -> "k/N: only the k-th of N parts of about the same cost"
            | GridArguments.Jobs _ ->
                "processes at a time, which divide the threads; fewer where memory does not hold them (default 1). With --slurm: tasks at a time (default: as many as Slurm lets)"
            | GridArguments.Seeds _ -> "how many seeds, from 0 (default: the experiment's)"
            | GridArguments.Set _ -> "path=value changes one field of the base recipe; may be repeated"
            | GridArguments.Out _ -> "the grid's folder; what is there is read (default runs/<name>)"
            | GridArguments.Store _ -> StoreOption.usage
            | GridArguments.Quick -> "the experiment's smoke test, whose numbers mean nothing"
            | GridArguments.Slurm ->
                "submit what is missing to Slurm, as array jobs over this folder and store, and end"
            | GridArguments.Partition _ -> "Slurm's partition"
            | GridArguments.Time _ -> "time limit of a task, as sbatch reads it, such as 2:00:00"
            | GridArguments.Memory _ -> "memory of a task, such as 8G"
            | GridArguments.Cpus _ -> "CPUs of a task, and its threads (default 4)"
            | GridArguments.Tasks _ ->
                "tasks of an array, at most: where there are more runs a task takes several (default 1000)"
            | GridArguments.Slurm_Option _ -> "another option of sbatch, such as account=kite; may be repeated"
            | GridArguments.Worker -> "one of --jobs"
            | GridArguments.Task _ -> "one of --slurm: a submission and its task"

[<RequireQualifiedAccess>]
type ReplayArguments =
    | [<Mandatory>] Run of string
    | [<Mandatory>] Event of int
    | Store of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ReplayArguments.Run _ -> "a run directory"
            | ReplayArguments.Event _ -> "the step of EM, counted from 1: LM first, 1 is E-step 1, 2 is M-step 1, …"
            | ReplayArguments.Store _ -> StoreOption.usage

[<RequireQualifiedAccess>]
type GmnnArguments =
    | Data of string
    | Seeds of int
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | GmnnArguments.Data _ ->
                "the folder that holds cora/ and citeseer/ (default: shared/data/gmnn-planetoid beside the repository)"
            | GmnnArguments.Seeds _ -> "how many seeds, from 0 (default 20)"
            | GmnnArguments.Quick ->
                "cut everything short: a smoke test of seconds, whose numbers mean nothing; writes nothing"

[<RequireQualifiedAccess>]
type GnnsArguments =
    | Dataset of string
    | Seeds of int
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | GnnsArguments.Dataset _ -> "a data set's name or folder (default: dotnet-api)"
            | GnnsArguments.Seeds _ -> "how many seeds, from 0 (default 3)"
            | GnnsArguments.Quick -> "cut everything short: a smoke test of seconds, whose numbers mean nothing"

[<RequireQualifiedAccess>]
type ScalingArguments =
    | Model of string
    | Edges of int
    | Hidden of int
    | Sampled
    | Whole
    | Debian
    | [<Hidden>] Cell
    | Out of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ScalingArguments.Model _ -> "a graph model to measure; may be repeated (default: gcn and sage)"
            | ScalingArguments.Edges _ ->
                "undirected edges of a made-up graph, 10 a node; may be repeated (default: 100000, 1000000 and 10000000)"
            | ScalingArguments.Hidden _ -> "hidden width; may be repeated (default: 64)"
            | ScalingArguments.Sampled -> "only with sampled neighbours"
            | ScalingArguments.Whole -> "only on the whole graph at once"
            | ScalingArguments.Debian -> "measure one GLEM round on debian too: up to 40 minutes"
            | ScalingArguments.Cell -> "measure the one model, width and size named, and print its line"
            | ScalingArguments.Out _ -> "the folder to write (default: results/scaling)"
            | ScalingArguments.Quick -> "small graphs and few steps: a smoke test whose numbers mean nothing"

[<RequireQualifiedAccess>]
type PredictArguments =
    | [<Mandatory>] Run of string
    | Model of string
    | Text of string
    | Neighbours of string
    | Input of string
    | Out of string
    | Top of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | PredictArguments.Run _ -> "a run directory"
            | PredictArguments.Model _ ->
                "lm answers from the text alone (default); gnn from the text and its neighbours in the graph"
            | PredictArguments.Text _ -> "the text to classify"
            | PredictArguments.Neighbours _ ->
                "ids of the nodes that --text is joined to, divided by commas; for --model gnn"
            | PredictArguments.Input _ ->
                "a file of texts: .jsonl or .csv or .tsv with a field 'text' (and 'id', and 'neighbours': ids divided by ';' or a JSON array), or .txt with one a line; also .gz"
            | PredictArguments.Out _ -> "write predictions to this .csv or .jsonl file instead of the screen"
            | PredictArguments.Top _ -> "classes to show for each text (default 3)"

[<RequireQualifiedAccess>]
type EvaluateArguments =
    | [<Mandatory>] Task of string
    | [<Mandatory>] Run of string
    | Model of string
    | Negatives of int
    | Seed of int
    | Json
    | Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | EvaluateArguments.Task _ -> "link: which nodes are joined, on the edges that the run held out"
            | EvaluateArguments.Run _ -> "a run directory, of a run with links.valid and links.test above 0"
            | EvaluateArguments.Model _ -> "lm or gnn, whose embeddings are scored (default: both)"
            | EvaluateArguments.Negatives _ ->
                "nodes that each end of a held-out edge is ranked against (default 1000, or all others of a smaller graph)"
            | EvaluateArguments.Seed _ -> "draws the negatives and the bootstrap (default 0)"
            | EvaluateArguments.Json -> "print JSON, and nothing else"
            | EvaluateArguments.Out _ -> "write the same JSON to this .json file"

[<RequireQualifiedAccess>]
type EmbedArguments =
    | Lm of string
    | Run of string
    | Dataset of string
    | Input of string
    | [<Mandatory>] Out of string
    | Pooling of string
    | Tokens of int
    | Batch of int
    | Precision of string
    | Dtype of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | EmbedArguments.Lm _ -> "a Hugging Face folder: config.json, weights, tokenizer"
            | EmbedArguments.Run _ -> "or a run directory, for the encoder that it trained"
            | EmbedArguments.Dataset _ -> "the texts: a data set's name or folder"
            | EmbedArguments.Input _ ->
                "or a file of them: .jsonl or .csv or .tsv with a field 'text' (and 'id'), or .txt with one a line; also .gz"
            | EmbedArguments.Out _ ->
                "the file to make, .safetensors or .npy: [texts; width]; their ids stand in FILE.ids.txt. After an interruption the same command goes on"
            | EmbedArguments.Pooling _ -> "cls, mean or last (default: mean, or what the run's GNN reads)"
            | EmbedArguments.Tokens _ ->
                "tokens read of a text (default: the run's, or 512, as far as the encoder reads so many)"
            | EmbedArguments.Batch _ -> "texts in a forward pass (default 64)"
            | EmbedArguments.Precision _ ->
                "of the computation: float32 or bfloat16 (default: bfloat16 where the hardware is faster at it)"
            | EmbedArguments.Dtype _ -> "of the file: float32 (default), float16, or bfloat16 (.safetensors only)"

[<RequireQualifiedAccess>]
type PretrainArguments =
    | Dataset of string
    | Input of string list
    | [<Mandatory>] Out of string
    | Recipe of string
    | Set of string
    | Seed of int
    | Dtype of string
    | Precision of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | PretrainArguments.Dataset _ -> "the texts: a data set's name or folder"
            | PretrainArguments.Input _ ->
                "or files of them: .jsonl or .csv or .tsv with a field 'text', or .txt with one a line; also .gz"
            | PretrainArguments.Out _ ->
                "the folder to make: config.json, model.safetensors, tokenizer.json, pretrain.json"
            | PretrainArguments.Recipe _ ->
                "a recipe's name or file, whose lm and mlm fields say what is trained and how (default scratch)"
            | PretrainArguments.Set _ ->
                "path=value changes one field, e.g. lm.layers=4, or lm.pretrained=DIR to go on from a model; may be repeated"
            | PretrainArguments.Seed _ -> "the run's seed (default 0)"
            | PretrainArguments.Dtype _ ->
                "number format of the weights written: float32 (default), float16 or bfloat16"
            | PretrainArguments.Precision _ ->
                "float32 or bfloat16 (default: bfloat16 where the hardware is faster at it)"

[<RequireQualifiedAccess>]
type CorpusArguments =
    | [<Mandatory>] Out of string
    | Docs of string
    | Debian of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | CorpusArguments.Out _ -> "the .txt.gz file to make, a text a line"
            | CorpusArguments.Docs _ ->
                "a folder of assemblies and their XML documentation, beside the reference packs; may be repeated"
            | CorpusArguments.Debian _ -> "Debian's Translation-en file, unpacked"

[<RequireQualifiedAccess>]
type TextGraphsArguments =
    | [<MainCommand>] Datasets of string list
    | Gnn of string
    | Seeds of int
    | Set of string
    | Out of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | TextGraphsArguments.Datasets _ -> "data sets, by name or folder (default dotnet-api)"
            | TextGraphsArguments.Gnn _ -> "a graph model; may be repeated (default gcn and sage)"
            | TextGraphsArguments.Seeds _ -> "how many seeds, from 0 (default 5)"
            | TextGraphsArguments.Set _ -> "path=value changes one field of the recipe quickstart; may be repeated"
            | TextGraphsArguments.Out _ ->
                "folder of the runs; those that are there are read (default runs/text-graphs)"
            | TextGraphsArguments.Quick -> "cut everything short: a smoke test, whose numbers mean nothing"

[<RequireQualifiedAccess>]
type ReportArguments =
    | [<MainCommand; Mandatory>] Runs of string list
    | Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ReportArguments.Runs _ -> "run directories; runs that differ in their seed only are replicates"
            | ReportArguments.Out _ -> "folder for report.html, report.md and report.tex (default: the first run's)"

[<RequireQualifiedAccess>]
type WatchArguments =
    | [<MainCommand; Mandatory>] Folder of string
    | Once

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | WatchArguments.Folder _ -> "a run's folder, whole or in the making (what --out says), or a grid's"
            | WatchArguments.Once -> "print how it stands, and end"

[<RequireQualifiedAccess>]
type QueryArguments =
    | [<MainCommand>] Sql of string
    | In of string
    | Json
    | Csv

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | QueryArguments.Sql _ -> "a SELECT over the tables; without it they are listed, with an example"
            | QueryArguments.In _ -> "a folder of runs, at any depth; may be repeated (default runs)"
            | QueryArguments.Json -> "print a JSON list of objects, and nothing else"
            | QueryArguments.Csv -> "print CSV, and nothing else"

[<RequireQualifiedAccess>]
type TensorBoardArguments =
    | [<MainCommand; Mandatory>] Runs of string list
    | [<Mandatory>] Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | TensorBoardArguments.Runs _ -> "run directories, or folders of them at any depth"
            | TensorBoardArguments.Out _ ->
                "the log folder to write into: one folder with an event file for each run; what a run wrote there before is replaced"

[<RequireQualifiedAccess>]
type ExportArguments =
    | [<CliPrefix(CliPrefix.None)>] TensorBoard of ParseResults<TensorBoardArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ExportArguments.TensorBoard _ -> "event files: curves over EM's rounds, the ladder, settings"

[<RequireQualifiedAccess>]
type DescribeArguments =
    | [<MainCommand; Mandatory>] Data of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | DescribeArguments.Data _ -> "a data set's name or folder"

[<RequireQualifiedAccess>]
type ImportArguments =
    | From of string
    | Format of string
    | Nodes of string
    | Edges of string
    | [<Mandatory>] Out of string
    | Rule of string
    | Texts of string list
    | Text of string list
    | Label of string
    | Split of string
    | Name of string
    | Licence of string
    | Source of string
    | Train of float
    | Valid of float
    | Train_Per_Class of int
    | Valid_Per_Class of int
    | Seed of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ImportArguments.From _ ->
                "a folder as OGB, Planetoid, citeseer-text or Wikispeedia lay theirs out, or a .graphml file"
            | ImportArguments.Format _ ->
                "what --from is, where it should not be found out: ogb, planetoid, graphml, citeseer-text, wikispeedia"
            | ImportArguments.Nodes _ ->
                "instead of --from: table of id,text,label,split: .csv, .tsv or .jsonl, also .gz; without a split column nodes are split at random"
            | ImportArguments.Edges _ ->
                "with --nodes: table of source,target: .csv or .tsv, or an edge list: .txt, .edges, .edgelist or .el, also .gz"
            | ImportArguments.Out _ -> "the data set folder to make"
            | ImportArguments.Rule _ ->
                $"""what to do about a blemish, may be repeated: %s{String.concat ", " HygieneRules.names} (the first of each unless you say otherwise)"""
            | ImportArguments.Texts _ ->
                "files of OGB's texts: titleabs.tsv.gz, or idx_title.tsv and idx_abs.tsv, or trn.json.gz and tst.json.gz (default: those in the folder or beside it)"
            | ImportArguments.Text _ -> "GraphML: the data that are a node's text, several are joined (default text)"
            | ImportArguments.Label _ -> "GraphML: the data that are its label (default label)"
            | ImportArguments.Split _ -> "GraphML: the data that are its part of the split (default split)"
            | ImportArguments.Name _ -> "the data set's name (default: its own, or the folder's)"
            | ImportArguments.Licence _ -> "its licence"
            | ImportArguments.Source _ -> "where it comes from"
            | ImportArguments.Train _ ->
                "share of each class that trains (default 0.6 where there is no split); splits anew"
            | ImportArguments.Valid _ -> "share of each class that validates (default 0.2); splits anew"
            | ImportArguments.Train_Per_Class _ -> "nodes of each class that train (default 20); splits anew"
            | ImportArguments.Valid_Per_Class _ -> "nodes of each class that validate (default 30); splits anew"
            | ImportArguments.Seed _ -> "seed of that split (default 0)"

[<RequireQualifiedAccess>]
type MakeDebianArguments =
    | [<Mandatory>] Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | MakeDebianArguments.Out _ -> "the data set folder to make"

[<RequireQualifiedAccess>]
type MakeSyntheticArguments =
    | [<Mandatory>] Out of string
    | Nodes of int
    | Classes of int
    | Degree of float
    | Homophily of float
    | Text_Noise of float
    | Words of int
    | Vocabulary of int
    | Label_Rate of float
    | Seed of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | MakeSyntheticArguments.Out _ -> "the data set folder to make"
            | MakeSyntheticArguments.Nodes _ -> "nodes (default 2000)"
            | MakeSyntheticArguments.Classes _ -> "classes, of equal size (default 5)"
            | MakeSyntheticArguments.Degree _ -> "mean number of neighbours (default 6)"
            | MakeSyntheticArguments.Homophily _ ->
                "probability that an edge stays within its class; 1 / classes says nothing (default 0.7)"
            | MakeSyntheticArguments.Text_Noise _ ->
                "probability that a word is drawn from all classes' words; 1 says nothing (default 0.8)"
            | MakeSyntheticArguments.Words _ -> "words of a text (default 20)"
            | MakeSyntheticArguments.Vocabulary _ -> "words that belong to one class (default 50)"
            | MakeSyntheticArguments.Label_Rate _ ->
                "share of each class that trains (default 0.1); a fifth validates, the rest is test"
            | MakeSyntheticArguments.Seed _ -> "the generator's seed, and the split's (default 0)"

[<RequireQualifiedAccess>]
type MakeArguments =
    | [<CliPrefix(CliPrefix.None)>] Debian of ParseResults<MakeDebianArguments>
    | [<CliPrefix(CliPrefix.None)>] Synthetic of ParseResults<MakeSyntheticArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | MakeArguments.Debian _ ->
                "every package of this machine's Debian release: descriptions, dependencies, sections"
            | MakeArguments.Synthetic _ -> "a made-up graph with planted homophily and text noise"

[<RequireQualifiedAccess>]
type FetchArguments =
    | [<MainCommand; Mandatory>] Name of string
    | Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | FetchArguments.Name _ -> "a published data set's name (glem data list)"
            | FetchArguments.Out _ -> "the folder for its files (default: its name)"

[<RequireQualifiedAccess>]
type DataArguments =
    | [<CliPrefix(CliPrefix.None); SubCommand>] List
    | [<CliPrefix(CliPrefix.None)>] Describe of ParseResults<DescribeArguments>
    | [<CliPrefix(CliPrefix.None)>] Import of ParseResults<ImportArguments>
    | [<CliPrefix(CliPrefix.None)>] Validate of ParseResults<DescribeArguments>
    | [<CliPrefix(CliPrefix.None)>] Make of ParseResults<MakeArguments>
    | [<CliPrefix(CliPrefix.None)>] Fetch of ParseResults<FetchArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | DataArguments.List -> "the data sets known by name, and those that can be fetched"
            | DataArguments.Describe _ ->
                "counts, class sizes, degrees, text lengths, homophily, doubtful nodes, examples"
            | DataArguments.Import _ -> "make a data set folder from tables, GraphML, or a known layout such as OGB's"
            | DataArguments.Validate _ -> "read a data set folder and say what is wrong or doubtful in it"
            | DataArguments.Make _ -> "make a data set folder: debian or synthetic"
            | DataArguments.Fetch _ -> "download a published data set's files"

[<RequireQualifiedAccess>]
type LawsArguments =
    | Count of int
    | Seed of int
    | Only of string
    | Markdown of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | LawsArguments.Count _ -> "generated cases for each law (default 100; networks get a half or a quarter)"
            | LawsArguments.Seed _ -> "where the generators start (default 1)"
            | LawsArguments.Only _ -> "only laws with this text in their name, source or the fault they guard against"
            | LawsArguments.Markdown _ -> "write the list of laws to this file instead of checking them"

[<RequireQualifiedAccess>]
type ShowRecipeArguments =
    | [<MainCommand; Mandatory>] Recipe of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ShowRecipeArguments.Recipe _ -> "a recipe's name or file"

[<RequireQualifiedAccess>]
type DiffRecipeArguments =
    | [<MainCommand; Mandatory>] Recipes of left: string * right: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | DiffRecipeArguments.Recipes _ -> "two recipes, each a name or a file"

[<RequireQualifiedAccess>]
type RecipeArguments =
    | [<CliPrefix(CliPrefix.None); SubCommand>] List
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ShowRecipeArguments>
    | [<CliPrefix(CliPrefix.None)>] Diff of ParseResults<DiffRecipeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | RecipeArguments.List -> "the recipes known by name, and whether they run here"
            | RecipeArguments.Show _ -> "every field of a recipe, its value, and where that comes from"
            | RecipeArguments.Diff _ -> "the fields in which two recipes differ"

[<RequireQualifiedAccess>]
type DescribeModelArguments =
    | [<MainCommand; Mandatory>] Folder of string
    | Batch of int
    | Length of int
    | Text of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | DescribeModelArguments.Folder _ -> "a Hugging Face folder: config.json, weights, tokenizer"
            | DescribeModelArguments.Batch _ -> "texts in a batch, for the memory that it takes (default 32)"
            | DescribeModelArguments.Length _ -> "tokens of each (default 128)"
            | DescribeModelArguments.Text _ -> "the text whose tokens are shown"

[<RequireQualifiedAccess>]
type ModelArguments =
    | [<CliPrefix(CliPrefix.None)>] Describe of ParseResults<DescribeModelArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ModelArguments.Describe _ ->
                "a pre-trained encoder: architecture, parameters, memory, tokenizer, and whether it loads"

[<RequireQualifiedAccess>]
type ListStoreArguments =
    | Store of string
    | Kind of string
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ListStoreArguments.Store _ -> "the store's folder (default GLEM_STORE, else runs/store)"
            | ListStoreArguments.Kind _ -> "only stages of this kind, such as lm"
            | ListStoreArguments.Json -> "the manifests as JSON, and nothing else"

[<RequireQualifiedAccess>]
type ShowStoreArguments =
    | [<MainCommand; Mandatory>] Key of string
    | Store of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | ShowStoreArguments.Key _ -> "a stage's key, or its first digits"
            | ShowStoreArguments.Store _ -> "the store's folder (default GLEM_STORE, else runs/store)"

[<RequireQualifiedAccess>]
type VerifyStoreArguments =
    | Store of string
    | Repair

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | VerifyStoreArguments.Store _ -> "the store's folder (default GLEM_STORE, else runs/store)"
            | VerifyStoreArguments.Repair ->
                "move what is damaged into the store's folder damaged, so that it is computed again when it is needed"

[<RequireQualifiedAccess>]
type CollectStoreArguments =
    | Store of string
    | Older_Than of float
    | Keep_Gb of float
    | Dry_Run

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | CollectStoreArguments.Store _ -> "the store's folder (default GLEM_STORE, else runs/store)"
            | CollectStoreArguments.Older_Than _ -> "remove what nobody has read for so many days"
            | CollectStoreArguments.Keep_Gb _ ->
                "remove what was read least recently, until no more than so many GB are left"
            | CollectStoreArguments.Dry_Run -> "only say what would be removed"

[<RequireQualifiedAccess>]
type StoreArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListStoreArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ShowStoreArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyStoreArguments>
    | [<CliPrefix(CliPrefix.None)>] Gc of ParseResults<CollectStoreArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | StoreArguments.List _ ->
                "every stage that is kept: its size, what computing it took, when it was read last"
            | StoreArguments.Show _ -> "one stage's manifest: configuration, inputs, files, and where it was computed"
            | StoreArguments.Verify _ -> "check every file by its SHA-256"
            | StoreArguments.Gc _ -> "make room: what is left of processes that are gone, and what is old or too much"

[<RequireQualifiedAccess>]
type GlemArguments =
    | [<CliPrefix(CliPrefix.None)>] Quickstart of ParseResults<QuickstartArguments>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<RunArguments>
    | [<CliPrefix(CliPrefix.None)>] Grid of ParseResults<GridArguments>
    | [<CliPrefix(CliPrefix.None)>] Replay of ParseResults<ReplayArguments>
    | [<CliPrefix(CliPrefix.None)>] Predict of ParseResults<PredictArguments>
    | [<CliPrefix(CliPrefix.None)>] Evaluate of ParseResults<EvaluateArguments>
    | [<CliPrefix(CliPrefix.None)>] Embed of ParseResults<EmbedArguments>
    | [<CliPrefix(CliPrefix.None)>] Pretrain of ParseResults<PretrainArguments>
    | [<CliPrefix(CliPrefix.None)>] Report of ParseResults<ReportArguments>
    | [<CliPrefix(CliPrefix.None)>] Watch of ParseResults<WatchArguments>
    | [<CliPrefix(CliPrefix.None)>] Query of ParseResults<QueryArguments>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportArguments>
    | [<CliPrefix(CliPrefix.None)>] Recipe of ParseResults<RecipeArguments>
    | [<CliPrefix(CliPrefix.None)>] Data of ParseResults<DataArguments>
    | [<CliPrefix(CliPrefix.None)>] Model of ParseResults<ModelArguments>
    | [<CliPrefix(CliPrefix.None)>] Store of ParseResults<StoreArguments>
    | [<CliPrefix(CliPrefix.None)>] Laws of ParseResults<LawsArguments>
    | [<CliPrefix(CliPrefix.None); SubCommand>] Doctor
    | [<Inherit>] Verbose
    | Version

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | GlemArguments.Quickstart _ -> "train GLEM on dotnet-api, from data to report, in minutes"
            | GlemArguments.Run _ -> "run a recipe"
            | GlemArguments.Grid _ -> "run an experiment: many runs, a table and a verdict"
            | GlemArguments.Replay _ -> "do one step of a run's EM once more, and compare the bits"
            | GlemArguments.Predict _ ->
                "classify texts: with the trained LM from the text alone, or with the GNN from text and neighbours"
            | GlemArguments.Evaluate _ -> "score a run's embeddings on another task: link prediction"
            | GlemArguments.Embed _ -> "turn texts into vectors, for other tools"
            | GlemArguments.Pretrain _ -> "train an encoder on texts alone, as a masked language model"
            | GlemArguments.Report _ -> "one page on any number of runs"
            | GlemArguments.Watch _ -> "a run or a grid in the making, live: stages, curves, time left"
            | GlemArguments.Query _ -> "ask SQL of any number of runs"
            | GlemArguments.Export _ -> "runs as files that other tools open: TensorBoard"
            | GlemArguments.Recipe _ -> "list, show and compare recipes"
            | GlemArguments.Data _ -> "list, describe, import and validate data sets"
            | GlemArguments.Model _ -> "describe a pre-trained encoder"
            | GlemArguments.Store _ -> "list, show, check and clear the kept answers of stages"
            | GlemArguments.Laws _ -> "check the laws of the method on this machine, and list them"
            | GlemArguments.Doctor -> "what this machine offers, and what to do where it falls short"
            | GlemArguments.Verbose -> "show stack traces with errors"
            | GlemArguments.Version -> "show glem's version"
