namespace Glem.Torch.Extensions;

public static partial class TensorMemory
{
    public static long Peak(Action run) =>
        throw new NotSupportedException("the official engine does not tell what its tensors hold");

    private static void KeepFreed(bool keep) { }
}
