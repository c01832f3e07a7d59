using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>No gradients are recorded on this thread until the guard is disposed.</summary>
    public static IDisposable no_grad() => new AutoGradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new AutoGradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new AutoGradMode(mode);

    public static bool is_grad_enabled() => AutoGradMode.IsEnabled;

    /// <summary>As <see cref="no_grad"/>, and tensors made here can never take part in a later backward.</summary>
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    public static bool is_inference_mode_enabled() => InferenceMode.IsEnabled;

    public static partial class autograd
    {
        /// <summary>
        /// Gradients of the sum of <paramref name="outputs"/> with respect to <paramref name="inputs"/>.
        /// </summary>
        /// <returns>
        /// One for each input; null where <paramref name="allow_unused"/> and the output does not depend on it.
        /// </returns>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs,
            IList<Tensor> inputs,
            IList<Tensor>? grad_outputs = null,
            bool retain_graph = false,
            bool create_graph = false,
            bool allow_unused = false
        )
        {
            var found = new nint[inputs.Count];
            fixed (nint* from = Handles(outputs), to = Handles(inputs), weights = Handles(grad_outputs), grads = found)
                NativeError.Check(
                    NativeMethods.glem_autograd_grad(
                        from, outputs.Count, to, inputs.Count, weights, grad_outputs?.Count ?? 0,
                        retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, grads));
            KeepAlive(outputs, inputs, grad_outputs);
            return Array.ConvertAll(found, handle => handle == 0 ? null! : new Tensor(handle));
        }

        /// <summary>
        /// Adds the gradients of the sum of <paramref name="tensors"/> to the leaves that they depend on. What was
        /// recorded is kept for another backward where <paramref name="retain_graph"/> says so, by default where a
        /// graph is created.
        /// </summary>
        public static unsafe void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        )
        {
            fixed (nint* from = Handles(tensors), weights = Handles(grad_tensors), leaves = Handles(inputs))
                NativeError.Check(
                    NativeMethods.glem_backward(
                        from, tensors.Count, weights, grad_tensors?.Count ?? 0, retain_graph ?? create_graph ? 1 : 0,
                        create_graph ? 1 : 0, leaves, inputs?.Count ?? 0));
            KeepAlive(tensors, grad_tensors, inputs);
        }

        public static void backward(
            Tensor tensor,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(
            Tensor tensor,
            Tensor grad_tensor,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        private static nint[] Handles(IList<Tensor>? tensors)
        {
            var handles = new nint[tensors?.Count ?? 0];
            for (var i = 0; i < handles.Length; i++)
                handles[i] = tensors![i].Handle;
            return handles;
        }

        private static void KeepAlive(params ReadOnlySpan<object?> owners)
        {
            foreach (var owner in owners)
                GC.KeepAlive(owner);
        }
    }

    public partial class Tensor
    {
        public bool requires_grad
        {
            get => Kept(NativeMethods.glem_requires_grad(Handle)) > 0;
            set => Kept(NativeError.Check(NativeMethods.glem_set_requires_grad(Handle, value ? 1 : 0)));
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        /// <summary>
        /// Whether gradients stop here: it was not computed, or nothing that it was computed from requires one.
        /// </summary>
        public bool is_leaf => Kept(NativeError.Check(NativeMethods.glem_is_leaf(Handle))) != 0;

        public void retain_grad() => Kept(NativeError.Check(NativeMethods.glem_retain_grad(Handle)));

        /// <summary>
        /// The gradient that backward has accumulated; null before the first one. Each reading is a new reference.
        /// </summary>
        public unsafe Tensor? grad
        {
            get
            {
                nint found;
                Kept(NativeError.Check(NativeMethods.glem_grad(Handle, &found)));
                return found == 0 ? null : new Tensor(found);
            }
            set
            {
                Kept(NativeError.Check(NativeMethods.glem_set_grad(Handle, value?.Handle ?? 0)));
                GC.KeepAlive(value);
            }
        }

        public void backward() => autograd.backward(this);

        public void backward(
            IList<Tensor>? grad_tensors = null,
            bool retain_graph = false,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => autograd.backward(this, grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>The same memory without a history.</summary>
        public Tensor detach() => Call("detach", this);

        public Tensor detach_() => Call("detach_", this);
    }
}

/// <summary>Restores on disposal whether gradients were recorded before.</summary>
internal sealed class AutoGradMode : IDisposable
{
    private readonly bool before = IsEnabled;
    private readonly int threadId = Environment.CurrentManagedThreadId;
    private bool left;

    internal AutoGradMode(bool enabled) => NativeMethods.glem_set_grad_mode(enabled ? 1 : 0);

    internal static bool IsEnabled => NativeMethods.glem_grad_mode() != 0;

    /// <exception cref="InvalidOperationException">
    /// Another thread than the one that entered: the mode is per thread.
    /// </exception>
    public void Dispose()
    {
        if (left)
            return;
        ThreadGuard.Require(threadId);
        left = true;
        NativeMethods.glem_set_grad_mode(before ? 1 : 0);
    }
}

/// <summary>Restores on disposal the inference mode that was there before.</summary>
internal sealed class InferenceMode : IDisposable
{
    private readonly int threadId = Environment.CurrentManagedThreadId;
    private nint guard;

    internal InferenceMode(bool mode) =>
        guard = NativeError.Check(NativeMethods.glem_inference_mode_enter(mode ? 1 : 0));

    internal static bool IsEnabled => NativeMethods.glem_inference_mode() != 0;

    /// <exception cref="InvalidOperationException">
    /// Another thread than the one that entered: the mode is per thread.
    /// </exception>
    public void Dispose()
    {
        if (guard == 0)
            return;
        ThreadGuard.Require(threadId);
        NativeMethods.glem_inference_mode_leave(guard);
        guard = 0;
    }
}

internal static class ThreadGuard
{
    internal static void Require(int threadId)
    {
        if (Environment.CurrentManagedThreadId != threadId)
            throw new InvalidOperationException(
                "A gradient or inference mode ends on the thread that began it; keep none open across an await.");
    }
}
