namespace Glem

open System.Collections.Generic

/// The classes of dotnet-api: namespaces, small ones counted to what encloses them.
module NamespaceGroups =
    let private parent (space: string) =
        match space.LastIndexOf '.' with
        | -1 -> None
        | dot -> Some(space.Substring(0, dot))

    /// Group of every namespace. Deepest first, a namespace with fewer than `minimum` members (those it already took in
    /// counted) joins its parent; one that has no parent stays, however small.
    ///   sizes : namespace -> number of nodes
    let merge (minimum: int) (sizes: Map<string, int>) =
        let group = Dictionary<string, string>()
        let total = Dictionary<string, int>(sizes)

        let rec visit depth =
            if depth > 0 then
                for space in total.Keys |> Seq.filter (fun space -> space.Split('.').Length = depth) |> Seq.toList do
                    match parent space with
                    | Some above when total[space] < minimum ->
                        group[space] <- above

                        let already =
                            match total.TryGetValue above with
                            | true, size -> size
                            | false, _ -> 0

                        total[above] <- already + total[space]
                    | _ -> ()

                visit (depth - 1)

        visit (sizes.Keys |> Seq.map (fun space -> space.Split('.').Length) |> Seq.fold max 0)

        let rec final space =
            match group.TryGetValue space with
            | true, above -> final above
            | false, _ -> space

        sizes |> Map.map (fun space _ -> final space)
