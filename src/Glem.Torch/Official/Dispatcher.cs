using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>
/// Under <c>-p:TorchEngine=TorchSharp</c> the official package has no way to call an operator by name, so no native
/// extension is there and the callers of <see cref="NativeOps.Has"/> take their plain path.
/// </summary>
internal static class Dispatcher
{
    internal static bool Has(string name) => false;

    internal static torch.Tensor Call(string name, ReadOnlySpan<Arg> arguments) => throw Absent(name);

    internal static torch.Tensor?[] CallMany(string name, ReadOnlySpan<Arg> arguments) => throw Absent(name);

    internal static double CallNumber(string name, ReadOnlySpan<Arg> arguments) => throw Absent(name);

    private static NotSupportedException Absent(string name) =>
        new($"{name} cannot be called through the official TorchSharp package; ask NativeOps.Has first.");
}
