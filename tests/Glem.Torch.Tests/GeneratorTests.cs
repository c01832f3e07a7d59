using System;
using System.Linq;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>Random numbers are a function of a seed, and a stream can be taken up where it was left.</summary>
public class GeneratorTests
{
    [Fact]
    public void The_same_seed_gives_the_same_numbers()
    {
        using var scope = NewDisposeScope();
        manual_seed(11);
        var first = randn(100).data<float>().ToArray();
        manual_seed(11);
        Assert.Equal(first, randn(100).data<float>().ToArray());
        manual_seed(12);
        Assert.NotEqual(first, randn(100).data<float>().ToArray());
    }

    [Fact]
    public void A_stream_goes_on_from_a_state_that_was_kept()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        rand(33, generator: generator);
        randn(7, generator: generator);
        var state = generator.get_state();
        var rest = Draw(generator);
        generator.set_state(state);
        Assert.Equal(rest, Draw(generator));
        using var other = new Generator(6);
        other.set_state(state);
        Assert.Equal(rest, Draw(other));
    }

    [Fact]
    public void The_default_stream_can_be_kept_and_put_back()
    {
        using var scope = NewDisposeScope();
        var state = get_rng_state();
        var first = rand(10).data<float>().ToArray();
        set_rng_state(state);
        Assert.Equal(first, rand(10).data<float>().ToArray());
    }

    [Fact]
    public void A_generator_of_its_own_leaves_the_default_alone()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var expected = rand(5).data<float>().ToArray();
        manual_seed(3);
        using var generator = new Generator(9);
        rand(100, generator: generator);
        Assert.Equal(expected, rand(5).data<float>().ToArray());
        Assert.Equal(9, generator.initial_seed());
    }

    [Fact]
    public void A_permutation_holds_every_number_once()
    {
        using var p = randperm(50);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (long)i), p.data<long>().Order());
    }

    [Fact]
    public void Drawn_numbers_stay_in_their_range()
    {
        using var scope = NewDisposeScope();
        Assert.All(randint(3, 7, [1000L]).data<long>(), value => Assert.InRange(value, 3, 6));
        Assert.All(zeros(1000).uniform_(-2, 3).data<float>(), value => Assert.InRange(value, -2f, 3f));
        Assert.InRange(ones(10_000).bernoulli_(0.3).mean().item<float>(), 0.27f, 0.33f);
        var dropped = nn.functional.dropout(ones(10_000), 0.25);
        Assert.InRange(dropped.eq(0).to(float32).mean().item<float>(), 0.22f, 0.28f);
        Assert.Equal(1 / 0.75f, dropped.max().item<float>(), 1e-6f);
    }

    [Fact]
    public void A_wrong_state_is_refused_and_a_disposed_generator_too()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(1);
        Assert.ThrowsAny<Exception>(() => generator.set_state(zeros(3)));
        generator.Dispose();
        generator.Dispose();
        Assert.Throws<ObjectDisposedException>(generator.get_state);
    }

    private static float[] Draw(Generator generator)
    {
        using var scope = NewDisposeScope();
        return cat([rand(10, generator: generator), randn(21, generator: generator)]).data<float>().ToArray();
    }
}
