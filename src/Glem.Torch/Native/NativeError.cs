using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Glem.Torch.Native;

/// <summary>
/// Turns a failed native call into the exception that TorchSharp raises, with libtorch's own message.
/// </summary>
internal static unsafe class NativeError
{
    internal static string Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8) ?? "";

    [DoesNotReturn]
    internal static void Throw() => throw new ExternalException(Text(NativeMethods.glem_last_error()));

    internal static int Check(int answer)
    {
        if (answer < 0)
            Throw();
        return answer;
    }

    internal static nint Check(nint handle)
    {
        if (handle == 0)
            Throw();
        return handle;
    }

    internal static bool Truth(int answer) => Check(answer) != 0;
}
