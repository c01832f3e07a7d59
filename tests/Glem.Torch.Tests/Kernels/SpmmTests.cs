using System;
using System.Collections.Generic;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class SpmmTests
{
    [Theory]
    [InlineData(128)]
    [InlineData(200)]
    [InlineData(40)]
    [InlineData(7)]
    [InlineData(1)]
    public void The_product_and_its_gradient_are_those_of_the_dense_matrix(long d)
    {
        using var scope = NewDisposeScope();
        var a = new Sparse(rows: 60, columns: 45, edges: 300, seed: 3);
        foreach (var index in new[] { int32, int64 })
            foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
                Agreement.Holds(
                    tolerance,
                    x => a.Times(x[0], index, weighted: true),
                    x => a.Dense(weighted: true).matmul(x[0]),
                    randn(45, d).to(type));
    }

    [Fact]
    public void Without_weights_every_entry_is_1()
    {
        using var scope = NewDisposeScope();
        var a = new Sparse(rows: 60, columns: 45, edges: 300, seed: 4);
        Agreement.Holds(
            Agreement.Float32,
            x => a.Times(x[0], int64, weighted: false),
            x => a.Dense(weighted: false).matmul(x[0]),
            randn(45, 33));
    }

    [Fact]
    public void The_plain_twin_agrees()
    {
        using var scope = NewDisposeScope();
        var a = new Sparse(rows: 60, columns: 45, edges: 300, seed: 5);
        var (rowptr, col, weight) = a.Csr(int64, transposed: false);
        Agreement.Holds(
            Agreement.Float32,
            x => a.Times(x[0], int64, weighted: true),
            x => PlainOps.Spmm(rowptr, col, weight, x[0]),
            randn(45, 16));
    }

    [Fact]
    public void One_weight_a_row_gives_the_bits_of_that_weight_at_each_entry()
    {
        using var scope = NewDisposeScope();
        manual_seed(9);
        // Rows in pieces too: hubs.
        using var edges = EdgeGraph.WithHubs(300, 200, 1000, 4).Index();
        var byRow = rand(300);
        var degrees = (edges.RowPtr.narrow(0, 1, 300) - edges.RowPtr.narrow(0, 0, 300)).to(int64);
        var weight = byRow.repeat_interleave(degrees);
        var weightT = weight.index_select(0, edges.Order);
        foreach (var type in new[] { float32, bfloat16 })
        {
            var x = randn(200, 72).to(type);
            var slope = randn(300, 72).to(type);
            float[][] Bits(Func<Tensor, Tensor> product)
            {
                var leaf = x.clone().requires_grad_();
                var y = product(leaf);
                y.backward([slope]);
                return [.. new[] { y, leaf.grad! }.Select(part => part.detach().to(float32).data<float>().ToArray())];
            }
            Assert.Equal(
                Bits(t => Ops.Spmm(edges.RowPtr, edges.Col, weight, edges.RowPtrT, edges.ColT, weightT, t)),
                Bits(t => Ops.SpmmByRow(edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, byRow, t)));
            Agreement.Holds(
                // A hub sums twenty thousand terms.
                type == float32 ? 10 * Agreement.Float32 : Agreement.BFloat16,
                t => Ops.SpmmByRow(edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, byRow, t[0]),
                t => PlainOps.SpmmByRow(edges.RowPtr, edges.Col, byRow, t[0]),
                x);
        }
    }

    [Fact]
    public void A_row_of_most_entries_is_summed_in_pieces_with_the_same_bits_for_any_number_of_threads()
    {
        using var scope = NewDisposeScope();
        manual_seed(8);
        using var edges = EdgeGraph.WithHubs(300, 200, 1000, 4).Index();
        var weight = randn(edges.Col.shape[0]);
        var weightT = weight.index_select(0, edges.Order);
        Tensor Product(Tensor x) =>
            Ops.Spmm(edges.RowPtr, edges.Col, weight, edges.RowPtrT, edges.ColT, weightT, x);
        var threads = get_num_threads();
        try
        {
            foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            {
                var x = randn(200, 72).to(type);
                Agreement.Holds(
                    tolerance, t => Product(t[0]), t => PlainOps.Spmm(edges.RowPtr, edges.Col, weight, t[0]), x);
                var answers = new[] { 1, 2, 3 }.Select(n =>
                {
                    set_num_threads(n);
                    return Product(x).to(float32).data<float>().ToArray();
                }).ToArray();
                Assert.Equal(answers[0], answers[1]);
                Assert.Equal(answers[0], answers[2]);
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Features_of_another_height_are_refused()
    {
        using var scope = NewDisposeScope();
        var a = new Sparse(rows: 60, columns: 45, edges: 300, seed: 6);
        var error = Assert.ThrowsAny<Exception>(() => a.Times(randn(44, 8), int64, weighted: true));
        Assert.Contains("x must be [45; d], got [44, 8]", error.Message);
    }

    /// <summary>A random matrix with repeated entries and empty rows.</summary>
    private sealed class Sparse
    {
        private readonly int rows;
        private readonly int columns;
        private readonly List<(int Row, int Column, float Weight)> entries = [];

        internal Sparse(int rows, int columns, int edges, int seed)
        {
            this.rows = rows;
            this.columns = columns;
            var random = new Random(seed);
            for (var e = 0; e < edges; e++)
                entries.Add((random.Next(rows / 2), random.Next(columns), random.NextSingle() - 0.5f));
        }

        internal (Tensor Rowptr, Tensor Col, Tensor Weight) Csr(ScalarType index, bool transposed)
        {
            var sorted = transposed
                ? entries.Select(e => (Row: e.Column, Column: e.Row, e.Weight)).OrderBy(e => e.Row).ToArray()
                : entries.OrderBy(e => e.Row).ToArray();
            var rowptr = Enumerable.Range(0, (transposed ? columns : rows) + 1).Select(r => (long)sorted.Count(e => e.Row < r));
            return (
                tensor(rowptr.ToArray()).to(index),
                tensor(sorted.Select(e => (long)e.Column).ToArray()).to(index),
                tensor(sorted.Select(e => e.Weight).ToArray()));
        }

        internal Tensor Times(Tensor x, ScalarType index, bool weighted)
        {
            var (rowptr, col, weight) = Csr(index, transposed: false);
            var (rowptrT, colT, weightT) = Csr(index, transposed: true);
            return Ops.Spmm(rowptr, col, weighted ? weight : null, rowptrT, colT, weighted ? weightT : null, x);
        }

        internal Tensor Dense(bool weighted)
        {
            var dense = new double[rows * columns];
            foreach (var (row, column, weight) in entries)
                dense[row * columns + column] += weighted ? weight : 1;
            return tensor(dense).reshape(rows, columns);
        }
    }
}
