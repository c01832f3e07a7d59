using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Threads inside one operator.</summary>
    public static int get_num_threads() => NativeError.Check(NativeMethods.glem_get_num_threads());

    public static void set_num_threads(int num) => NativeError.Check(NativeMethods.glem_set_num_threads(num));

    /// <summary>Threads between operators.</summary>
    public static int get_num_interop_threads() => NativeError.Check(NativeMethods.glem_get_num_interop_threads());

    /// <exception cref="System.Runtime.InteropServices.ExternalException">
    /// Parallel work has already started.
    /// </exception>
    public static void set_num_interop_threads(int num) =>
        NativeError.Check(NativeMethods.glem_set_num_interop_threads(num));
}
