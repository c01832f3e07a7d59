using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Glem.Torch.Native;

/// <summary>
/// Finds libglem_native: the file that GLEM_NATIVE names, else the one beside this assembly. It carries the path of the
/// libtorch that it was built against, so nothing else has to be set.
/// </summary>
internal static class LibraryLoader
{
    private const string FileName = "libglem_native.so";

    /// <summary>
    /// An assembly takes one resolver, and it must be there before the first native call, whoever makes it (a program,
    /// a test, a script under fsi): the module's initialiser is the one place that guarantees both.
    /// </summary>
#pragma warning disable CA2255 // "only for applications": the reason is the comment above
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Register() =>
        NativeLibrary.SetDllImportResolver(
            typeof(LibraryLoader).Assembly, (name, _, _) => name == NativeMethods.Library ? Load() : 0);

    internal static string Path =>
        Environment.GetEnvironmentVariable("GLEM_NATIVE") is { Length: > 0 } chosen
            ? chosen
            : System.IO.Path.Combine(
                System.IO.Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location) ?? "", FileName);

    private static nint Load()
    {
        var path = Path;
        if (!File.Exists(path))
            throw new DllNotFoundException(
                $"The native engine is missing: expected it at {path}. Build src/Glem.Torch (it needs `apt-get install "
                + "libtorch-dev cmake g++`), or set GLEM_NATIVE to the file.");
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException failure)
        {
            throw new DllNotFoundException(
                $"The native engine at {path} does not load; libtorch is probably missing or another version than it "
                + "was built against: `apt-get install libtorch-dev libopenblas0-openmp`, then build again. "
                + failure.Message,
                failure);
        }
    }
}
