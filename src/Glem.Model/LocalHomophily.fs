namespace Glem

/// How alike a node's neighbours are to it: where homophily is low, the graph misleads a GNN.
module LocalHomophily =
    /// Share of each node's labelled neighbours that have its own label (node homophily before the mean, Pei et al.
    /// 2020). Nothing for a node without a label or without a labelled neighbour. Reads every label, so it is for
    /// audits alone.   result : [n]
    let ofNodes (edges: Csr) (audit: Audit) : float voption[] =
        Array.init edges.NodeCount (fun i ->
            match audit.Label(i * 1<node>) with
            | ValueNone -> ValueNone
            | ValueSome own ->
                let around =
                    edges.NeighboursOf(i * 1<node>).ToArray()
                    |> Array.choose (fun j -> audit.Label(j * 1<node>) |> ValueOption.toOption)

                if around.Length = 0 then
                    ValueNone
                else
                    let same = around |> Array.filter ((=) own) |> Array.length
                    ValueSome(float same / float around.Length))
