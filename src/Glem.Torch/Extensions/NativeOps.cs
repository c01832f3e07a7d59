using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>
/// Any operator that libtorch's dispatcher knows, by its full name: "namespace::name" or "namespace::name.overload",
/// such as "glem::spmm" or "aten::add.Tensor". Arguments are given in the order of the operator's schema; those left
/// out at the end take its defaults.
/// </summary>
public static class NativeOps
{
    /// <summary>
    /// Whether the loaded engine has the operator. Always false on an engine without direct dispatch.
    /// </summary>
    public static bool Has(string name) => Dispatcher.Has(name);

    /// <summary>Calls an operator that answers one tensor.</summary>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refused; its message.</exception>
    public static torch.Tensor Call(string name, params ReadOnlySpan<Arg> arguments) =>
        Dispatcher.Call(name, arguments);

    /// <summary>
    /// Calls an operator that answers several tensors or one list of tensors; null where one is undefined.
    /// </summary>
    public static torch.Tensor?[] CallMany(string name, params ReadOnlySpan<Arg> arguments) =>
        Dispatcher.CallMany(name, arguments);

    /// <summary>Calls an operator for its effect; what it answers is freed.</summary>
    public static void CallVoid(string name, params ReadOnlySpan<Arg> arguments)
    {
        foreach (var tensor in Dispatcher.CallMany(name, arguments))
            tensor?.Dispose();
    }

    /// <summary>Calls an operator that answers a number; true is 1.</summary>
    public static double CallNumber(string name, params ReadOnlySpan<Arg> arguments) =>
        Dispatcher.CallNumber(name, arguments);
}
