using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>The official package brings its own libtorch, with MKL inside, and tells little about it.</summary>
public static partial class Engine
{
    /// <summary>Loads the package's native libraries.</summary>
    public static void Initialize() => torch.InitializeDeviceType(DeviceType.CPU);

    public static string Name => "TorchSharp";

    public static string Version => torch.__version__;

    public static string LibraryPath => "";

    public static string NativePath => "";

    public static string Configuration => "";

    public static string CpuCapability => HasAvx512 ? "AVX512" : HasAvx2 ? "AVX2" : "DEFAULT";

    public static string Blas => "MKL";

    public static string BlasPath => "";

    public static string OpenBlasCore => "";
}
