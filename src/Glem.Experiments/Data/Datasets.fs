namespace Glem

open System.IO

/// Data sets by name.
module Datasets =
    /// Names and what stands behind them.
    let known = [
        "dotnet-api",
        "the public types of .NET: documentation as text, type references as edges, namespaces as classes; built here, no download"
        "debian",
        "every package of this machine's Debian release: descriptions as text, dependencies as edges, sections as classes; built here from apt's indices"
    ]

    /// Whether find can find it: a known name, or a folder.
    let isHere (nameOrFolder: string) = known |> List.exists (fst >> (=) nameOrFolder) || Directory.Exists nameOrFolder

    /// A data set by name, else from a folder.
    let find (nameOrFolder: string) : Result<Dataset, GlemError> =
        if nameOrFolder = "dotnet-api" then
            DotnetApi.load ()
        elif nameOrFolder = "debian" then
            Debian.load ()
        elif Directory.Exists nameOrFolder then
            DatasetFolder.read nameOrFolder |> Result.map fst
        else
            let names = known |> List.map fst |> String.concat ", "
            Error(InSetting("dataset", nameOrFolder, $"a data set folder, or one of %s{names}"))

    /// As find, with the labels of a share of its training nodes alone; Dataset.withLabelRate says more.
    let atLabelRate (rate: float) (nameOrFolder: string) : Result<Dataset, GlemError> =
        find nameOrFolder |> Result.bind (Dataset.withLabelRate rate)
