using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>Native memory comes back, and no order of disposals crashes the process.</summary>
public class LifetimeTests
{
    [Fact]
    public void A_training_step_in_a_scope_leaves_no_tensor_behind()
    {
        Settle();
        var before = Tensor.TotalCount;
        using (var weight = randn(8, 4, requires_grad: true))
        {
            for (var step = 0; step < 20; step++)
            {
                using var scope = NewDisposeScope();
                var loss = randn(16, 8).matmul(weight).tanh().square().mean();
                loss.backward();
                using var _ = no_grad();
                weight.sub_(weight.grad! * 0.1);
                weight.grad!.zero_();
            }
            Assert.Equal(before + 1, Tensor.TotalCount);
        }
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void A_million_small_operations_run_in_bounded_memory()
    {
        using var a = ones(16);
        using var b = ones(16);
        void Run(int count)
        {
            for (var i = 0; i < count; i += 100)
            {
                using var scope = NewDisposeScope();
                for (var j = 0; j < 100; j++)
                    a.add(b);
            }
        }
        Run(100_000);
        Settle();
        var live = Tensor.TotalCount;
        var before = ResidentBytes();
        Run(1_000_000);
        Assert.Equal(live, Tensor.TotalCount);
        Assert.InRange(ResidentBytes() - before, long.MinValue, 32 << 20);
    }

    [Fact]
    public void Forgotten_tensors_are_released_by_the_finaliser()
    {
        Settle();
        var before = Tensor.TotalCount;
        Forget(1000);
        Settle();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Disposing_twice_is_harmless()
    {
        var x = ones(3);
        x.Dispose();
        x.Dispose();
        Assert.True(x.IsInvalid);
    }

    [Fact]
    public void A_disposed_tensor_refuses_every_use()
    {
        using var other = ones(3);
        var x = ones(3);
        x.Dispose();
        Assert.Throws<ObjectDisposedException>(() => x.add(other));
        Assert.Throws<ObjectDisposedException>(() => other.add(x));
        Assert.Throws<ObjectDisposedException>(() => x.shape);
        Assert.Throws<ObjectDisposedException>(() => x.item<float>());
        Assert.Throws<ObjectDisposedException>(() => x.data<float>());
        Assert.Throws<ObjectDisposedException>(() => x.backward());
        Assert.Throws<ObjectDisposedException>(() => torch.cat([other, x]));
        // TorchSharp raises the parent class.
        Assert.ThrowsAny<InvalidOperationException>(() => x.Handle);
    }

    [Fact]
    public void An_accessor_ends_with_its_tensor()
    {
        Settle();
        var x = torch.tensor(new[] { 1f, 2f, 3f });
        var live = Tensor.TotalCount;
        var data = x.data<float>();
        Assert.Equal([1f, 2f, 3f], data.ToArray());
        Assert.Equal(live, Tensor.TotalCount);
        x.Dispose();
        Assert.Throws<ObjectDisposedException>(() => data[0]);
        Assert.Throws<ObjectDisposedException>(() => data[0] = 1);
        Assert.Throws<ObjectDisposedException>(data.ToArray);
        Assert.Throws<ObjectDisposedException>(() => data.CopyFrom([1f]));
    }

    [Fact]
    public void A_tensor_may_be_disposed_on_another_thread()
    {
        using var scope = NewDisposeScope();
        var free = ones(3).DetachFromDisposeScope();
        var owned = ones(3);
        OnAnotherThread(() =>
        {
            free.Dispose();
            owned.Dispose();
        });
        Assert.True(free.IsInvalid);
        Assert.True(owned.IsInvalid);
    }

    [Fact]
    public void Threads_that_dispose_the_same_tensors_release_each_once()
    {
        Settle();
        var before = Tensor.TotalCount;
        var tensors = new Tensor[2000];
        for (var i = 0; i < tensors.Length; i++)
            tensors[i] = ones(2);
        void DisposeAll()
        {
            foreach (var tensor in tensors)
                tensor.Dispose();
        }
        var threads = new Thread[4];
        for (var i = 0; i < threads.Length; i++)
            (threads[i] = new Thread(DisposeAll)).Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void A_gradient_mode_ends_on_the_thread_that_began_it()
    {
        var guard = no_grad();
        Exception? refused = null;
        OnAnotherThread(() => refused = Record.Exception(guard.Dispose));
        Assert.IsType<InvalidOperationException>(refused);
        guard.Dispose();
        guard.Dispose();
        Assert.True(is_grad_enabled());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(int count)
    {
        for (var i = 0; i < count; i++)
            ones(2);
    }

    private static void OnAnotherThread(Action action)
    {
        var thread = new Thread(() => action());
        thread.Start();
        thread.Join();
    }

    /// <summary>Releases what earlier tests forgot: a finaliser in the middle of a count would change it.</summary>
    private static void Settle()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static long ResidentBytes()
    {
        Settle();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
