using System;
using System.Collections.Generic;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

/// <summary>Edges (target, source) in any order, parallel ones among them.</summary>
internal sealed class EdgeGraph(int targets, int sources, (int Target, int Source)[] edges)
{
    internal long Targets => targets;

    internal long Sources => sources;

    internal long Count => edges.Length;

    /// <summary>Edges between any two; half of the targets have none.</summary>
    internal static EdgeGraph Random(int targets, int sources, int count, int seed)
    {
        var random = new Random(seed);
        var used = Math.Max(1, targets / 2);
        return new(targets, sources, [.. Enumerable.Range(0, count).Select(_ => (random.Next(used), random.Next(sources)))]);
    }

    /// <summary>
    /// A random graph in which target 3 has 20,000 more in-edges and source 2 as many out-edges: rows that the kernels
    /// share among threads, in the matrix and in its transpose.
    /// </summary>
    internal static EdgeGraph WithHubs(int targets, int sources, int count, int seed)
    {
        var random = new Random(seed);
        var plain = Enumerable.Range(0, count).Select(_ => (random.Next(targets / 2), random.Next(sources)));
        var into = Enumerable.Range(0, 20_000).Select(_ => (3, random.Next(sources)));
        var outOf = Enumerable.Range(0, 20_000).Select(_ => (random.Next(targets / 2), 2));
        return new(targets, sources, [.. plain, .. into, .. outOf]);
    }

    internal EdgeIndex Index()
    {
        var sorted = edges.OrderBy(e => e.Target).ToArray();
        var transposed = Enumerable.Range(0, sorted.Length).OrderBy(e => sorted[e].Source).ToArray();
        return new(
            Bounds(sorted.Select(e => e.Target), targets),
            tensor(sorted.Select(e => e.Source).ToArray()),
            Bounds(sorted.Select(e => e.Source), sources),
            tensor(transposed.Select(e => sorted[e].Target).ToArray()),
            tensor(transposed));
    }

    private static Tensor Bounds(IEnumerable<int> rows, int n)
    {
        var bounds = new int[n + 1];
        foreach (var row in rows)
            bounds[row + 1]++;
        for (var i = 0; i < n; i++)
            bounds[i + 1] += bounds[i];
        return tensor(bounds);
    }
}
