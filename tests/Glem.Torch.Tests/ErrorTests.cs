using System;
using System.Runtime.InteropServices;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>What libtorch refuses is an exception with its words, and nothing else happens.</summary>
public class ErrorTests
{
    [Fact]
    public void Shapes_that_do_not_fit_are_named()
    {
        using var scope = NewDisposeScope();
        var failure = Assert.Throws<ExternalException>(() => ones(3, 4).matmul(ones(3, 4)));
        Assert.Contains("3x4 and 3x4", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("frame #", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_call_leaves_the_next_one_alone()
    {
        using var scope = NewDisposeScope();
        var x = ones(3);
        for (var i = 0; i < 100; i++)
            Assert.Throws<ExternalException>(() => x.add(ones(4)));
        Assert.Equal(6f, x.add(x).sum().item<float>());
    }

    [Fact]
    public void Elements_are_read_under_their_own_type_only()
    {
        using var x = ones(3);
        var failure = Assert.Throws<ArgumentException>(() => x.data<double>());
        Assert.Equal("Double is not compatible with Float32", failure.Message);
        Assert.Throws<ArgumentException>(() => x.item<float>());
        Assert.Throws<NotSupportedException>(() => x.data<char>());
        Assert.Throws<NotSupportedException>(() => from_array(new[] { 1u }));
        Assert.Throws<ArgumentException>(() => torch.tensor(new[] { 1f, 2, 3 }, [2, 2]));
    }

    [Fact]
    public void Backward_needs_a_scalar_that_was_recorded()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ExternalException>(() => ones(3).sum().backward());
        var x = ones(3, requires_grad: true);
        var failure = Assert.Throws<ExternalException>(() => (x * 2).backward());
        Assert.Contains("scalar", failure.Message, StringComparison.Ordinal);
        var loss = x.square().sum();
        loss.backward();
        Assert.Contains("second time", Assert.Throws<ExternalException>(loss.backward).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whole_numbers_have_no_gradient()
    {
        using var x = torch.tensor(1L);
        Assert.Throws<ExternalException>(() => x.requires_grad = true);
    }

    [Fact]
    public void Operators_are_found_by_name_and_checked_against_their_schema()
    {
        using var scope = NewDisposeScope();
        Assert.True(NativeOps.Has("aten::add.Tensor"));
        Assert.False(NativeOps.Has("aten::add.Nothing"));
        Assert.False(NativeOps.Has("glem::nothing"));
        Assert.Contains(
            "glem::nothing", Assert.Throws<ExternalException>(() => NativeOps.Call("glem::nothing")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "'other'", Assert.Throws<ExternalException>(() => NativeOps.Call("aten::add.Tensor", ones(1), "two")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "no default", Assert.Throws<ExternalException>(() => NativeOps.Call("aten::add.Tensor", ones(1))).Message, StringComparison.Ordinal);
        Assert.Equal(3, NativeOps.CallNumber("aten::size.int", ones(2, 3), 1));
        Assert.Equal(2, NativeOps.CallMany("aten::split.Tensor", ones(4), 2).Length);
    }

    [Fact]
    public void An_unknown_device_is_named()
    {
        Assert.Contains("tpu", Assert.Throws<ArgumentException>(() => new Device("tpu")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Device("cuda:x"));
        Assert.Equal((DeviceType.CUDA, 1), (device("cuda:1").type, device("cuda:1").index));
        Assert.Equal("cuda:1", device("cuda:1").ToString());
    }

    [Fact]
    public void A_device_that_is_not_there_is_an_exception()
    {
        Assert.SkipWhen(cuda.is_available(), "this machine has a GPU");
        using var x = ones(2);
        Assert.ThrowsAny<ExternalException>(() => x.to("cuda:0"));
    }
}
