using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// A step of the tape that its author differentiates: what was computed without a record becomes a function of its
/// inputs. A backward that runs the forward again keeps nothing of it in memory (Gomez et al. 2017; Chen et al. 2016).
/// </summary>
public static partial class TapeFunction
{
    /// <summary>
    /// The output of <paramref name="forward"/>, which runs without a record, as a function of the inputs. Where no input
    /// needs a gradient, or none are recorded, it is that output alone. The official engine records the forward instead.
    /// </summary>
    /// <param name="inputs">All that needs a gradient: the states that go in, and the parameters read.</param>
    /// <param name="forward">Answers one new tensor.</param>
    /// <param name="backward">
    /// Given the forward's output, without its history, and the output's gradient, the gradient of each input, null where
    /// there is none. Runs once, inside the caller's backward, with recording switched on and in a dispose scope of its
    /// own; what it throws ends that backward.
    /// </param>
    public static Tensor Apply(
        Tensor[] inputs, Func<Tensor> forward, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> backward)
    {
        if (!Records)
            return forward();
        Tensor output;
        using (no_grad())
            output = forward();
        if (is_grad_enabled() && inputs.Any(input => input.requires_grad))
            Record(output, inputs, backward);
        return output;
    }
}
