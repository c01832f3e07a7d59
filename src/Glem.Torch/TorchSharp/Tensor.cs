using System.Globalization;
using Glem.Torch.Extensions;
using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    private static Tensor Call(string op, params ReadOnlySpan<Arg> arguments) => Dispatcher.Call(op, arguments);

    private static (Tensor, Tensor) CallPair(string op, params ReadOnlySpan<Arg> arguments)
    {
        var both = Dispatcher.CallMany(op, arguments);
        return (both[0]!, both[1]!);
    }

    /// <summary>
    /// An n-dimensional array in native memory, one reference to it. Dispose it, or let a dispose scope do so; the
    /// finaliser is only the last resort, since the garbage collector does not see native memory.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long totalCount;
        private static long peakCount;

        private nint handle;

        internal DisposeScope? OwningDisposeScope;
        internal int PlaceInScope;

        /// <summary>Takes over one native reference.</summary>
        internal Tensor(nint handle)
            : this(handle, DisposeScopeManager.ThreadSingleton) { }

        /// <summary>Takes over one native reference that no scope shall own.</summary>
        private protected Tensor(nint handle, DisposeScopeManager? manager)
        {
            this.handle = handle;
            var total = Interlocked.Increment(ref totalCount);
            if (total > peakCount)
                peakCount = total;
            manager?.RegisterOnCurrentDisposeScope(this);
        }

        ~Tensor() => Release();

        /// <summary>Tensors alive in this process, as .NET objects that still hold native memory.</summary>
        public static long TotalCount => Interlocked.Read(ref totalCount);

        /// <summary>The largest <see cref="TotalCount"/> so far; threads that race may lose a count.</summary>
        public static long PeakCount => peakCount;

        /// <exception cref="ObjectDisposedException">The tensor was disposed.</exception>
        public nint Handle
        {
            get
            {
                var current = handle;
                if (current == 0)
                    ThrowDisposed();
                return current;
            }
        }

        public bool IsInvalid => handle == 0;

        /// <summary>Gives the native reference back. Doing so twice, or on another thread, is harmless.</summary>
        public void Dispose()
        {
            if (handle == 0)
                return;
            var statistics = DisposeScopeManager.ThreadSingleton.StatisticsInstance.TensorStatistics;
            if (OwningDisposeScope is { } scope)
            {
                statistics.DisposedInScopeCount++;
                scope.Remove(this);
            }
            else
                statistics.DisposedOutsideScopeCount++;
            Release();
            GC.SuppressFinalize(this);
        }

        /// <summary>The scope that ends has let go of this tensor.</summary>
        internal void DisposeFromScope()
        {
            OwningDisposeScope = null;
            if (handle == 0)
                return;
            DisposeScopeManager.ThreadSingleton.StatisticsInstance.TensorStatistics.DisposedInScopeCount++;
            Release();
            GC.SuppressFinalize(this);
        }

        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Detach(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.OwningDisposeScope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (OwningDisposeScope is null && other is not null)
                other.Attach(this);
            else
                OwningDisposeScope?.MoveToOther(other, this);
            return this;
        }

        /// <summary>Another reference to the same tensor, with a life of its own.</summary>
        public Tensor alias()
        {
            var same = new Tensor(NativeMethods.glem_tensor_alias(Handle));
            GC.KeepAlive(this);
            return same;
        }

        public override bool Equals(object? obj) => obj is Tensor other && ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

        public override string ToString() =>
            IsInvalid
                ? "disposed tensor"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"[{string.Join('x', shape)}], type = {dtype}, device = {device}");

        /// <summary>The native reference without its owner, which is left empty.</summary>
        private protected nint MoveHandle()
        {
            var moved = Interlocked.Exchange(ref handle, 0);
            if (moved == 0)
                ThrowDisposed();
            Interlocked.Decrement(ref totalCount);
            GC.SuppressFinalize(this);
            return moved;
        }

        private void Release()
        {
            var released = Interlocked.Exchange(ref handle, 0);
            if (released == 0)
                return;
            Interlocked.Decrement(ref totalCount);
            NativeMethods.glem_tensor_free(released);
        }

        [System.Diagnostics.CodeAnalysis.DoesNotReturn]
        private static void ThrowDisposed() =>
            throw new ObjectDisposedException(nameof(Tensor), "Tensor invalid -- empty handle.");
    }
}
