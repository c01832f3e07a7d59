using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using Glem.Torch.Native;
using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>
/// Calls operators by name. Names are resolved once and the handles kept; a call marshals its arguments on the stack
/// and allocates nothing but the tensors that it answers.
/// </summary>
internal static unsafe class Dispatcher
{
    private const int MaxArguments = 32;
    private const int MaxResults = 16;
    private const int StackWords = 64;

    private static readonly ConcurrentDictionary<string, nint> Handles = new();

    internal static bool Has(string name) => Handles.ContainsKey(name) || Find(name) != 0;

    internal static torch.Tensor Call(string name, params ReadOnlySpan<Arg> arguments)
    {
        NativeValue result;
        if (Invoke(name, arguments, &result, 1) != 1 || result.Kind != (int)ArgKind.Tensor || result.Bits == 0)
            throw new InvalidOperationException($"{name} does not answer one tensor.");
        return new torch.Tensor((nint)result.Bits);
    }

    [SkipLocalsInit]
    internal static torch.Tensor?[] CallMany(string name, params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc NativeValue[MaxResults];
        var count = Invoke(name, arguments, results, MaxResults);
        if (count == 1 && results[0].Kind == (int)ArgKind.Tensors)
            return TakeList(results[0]);
        var tensors = new torch.Tensor?[count];
        for (var i = 0; i < count; i++)
            tensors[i] = Wrap((nint)results[i].Bits);
        return tensors;
    }

    internal static double CallNumber(string name, params ReadOnlySpan<Arg> arguments)
    {
        NativeValue result;
        if (Invoke(name, arguments, &result, 1) != 1)
            throw new InvalidOperationException($"{name} does not answer one number.");
        return (ArgKind)result.Kind switch
        {
            ArgKind.Double => BitConverter.Int64BitsToDouble(result.Bits),
            ArgKind.Int or ArgKind.Bool => result.Bits,
            _ => throw new InvalidOperationException($"{name} does not answer one number."),
        };
    }

    private static torch.Tensor? Wrap(nint handle) => handle == 0 ? null : new torch.Tensor(handle);

    private static torch.Tensor?[] TakeList(in NativeValue list)
    {
        var handles = (nint*)list.Bits;
        var tensors = new torch.Tensor?[list.Count];
        for (var i = 0; i < tensors.Length; i++)
            tensors[i] = Wrap(handles[i]);
        NativeMethods.glem_free(handles);
        return tensors;
    }

    private static nint Resolve(string name)
    {
        if (Handles.TryGetValue(name, out var handle))
            return handle;
        handle = Find(name);
        return handle != 0 ? handle : NativeError.Check((nint)0);
    }

    private static nint Find(string name)
    {
        var full = name.Contains("::", StringComparison.Ordinal) ? name : "aten::" + name;
        var dot = full.IndexOf('.', StringComparison.Ordinal);
        fixed (byte* op = Encoding.UTF8.GetBytes((dot < 0 ? full : full[..dot]) + "\0"))
        fixed (byte* overload = Encoding.UTF8.GetBytes((dot < 0 ? "" : full[(dot + 1)..]) + "\0"))
        {
            var handle = NativeMethods.glem_op_find(op, overload);
            if (handle != 0)
                Handles[name] = handle;
            return handle;
        }
    }

    [SkipLocalsInit]
    private static int Invoke(string name, ReadOnlySpan<Arg> arguments, NativeValue* results, int capacity)
    {
        var op = Resolve(name);
        if (arguments.Length > MaxArguments)
            throw new ArgumentException($"{name}: {arguments.Length} arguments, at most {MaxArguments} are possible.");
        var values = stackalloc NativeValue[MaxArguments];
        var words = 0;
        for (var i = 0; i < arguments.Length; i++)
            words += Words(arguments[i]);
        var onStack = stackalloc long[StackWords];
        var heap = words > StackWords ? new long[words] : null;
        int count;
        fixed (long* onHeap = heap)
        {
            var free = heap is null ? onStack : onHeap;
            for (var i = 0; i < arguments.Length; i++)
            {
                ref readonly var argument = ref arguments[i];
                values[i].Kind = (int)argument.Kind;
                values[i].Bits = argument.Bits;
                if (argument.Kind == ArgKind.Tensor)
                    values[i].Bits = Unsafe.As<torch.Tensor>(argument.Reference!).Handle;
                else if (argument.Reference is not null)
                    free = Marshal(argument, ref values[i], free);
            }
            count = NativeMethods.glem_op_call(op, values, arguments.Length, results, capacity);
        }
        // The handles above are plain numbers to the garbage collector: their owners must outlive the call.
        for (var i = 0; i < arguments.Length; i++)
            GC.KeepAlive(arguments[i].Reference);
        return NativeError.Check(count);
    }

    private static int Words(in Arg argument) =>
        argument.Kind switch
        {
            ArgKind.Ints or ArgKind.Doubles or ArgKind.Tensors => ((Array)argument.Reference!).Length,
            ArgKind.String => (Encoding.UTF8.GetByteCount((string)argument.Reference!) / sizeof(long)) + 1,
            _ => 0,
        };

    /// <summary>Lays a value that is more than a word into `free` and answers what is free behind it.</summary>
    private static long* Marshal(in Arg argument, ref NativeValue value, long* free)
    {
        switch (argument.Kind)
        {
            case ArgKind.Device:
                var device = (torch.Device)argument.Reference!;
                value.Bits = (long)device.type;
                value.Count = device.index;
                return free;
            case ArgKind.Generator:
                value.Bits = ((torch.Generator)argument.Reference!).Handle;
                return free;
        }

        var words = Words(argument);
        value.Bits = (long)free;
        value.Count = words;
        switch (argument.Kind)
        {
            case ArgKind.Ints:
                ((long[])argument.Reference!).CopyTo(new Span<long>(free, words));
                break;
            case ArgKind.Doubles:
                ((double[])argument.Reference!).CopyTo(new Span<double>(free, words));
                break;
            case ArgKind.Tensors:
                var tensors = (torch.Tensor?[])argument.Reference!;
                for (var i = 0; i < words; i++)
                    free[i] = tensors[i]?.Handle ?? 0;
                break;
            case ArgKind.String:
                value.Count = Encoding.UTF8.GetBytes(
                    (string)argument.Reference!, new Span<byte>(free, words * sizeof(long)));
                break;
        }
        return free + words;
    }
}
