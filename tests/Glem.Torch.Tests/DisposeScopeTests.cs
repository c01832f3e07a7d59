using System;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>Who owns a tensor, and when it goes.</summary>
public class DisposeScopeTests
{
    [Fact]
    public void A_scope_disposes_what_was_made_in_it()
    {
        Tensor inside;
        using (var scope = NewDisposeScope())
        {
            inside = ones(2);
            Assert.True(scope.Contains(inside));
            Assert.Equal(1, scope.DisposablesCount);
        }
        Assert.True(inside.IsInvalid);
    }

    [Fact]
    public void A_tensor_moved_out_belongs_to_the_outer_scope()
    {
        using var outer = NewDisposeScope();
        Tensor kept;
        using (NewDisposeScope())
            kept = ones(2).MoveToOuterDisposeScope();
        Assert.False(kept.IsInvalid);
        Assert.True(outer.Contains(kept));
    }

    [Fact]
    public void A_tensor_moved_out_of_the_outermost_scope_belongs_to_nobody()
    {
        Tensor kept;
        using (var scope = NewDisposeScope())
            kept = scope.MoveToOuter(ones(2));
        Assert.False(kept.IsInvalid);
        kept.Dispose();
    }

    [Fact]
    public void A_detached_tensor_survives_every_scope()
    {
        Tensor kept;
        using (NewDisposeScope())
        using (NewDisposeScope())
            kept = ones(2).DetachFromDisposeScope();
        Assert.Equal(2f, kept.sum().item<float>());
        kept.Dispose();
    }

    [Fact]
    public void An_attached_tensor_goes_with_its_new_scope()
    {
        var free = ones(2);
        using (var scope = NewDisposeScope())
            scope.Attach(free);
        Assert.True(free.IsInvalid);
    }

    [Fact]
    public void Disposing_everything_but_some_keeps_those_in_the_scope()
    {
        using var scope = NewDisposeScope();
        var kept = ones(2);
        var gone = ones(2);
        scope.DisposeEverythingBut(kept);
        Assert.False(kept.IsInvalid);
        Assert.True(gone.IsInvalid);
        Assert.Equal([kept], scope.DisposablesView);
    }

    [Fact]
    public void A_tensor_disposed_early_leaves_no_entry()
    {
        using var scope = NewDisposeScope();
        var first = ones(1);
        var second = ones(2);
        var third = ones(3);
        first.Dispose();
        Assert.Equal(2, scope.DisposablesCount);
        Assert.False(second.IsInvalid);
        Assert.False(third.IsInvalid);
        third.Dispose();
        Assert.Equal([second], scope.DisposablesView);
    }

    [Fact]
    public void Scopes_may_end_in_any_order()
    {
        var outer = NewDisposeScope();
        var inner = NewDisposeScope();
        outer.Dispose();
        Assert.Same(inner, CurrentDisposeScope);
        inner.Dispose();
        Assert.Null(CurrentDisposeScope);
        inner.Dispose();
    }

    [Fact]
    public void A_scope_owns_the_tensors_of_its_own_thread_only()
    {
        using var scope = NewDisposeScope();
        Tensor? elsewhere = null;
        var thread = new System.Threading.Thread(() => elsewhere = ones(2));
        thread.Start();
        thread.Join();
        Assert.Equal(0, scope.DisposablesCount);
        elsewhere!.Dispose();
    }

    [Fact]
    public void An_ended_scope_takes_nothing()
    {
        var scope = NewDisposeScope();
        scope.Dispose();
        using var x = ones(1);
        Assert.Throws<ObjectDisposedException>(() => scope.Attach(x));
        Assert.Throws<ObjectDisposedException>(scope.DisposeEverything);
    }

    [Fact]
    public void A_wrapped_expression_keeps_its_answer_only()
    {
        using var scope = NewDisposeScope();
        var answer = WrappedTensorDisposeScope(() => ones(2) + ones(2));
        Assert.Equal([answer], scope.DisposablesView);
    }

    [Fact]
    public void A_parameter_takes_the_place_of_its_tensor()
    {
        TorchSharp.Modules.Parameter parameter;
        using (var scope = NewDisposeScope())
        {
            var data = ones(2);
            parameter = nn.Parameter(data);
            Assert.True(data.IsInvalid);
            Assert.True(parameter.requires_grad);
            Assert.Equal([parameter], scope.DisposablesView);
        }
        Assert.True(parameter.IsInvalid);
    }

    [Fact]
    public void The_thread_counts_what_scopes_did()
    {
        var statistics = DisposeScopeManager.Statistics;
        statistics.Reset();
        using (var scope = NewDisposeScope())
        {
            var kept = ones(1);
            ones(2);
            scope.Detach(kept);
            scope.Attach(kept);
        }
        Assert.Equal(2, statistics.CreatedInScopeCount);
        Assert.Equal(2, statistics.DisposedInScopeCount);
        Assert.Equal(1, statistics.DetachedFromScopeCount);
        Assert.Equal(1, statistics.AttachedToScopeCount);
        Assert.Equal(0, statistics.ThreadTotalLiveCount);
    }
}
