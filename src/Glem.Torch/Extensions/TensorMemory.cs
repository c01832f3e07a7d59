namespace Glem.Torch.Extensions;

/// <summary>What tensors hold of the machine's memory, and what becomes of what they freed.</summary>
public static partial class TensorMemory
{
    private static readonly Lock gate = new();
    private static int givers;

    /// <summary>
    /// Memory that is free goes back to the system now, the garbage collector's too, and large blocks as they are freed
    /// until the answer is disposed of. Else freed memory stays with the process, which is faster for tensors that are
    /// small beside it. May be asked for several times at once. The official engine has its own way with native memory.
    /// </summary>
    public static IDisposable GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        lock (gate)
        {
            givers++;
            KeepFreed(false);
        }
        return new Giving();
    }

    private sealed class Giving : IDisposable
    {
        private bool ended;

        public void Dispose()
        {
            lock (gate)
            {
                if (ended)
                    return;
                ended = true;
                if (--givers == 0)
                    KeepFreed(true);
            }
        }
    }
}
