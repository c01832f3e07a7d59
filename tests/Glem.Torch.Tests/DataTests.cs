using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>Elements go in and come out unchanged.</summary>
public class DataTests
{
    [Fact]
    public void Every_element_type_comes_back_as_it_went_in()
    {
        Same([1.5f, float.NaN, float.NegativeInfinity, -0f], float32, tensor);
        Same([Math.PI, double.Epsilon], float64, tensor);
        Same([long.MinValue, 0, long.MaxValue], int64, tensor);
        Same([int.MinValue, 7], int32, tensor);
        Same(new sbyte[] { -128, 127 }, int8, tensor);
        Same(new byte[] { 0, 255 }, uint8, tensor);
        Same([true, false, true], ScalarType.Bool, tensor);
        Same([new BFloat16(1.5f), BFloat16.FromRawValue(0x7F80)], bfloat16, tensor);

        static void Same<T>(T[] values, ScalarType type, Func<T[], ScalarType?, Device?, bool, Tensor> make)
            where T : unmanaged
        {
            using var scope = NewDisposeScope();
            var made = make(values, null, null, false);
            Assert.Equal(type, made.dtype);
            Assert.Equal(values, made.data<T>().ToArray());
            Assert.Equal(values, from_array(values).data<T>().ToArray());
        }
    }

