namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text

/// The embedded default data set: the public types of .NET. Node = visible type with documentation; text = its name, summary and
/// remarks, then its members' summaries; edge = one type names the other in a base type, interface, constraint, member
/// signature or documentation link; class = namespace, small ones counted to their parents. Texts hold no namespaces.
module DotnetApi =
    /// Of the data set with the standard split. Changes with the packs' version and with what this module makes of them.
    let fingerprint = "21953a813e6f470ae8f0d3b84dad57300eb8d4643d343abb819b4c763fcaaab9"

    /// Namespaces with fewer types than this are counted to their parent: 20 labels a class still leave most of each class for test.
    let minimumClassSize = 80

    // Every class, structure, enumeration and delegate has one of these as its base by the kind of thing it is; an edge to it says
    // nothing and would make a hub of a third of the graph.
    let private universal =
        set [
            "System.Object"
            "System.ValueType"
            "System.Enum"
            "System.Delegate"
            "System.MulticastDelegate"
        ]

    let private info: DatasetInfo = {
        Name = "dotnet-api"
        Licence = "MIT"
        Source =
            $"NuGet packages Microsoft.NETCore.App.Ref and Microsoft.AspNetCore.App.Ref, version %s{ReferencePacks.version}: metadata and XML documentation"
        Attribution =
            "Copyright (c) .NET Foundation and Contributors; documentation and metadata of the .NET reference packs, which their packages put under the MIT licence"
        SplitPolicy = ""
    }

    let private filesOf ending (packs: ReferencePack list) = [
        for pack in packs do
            yield! Directory.GetFiles(pack.Folder, ending) |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
    ]

    let private traverse f items =
        (items, Ok [])
        ||> List.foldBack (fun item rest ->
            f item |> Result.bind (fun made -> rest |> Result.map (fun rest -> made :: rest)))

    /// All nodes and edges from the packs' files, split by the standard policy with seed 0. The same packs give the same records.
    let build (packs: ReferencePack list) : Result<DatasetRecords, GlemError> =
        let ofTypes (all: ApiType list) =
            let types = all |> List.distinctBy _.Id |> List.filter (fun t -> t.Namespace <> "")
            let visible = Dictionary(types |> Seq.map (fun t -> KeyValuePair(t.Id, t.Members)))

            ApiDocumentation.read visible (filesOf "*.xml" packs)
            |> Result.map (fun documents ->
                let names = NamespaceNames.ofNamespaces (types |> Seq.map _.Namespace |> Seq.distinct)

                let documented =
                    types
                    |> List.filter (fun t -> not documents[t.Id].Paragraphs.IsEmpty)
                    |> List.sortWith (fun a b -> String.CompareOrdinal(a.Id, b.Id))

                let group =
                    documented |> List.countBy _.Namespace |> Map.ofList |> NamespaceGroups.merge minimumClassSize

                let isNode = documented |> Seq.map _.Id |> HashSet

                let edges =
                    [|
                        for t in documented do
                            for other in Set.union t.References documents[t.Id].Links - universal do
                                if other <> t.Id && isNode.Contains other then
                                    if String.CompareOrdinal(t.Id, other) < 0 then
                                        struct (t.Id, other)
                                    else
                                        struct (other, t.Id)
                    |]
                    |> Array.distinct

                {
                    Info = info
                    ClassNames =
                        group.Values
                        |> Seq.distinct
                        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
                        |> Seq.toArray
                    Nodes = [|
                        for t in documented do
                            {
                                Id = t.Id
                                Text =
                                    t.Name :: documents[t.Id].Paragraphs
                                    |> String.concat " "
                                    |> NamespaceNames.strip names
                                Label = Some group[t.Namespace]
                                Part = Unassigned
                            }
                    |]
                    Edges = edges
                }
                |> Dataset.splitRecords SplitPolicy.standard 0)

        filesOf "*.dll" packs |> traverse ApiMetadata.read |> Result.bind (List.concat >> ofTypes)

    let private whole (dataset: Dataset) =
        if dataset.Fingerprint = fingerprint then
            Ok dataset
        else
            let packs = String.Join(" and ", ReferencePacks.names)

            Error(
                InValue(
                    "the fingerprint of dotnet-api",
                    dataset.Fingerprint,
                    $"%s{fingerprint}: are %s{packs} unchanged?"
                )
            )

    /// The data set with the standard split, from the cache or built into it (a few seconds).
    let load () : Result<Dataset, GlemError> =
        let folder = Path.Combine(CacheFolder.path (), $"dotnet-api-%s{fingerprint.Substring(0, 12)}")
        let read () = DatasetFolder.read folder |> Result.bind (fst >> whole)

        if Directory.Exists folder then
            read ()
        else
            ReferencePacks.locate ()
            |> Result.bind build
            |> Result.bind (fun records ->
                Dataset.ofRecords "dotnet-api" records
                |> Result.bind whole
                |> Result.bind (fun dataset ->
                    match DatasetFolder.write folder records with
                    // Another process may have been faster; its folder is as good.
                    | Error _ when Directory.Exists folder -> read ()
                    | Error error -> Error error
                    | Ok _ -> Ok dataset))
