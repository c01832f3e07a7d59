using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

public static partial class TapeFunction
{
    private static bool Records => false;

    private static void Record(
        Tensor output, Tensor[] inputs, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> backward) =>
        throw new NotSupportedException("the official engine records the forward");
}
