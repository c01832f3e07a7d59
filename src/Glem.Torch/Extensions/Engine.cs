using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>What the tensor engine is, and what the machine under it can do.</summary>
public static partial class Engine
{
    private static readonly Lazy<HashSet<string>> CpuFlags = new(ReadCpuFlags);

    public static bool HasAvx2 => HasCpuFlag("avx2");

    public static bool HasAvx512 => HasCpuFlag("avx512f");

    public static bool HasAvx512Bf16 => HasCpuFlag("avx512_bf16");

    public static bool HasAmxBf16 => HasCpuFlag("amx_bf16");

    /// <summary>
    /// Whether the processor multiplies bfloat16 itself; without that, bfloat16 is slower than float32.
    /// </summary>
    public static bool HasFastBf16 => HasAvx512Bf16 || HasAmxBf16;

    /// <summary>The file of this engine's own native code.</summary>
    public static string NativeLibraryPath => Glem.Torch.Native.LibraryLoader.Path;

    public static int Threads => torch.get_num_threads();

    public static int InteropThreads => torch.get_num_interop_threads();

    public static int CudaDevices => torch.cuda.device_count();

    /// <summary>Whether the kernel reports an instruction set, under the name that /proc/cpuinfo uses.</summary>
    public static bool HasCpuFlag(string flag) => CpuFlags.Value.Contains(flag);

    /// <summary>The kernel's own list: unlike CPUID it leaves out what the system does not let a process use.</summary>
    private static HashSet<string> ReadCpuFlags() =>
        File.Exists("/proc/cpuinfo")
            ?
            [
                .. File.ReadLines("/proc/cpuinfo")
                    .Where(line => line.StartsWith("flags", StringComparison.Ordinal))
                    .Take(1)
                    .Select(line => line[(line.IndexOf(':') + 1)..])
                    .SelectMany(names => names.Split(' ', StringSplitOptions.RemoveEmptyEntries)),
            ]
            : [];
}
