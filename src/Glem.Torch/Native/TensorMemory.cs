using Glem.Torch.Native;

namespace Glem.Torch.Extensions;

public static partial class TensorMemory
{
    /// <summary>
    /// The most bytes that CPU tensors of this thread's calls held at a time, what libtorch keeps for a backward pass
    /// included; tensors that were there before are not counted.
    /// </summary>
    public static long Peak(Action run)
    {
        var watching = NativeError.Check(NativeMethods.glem_memory_watch());
        long peak;
        try
        {
            run();
        }
        finally
        {
            peak = NativeMethods.glem_memory_unwatch(watching);
        }
        return peak;
    }

    private static void KeepFreed(bool keep) => NativeMethods.glem_keep_freed_memory(keep ? 1 : 0);
}
