using System.Linq;
using System.Threading;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>What is recorded, what is not, and what backward leaves where.</summary>
public class AutogradTests
{
    [Fact]
    public void Gradients_accumulate_until_they_are_set_to_nothing()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        Assert.Null(x.grad);
        (x * 3).sum().backward();
        (x * 3).sum().backward();
        Assert.Equal([6f, 6f], x.grad!.data<float>().ToArray());
        x.grad = null;
        Assert.Null(x.grad);
        x.grad = torch.full(2, 5f);
        Assert.Equal([5f, 5f], x.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Nothing_is_recorded_without_gradients()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        using (no_grad())
        {
            Assert.False((x * 2).requires_grad);
            using (enable_grad())
                Assert.True((x * 2).requires_grad);
            Assert.False(is_grad_enabled());
        }
        Assert.True((x * 2).requires_grad);
        using (inference_mode())
        {
            Assert.True(is_inference_mode_enabled());
            Assert.False((x * 2).requires_grad);
        }
        Assert.False(is_inference_mode_enabled());
    }

    [Fact]
    public void A_detached_tensor_shares_its_memory_and_no_history()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var y = x * 2;
        Assert.True(x.is_leaf);
        Assert.False(y.is_leaf);
        var z = y.detach();
        Assert.True(z.is_leaf);
        Assert.False(z.requires_grad);
        z.fill_(9);
        Assert.Equal([9f, 9f], y.data<float>().ToArray());
    }

    [Fact]
    public void A_kept_graph_can_be_run_again()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var loss = x.square().sum();
        loss.backward(retain_graph: true);
        loss.backward();
        Assert.Equal([4f, 4f], x.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Weights_on_the_outputs_weigh_the_gradients()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        (x * 2).backward([torch.tensor(new[] { 1f, 10f })]);
        Assert.Equal([2f, 20f], x.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Grad_answers_without_accumulating_even_twice()
    {
        using var scope = NewDisposeScope();
        var x = torch.tensor(3.0).requires_grad_();
        var unused = torch.tensor(1.0).requires_grad_();
        var first = autograd.grad([x.pow(3)], [x, unused], create_graph: true, allow_unused: true);
        Assert.Equal(27.0, first[0].item<double>());
        Assert.Null(first[1]);
        var second = autograd.grad([first[0]], [x]);
        Assert.Equal(18.0, second[0].item<double>());
        Assert.Null(x.grad);
    }

    [Fact]
    public void Every_thread_has_its_own_mode()
    {
        using var _ = no_grad();
        var elsewhere = false;
        var thread = new Thread(() => elsewhere = is_grad_enabled());
        thread.Start();
        thread.Join();
        Assert.True(elsewhere);
    }

    [Fact]
    public void Clipping_scales_all_gradients_by_one_factor()
    {
        using var scope = NewDisposeScope();
        var parameters = new[] { nn.Parameter(zeros(2)), nn.Parameter(zeros(1)), nn.Parameter(zeros(1)) };
        parameters[0].grad = torch.tensor(new[] { 3f, 0f });
        parameters[1].grad = torch.tensor(new[] { 4f });
        Assert.Equal(5.0, nn.utils.clip_grad_norm_(parameters, 1.0), 6);
        Assert.Equal([0.6f, 0f, 0.8f], parameters.Take(2).SelectMany(one => one.grad!.data<float>()), (a, b) => float.Abs(a - b) < 1e-5f);
        Assert.Equal(1.0, nn.utils.clip_grad_norm_(parameters, 2.0), 5);
    }
}