    [Fact]
    public void Bfloat16_rounds_as_libtorch_does()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var values = cat([randn(10_000) * 100, torch.tensor(new[] { 0f, -0f, float.MaxValue, float.PositiveInfinity, 1e-40f })]);
        var native = values.to(bfloat16).data<BFloat16>().ToArray();
        var managed = values.data<float>().Select(value => new BFloat16(value)).ToArray();
        Assert.Equal(native.Select(one => one.value), managed.Select(one => one.value));
        Assert.Equal(values.to(bfloat16).to(float32).data<float>().ToArray(), managed.Select(one => one.ToSingle()));
        Assert.True(float.IsNaN(new BFloat16(float.NaN).ToSingle()));
    }

    [Fact]
    public void Arrays_of_rank_two_and_three_keep_their_shape()
    {
        using var scope = NewDisposeScope();
        var x = torch.tensor(new[,] { { 1, 2, 3 }, { 4, 5, 6 } });
        Assert.Equal([2L, 3L], x.shape);
        Assert.Equal(6, x.data<int>()[1, 2]);
        var y = torch.from_array(new float[2, 1, 2] { { { 1, 2 } }, { { 3, 4 } } });
        Assert.Equal([2L, 1L, 2L], y.shape);
        Assert.Equal(10f, y.sum().item<float>());
        Assert.Equal([2L, 2L], torch.tensor(new[] { 1L, 2, 3, 4 }, [2, 2]).shape);
    }

    [Fact]
    public void An_accessor_writes_in_place()
    {
        using var x = zeros(2, 3);
        using var data = x.data<float>();
        data[1, 2] = 5;
        data.CopyFrom([1, 2], 0, 1);
        Assert.Equal([0f, 1, 2, 0, 0, 5], x.data<float>().ToArray());
        Assert.Throws<IndexOutOfRangeException>(() => data[2, 0]);
        Assert.Throws<IndexOutOfRangeException>(() => data[6]);
        Assert.Throws<IndexOutOfRangeException>(() => data[-1]);
    }

    [Fact]
    public void A_strided_view_is_read_row_by_row()
    {
        using var scope = NewDisposeScope();
        var x = torch.arange(6).reshape(2, 3).t();
        Assert.Equal([0L, 3, 1, 4, 2, 5], x.data<long>().ToArray());
        Assert.Equal([0L, 3, 1, 4, 2, 5], x.data<long>());
        Assert.Equal(4L, x.data<long>()[1, 1]);
        var target = new long[3];
        x.data<long>().CopyTo(target, 1, 4);
        Assert.Equal([0L, 2, 5], target);
    }

    [Fact]
    public void Bytes_are_the_memory_itself()
    {
        using var x = zeros(2, int32);
        x.bytes[4] = 7;
        Assert.Equal([0, 7], x.data<int>().ToArray());
        using var view = ones(2, 2).t();
        Assert.Throws<InvalidOperationException>(() => view.bytes.Length);
    }

    [Fact]
    public void A_tensor_of_one_element_is_a_number()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(3L, torch.tensor(3L).item<long>());
        Assert.True(torch.tensor(true).item<bool>());
        Assert.Equal(2.5, torch.tensor(2.5f).ToScalar().ToDouble());
        Assert.Equal(2, torch.tensor(2).ToScalar().ToInt32());
    }

    [Fact]
    public void Factories_take_type_and_shape()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(float32, zeros(2, 3).dtype);
        Assert.Equal([2L, 3L, 4L], ones(2, 3, 4, dtype: int64).shape);
        Assert.Equal(int64, full([2L], 3).dtype);
        Assert.Equal(float32, full([2L], 3.0).dtype);
        Assert.Equal(int64, arange(5).dtype);
        Assert.Equal([0f, 0.5f, 1f], linspace(0, 1, 3).data<float>().ToArray());
        Assert.Equal([1f, 0, 0, 1], eye(2).data<float>().ToArray());
        Assert.True(randn(2, requires_grad: true).requires_grad);
        Assert.Equal(bfloat16, zeros_like(ones(2), dtype: bfloat16).dtype);
        Assert.Equal([2L, 0L], empty(2, 0).shape);
    }

    [Fact]
    public void Indexers_read_and_write_as_numpy_does()
    {
        using var scope = NewDisposeScope();
        var x = torch.arange(12).reshape(3, 4);
        Assert.Equal(6L, x[1, 2].item<long>());
        Assert.Equal([8L, 9, 10, 11], x[-1].data<long>().ToArray());
        Assert.Equal([1L, 5, 9], x[TensorIndex.Ellipsis, 1].data<long>().ToArray());
        Assert.Equal([4L, 6], x[TensorIndex.Single(1), TensorIndex.Slice(step: 2)].data<long>().ToArray());
        Assert.Equal([3L, 1L, 4L], x[TensorIndex.Colon, TensorIndex.None].shape);
        Assert.Equal([0L, 1, 2, 3], x[0..1].data<long>().ToArray());
        Assert.Equal([1L, 9], x[TensorIndex.Tensor(torch.tensor(new[] { 0L, 2 })), TensorIndex.Single(1)].data<long>().ToArray());
        Assert.Equal([10L, 11], x[x.gt(9)].data<long>().ToArray());
        x[1] = torch.tensor(0L);
        x[TensorIndex.Colon, TensorIndex.Single(0)] = torch.tensor(new[] { 7L, 8, 9 });
        x[x.gt(9)] = torch.tensor(-1L);
        Assert.Equal([7L, 1, 2, 3, 8, 0, 0, 0, 9, 9, -1, -1], x.data<long>().ToArray());
        Assert.Throws<IndexOutOfRangeException>(() => x[0, 0, 0]);
    }

    [Fact]
    public void Orders_and_counts_agree_with_their_definitions()
    {
        using var scope = NewDisposeScope();
        var x = torch.tensor(new[] { 3L, 1, 3, 2 });
        var (output, inverse, counts) = x.unique(return_inverse: true, return_counts: true);
        Assert.Equal([1L, 2, 3], output.data<long>().ToArray());
        Assert.Equal([2L, 0, 2, 1], inverse!.data<long>().ToArray());
        Assert.Equal([1L, 1, 2], counts!.data<long>().ToArray());
        Assert.Null(x.unique().counts);
        Assert.Equal([0L, 1, 1, 2], torch.bincount(x).data<long>().ToArray());
        Assert.Equal([1L, 3, 0, 2], x.sort(stable: true).Indices.data<long>().ToArray());
        Assert.Equal(1L, x.argmin().item<long>());
        Assert.True(x.eq(3).any().item<bool>());
        Assert.Equal([0L, 0, 1, 0, 1, 0], nn.functional.one_hot(torch.tensor(new[] { 2L, 1 }), 3).data<long>().ToArray());
    }
}
