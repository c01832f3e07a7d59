using System.Runtime.InteropServices;
using Glem.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

public static unsafe partial class TapeFunction
{
    /// <summary>What a step of the tape holds until it is differentiated: an alias of its output, without history.</summary>
    private sealed record State(Tensor Output, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> Backward);

    private static bool Records => true;

    private static void Record(
        Tensor output, Tensor[] inputs, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> backward)
    {
        var state = GCHandle.Alloc(new State(output.detach().DetachFromDisposeScope(), backward));
        var handles = Array.ConvertAll(inputs, input => input.Handle);
        fixed (nint* all = handles)
            NativeError.Check(
                NativeMethods.glem_record_function(
                    output.Handle, all, handles.Length, &Differentiate, &Release, GCHandle.ToIntPtr(state)));
        GC.KeepAlive(inputs);
        GC.KeepAlive(output);
    }

    [UnmanagedCallersOnly]
    private static nint Differentiate(nint state, nint grad, nint* grads, int count)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var recording = enable_grad();
            var (output, backward) = (State)GCHandle.FromIntPtr(state).Target!;
            var found = backward(output, new Tensor(NativeMethods.glem_tensor_alias(grad)));
            if (found.Count != count)
                throw new InvalidOperationException($"a backward gave {found.Count} gradients for {count} inputs");
            for (var i = 0; i < count; i++)
                grads[i] = found[i] is { } one ? NativeMethods.glem_tensor_alias(one.Handle) : 0;
            return 0;
        }
        catch (Exception problem)
        {
            return Marshal.StringToCoTaskMemUTF8(problem.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void Release(nint state)
    {
        var handle = GCHandle.FromIntPtr(state);
        ((State)handle.Target!).Output.Dispose();
        handle.Free();
    }
}
