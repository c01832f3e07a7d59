namespace Glem

open Argu

type QuickstartArguments =
    | Seed of int
    | Out of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Seed _ -> "the run's seed (default 0)"
            | Out _ -> "the run directory to make (default runs/quickstart-seed<N>)"
            | Quick -> "cut everything short: a smoke test of seconds, whose numbers mean nothing"

type RunArguments =
    | [<Mandatory>] Recipe of string
    | Dataset of string
    | Seed of int
    | Set of string
    | Out of string
    | Precision of string
    | Quick

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Recipe _ -> "a recipe's name, or a JSON file with what differs from its \"base\""
            | Dataset _ -> "a data set's name or folder (default: the recipe's)"
            | Seed _ -> "the run's seed (default 0)"
            | Set _ -> "path=value changes one field, e.g. eStep.pseudoWeight=0.3; may be repeated"
            | Out _ -> "the run directory to make (default runs/<recipe>-seed<N>)"
            | Precision _ -> "float32 or bfloat16 (default: bfloat16 where the hardware is faster at it)"
            | Quick -> "cut everything short: a smoke test of seconds, whose numbers mean nothing"

type PredictArguments =
    | [<Mandatory>] Run of string
    | Text of string
    | Input of string
    | Out of string
    | Top of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Run _ -> "a run directory"
            | Text _ -> "the text to classify"
            | Input _ -> "a file of texts: .jsonl or .csv or .tsv with a field 'text' (and 'id'), or .txt with one a line; also .gz"
            | Out _ -> "write predictions to this .csv or .jsonl file instead of the screen"
            | Top _ -> "classes to show for each text (default 3)"

type ReportArguments =
    | [<MainCommand; Mandatory>] Runs of string list
    | Out of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Runs _ -> "run directories; runs that differ in their seed only are replicates"
            | Out _ -> "folder for report.html and report.md (default: the first run's)"

type DescribeArguments =
    | [<MainCommand; Mandatory>] Data of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Data _ -> "a data set's name or folder"

type ImportArguments =
    | [<Mandatory>] Nodes of string
    | [<Mandatory>] Edges of string
    | [<Mandatory>] Out of string
    | Name of string
    | Licence of string
    | Source of string
    | Train of float
    | Valid of float
    | Seed of int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Nodes _ -> "table of id,text,label,split: .csv, .tsv or .jsonl, also .gz; without a split column nodes are split at random"
            | Edges _ -> "table of source,target: .csv or .tsv, also .gz"
            | Out _ -> "the data set folder to make"
            | Name _ -> "the data set's name (default: the folder's)"
            | Licence _ -> "its licence"
            | Source _ -> "where it comes from"
            | Train _ -> "share of each class that trains, where there is no split column (default 0.6)"
            | Valid _ -> "share of each class that validates (default 0.2)"
            | Seed _ -> "seed of that split (default 0)"

type DataArguments =
    | [<CliPrefix(CliPrefix.None); SubCommand>] List
    | [<CliPrefix(CliPrefix.None)>] Describe of ParseResults<DescribeArguments>
    | [<CliPrefix(CliPrefix.None)>] Import of ParseResults<ImportArguments>
    | [<CliPrefix(CliPrefix.None)>] Validate of ParseResults<DescribeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List -> "the data sets known by name"
            | Describe _ -> "counts, class sizes, degrees, text lengths, homophily, examples"
            | Import _ -> "make a data set folder from tables of nodes and edges"
            | Validate _ -> "read a data set folder and say what is wrong with it"

type GlemArguments =
    | [<CliPrefix(CliPrefix.None)>] Quickstart of ParseResults<QuickstartArguments>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<RunArguments>
    | [<CliPrefix(CliPrefix.None)>] Predict of ParseResults<PredictArguments>
    | [<CliPrefix(CliPrefix.None)>] Report of ParseResults<ReportArguments>
    | [<CliPrefix(CliPrefix.None)>] Data of ParseResults<DataArguments>
    | [<CliPrefix(CliPrefix.None); SubCommand>] Doctor
    | [<Inherit>] Verbose
    | Version

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Quickstart _ -> "train GLEM on dotnet-api, from data to report, in minutes"
            | Run _ -> "run a recipe"
            | Predict _ -> "classify texts with a trained language model, no graph needed"
            | Report _ -> "one page on any number of runs"
            | Data _ -> "list, describe, import and validate data sets"
            | Doctor -> "what this machine offers, and what to do where it falls short"
            | Verbose -> "show stack traces with errors"
            | Version -> "show glem's version"
