using Glem.Torch.Native;

namespace Glem.Torch.Extensions;

public static partial class Engine
{
    private const int Abi = 1;

    /// <summary>Loads the native engine. Doing so again is free.</summary>
    /// <exception cref="DllNotFoundException">
    /// The native engine or libtorch is missing: which, and what installs it.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The native engine was built from other sources than this assembly.
    /// </exception>
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

    /// <summary>
    /// The processor that OpenBLAS chose its kernels for, such as "SKYLAKEX"; empty for another BLAS.
    /// </summary>
    public static unsafe string OpenBlasCore => NativeError.Text(NativeMethods.glem_openblas_corename());

    /// <summary>Follows the links that packages put between a name and the file (Debian's alternatives).</summary>
    private static string Resolved(string path) =>
        path.Length > 0 && File.Exists(path) ? new FileInfo(path).ResolveLinkTarget(true)?.FullName ?? path : path;
}
