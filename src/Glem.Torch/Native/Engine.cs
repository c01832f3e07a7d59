using Glem.Torch.Native;

namespace Glem.Torch.Extensions;

/// <summary>What the tensor engine is, and what the machine under it can do.</summary>
public static class Engine
{
    private const int Abi = 1;
    private static readonly Lazy<HashSet<string>> CpuFlags = new(ReadCpuFlags);

    /// <summary>Loads the native engine. Doing so again is free.</summary>
    /// <exception cref="DllNotFoundException">The native engine or libtorch is missing: which, and what installs it.</exception>
    /// <exception cref="InvalidOperationException">The native engine was built from other sources than this assembly.</exception>
    public static void Initialize()
    {
        int found;
        try
        {
            found = NativeMethods.glem_abi();
        }
        catch (EntryPointNotFoundException)
        {
            found = 0;
        }
        if (found != Abi)
            throw new InvalidOperationException(
                $"{LibraryLoader.Path} has interface {found}, expected {Abi}: build src/Glem.Torch again.");
    }

    /// <summary>The tensor library's name.</summary>
    public static string Name => "libtorch";

    /// <summary>libtorch's version, such as "1.13.0".</summary>
    public static unsafe string Version => NativeError.Text(NativeMethods.glem_torch_version());

    /// <summary>The file that libtorch was loaded from; empty where the loader does not tell.</summary>
    public static unsafe string LibraryPath => Resolved(NativeError.Text(NativeMethods.glem_torch_path()));

    /// <summary>The file that libglem_native was, or would be, loaded from.</summary>
    public static string NativePath => LibraryLoader.Path;

    /// <summary>How libtorch was built, in its own words.</summary>
    public static unsafe string Configuration => NativeError.Text(NativeMethods.glem_torch_config());

    /// <summary>The vector instructions that libtorch's own kernels use: "AVX512", "AVX2", "NO AVX", ….</summary>
    public static string CpuCapability =>
        Configuration
            .Split('\n')
            .Select(line => line.Split("CPU capability usage:"))
            .Where(parts => parts.Length == 2)
            .Select(parts => parts[1].Trim())
            .FirstOrDefault("unknown");

    /// <summary>Who multiplies float32 matrices: "OpenBLAS", "MKL", or "reference" (slow: 2 GFLOP/s).</summary>
    public static string Blas =>
        OpenBlasCore.Length > 0 ? "OpenBLAS"
        : BlasPath.Contains("mkl", StringComparison.OrdinalIgnoreCase)
            || Configuration.Contains("BLAS_INFO=mkl", StringComparison.Ordinal) ? "MKL"
        : BlasPath.Contains("blis", StringComparison.OrdinalIgnoreCase) ? "BLIS"
        : BlasPath.Contains("atlas", StringComparison.OrdinalIgnoreCase) ? "ATLAS"
        : "reference";

    /// <summary>The file that the BLAS was loaded from; empty where it is inside libtorch.</summary>
    public static unsafe string BlasPath => Resolved(NativeError.Text(NativeMethods.glem_blas_path()));

    /// <summary>The processor that OpenBLAS chose its kernels for, such as "SKYLAKEX"; empty for another BLAS.</summary>
    public static unsafe string OpenBlasCore => NativeError.Text(NativeMethods.glem_openblas_corename());

    public static bool HasAvx2 => HasCpuFlag("avx2");

    public static bool HasAvx512 => HasCpuFlag("avx512f");

    public static bool HasAvx512Bf16 => HasCpuFlag("avx512_bf16");

    public static bool HasAmxBf16 => HasCpuFlag("amx_bf16");

    /// <summary>Whether the processor multiplies bfloat16 itself; without that, bfloat16 is slower than float32.</summary>
    public static bool HasFastBf16 => HasAvx512Bf16 || HasAmxBf16;

    public static int Threads => TorchSharp.torch.get_num_threads();

    public static int InteropThreads => TorchSharp.torch.get_num_interop_threads();

    public static int CudaDevices => TorchSharp.torch.cuda.device_count();

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
                    .SelectMany(line => line[(line.IndexOf(':') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)),
            ]
            : [];

    /// <summary>Follows the links that packages put between a name and the file (Debian's alternatives).</summary>
    private static string Resolved(string path) =>
        path.Length > 0 && File.Exists(path) ? new FileInfo(path).ResolveLinkTarget(true)?.FullName ?? path : path;
}
