namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// Opens a scope on this thread: tensors made until it is disposed are disposed with it, except those moved out of
    /// it. Keep none open across an await.
    /// </summary>
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.ThreadSingleton.NewDisposeScope();

    /// <summary>The innermost open scope of this thread.</summary>
    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.ThreadSingleton.CurrentDisposeScope;

    /// <summary>Runs an expression in a scope of its own and keeps only its answer.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Owns the tensors that were made while it was the innermost scope of its thread. The tensors know their place in it,
/// so that one which is disposed early leaves at once and a long scope holds no dead entries.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly int threadId = Environment.CurrentManagedThreadId;
    private DisposeScopeManager? manager;
    private torch.Tensor[] tensors = new torch.Tensor[16];
    private int count;

    internal DisposeScope(DisposeScopeManager manager)
    {
        this.manager = manager;
        OuterScope = manager.CurrentDisposeScope;
    }

    internal DisposeScope? OuterScope { get; set; }

    public IReadOnlyList<IDisposable> DisposablesView => tensors[..count];

    public int DisposablesCount => count;

    public bool Contains(IDisposable disposable) =>
        disposable is torch.Tensor tensor && ReferenceEquals(tensor.OwningDisposeScope, this);

    public T MoveToOuter<T>(T disposable)
        where T : IDisposable => MoveToOther(OuterScope, disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => MoveToOther(OuterScope, first, second);

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => MoveToOther(OuterScope, first, second, third);

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOther(OuterScope, disposables);

    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveToOther(OuterScope, disposables);

    public T MoveToOther<T>(DisposeScope? scope, T disposable)
        where T : IDisposable
    {
        Move(scope, disposable);
        return disposable;
    }

    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope? scope, T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second));

    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope? scope, T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));

    public void MoveToOther(DisposeScope? scope, params IDisposable[] disposables) =>
        MoveToOther(scope, (IEnumerable<IDisposable>)disposables);

    public void MoveToOther(DisposeScope? scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
            Move(scope, disposable);
    }

    public T Detach<T>(T disposable)
        where T : IDisposable => MoveToOther(null, disposable);

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => MoveToOther(null, first, second);

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => MoveToOther(null, first, second, third);

    public void Detach(params IDisposable[] disposables) => MoveToOther(null, disposables);

    public void Detach(IEnumerable<IDisposable> disposables) => MoveToOther(null, disposables);

    /// <summary>Takes tensors over from whichever scope owned them, or from nobody.</summary>
    /// <exception cref="InvalidOperationException">Not a tensor.</exception>
    public void Attach(IDisposable disposable)
    {
        var statistics = Manager.StatisticsInstance.TensorStatistics;
        if (disposable is not torch.Tensor tensor)
            throw new InvalidOperationException("A DisposeScope can only manage tensors.");
        if (ReferenceEquals(tensor.OwningDisposeScope, this))
            return;
        if (tensor.OwningDisposeScope is { } owner)
        {
            owner.RequireOwnThread();
            owner.Remove(tensor);
        }
        Add(tensor);
        statistics.AttachedToScopeCount++;
    }

    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        var attached = disposables.ToArray();
        foreach (var disposable in attached)
            Attach(disposable);
        return attached;
    }

    public void DisposeEverything() => DisposeAllBut(null);

    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep) =>
        DisposeAllBut(inKeep.ToHashSet(ReferenceEqualityComparer.Instance));

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public T DisposeEverythingBut<T>(T keep)
        where T : IDisposable
    {
        DisposeEverythingBut([keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable
    {
        DisposeEverythingBut([first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable
    {
        DisposeEverythingBut([first, second, third]);
        return (first, second, third);
    }

    /// <summary>Forgets a tensor that someone else disposes.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        _ = Manager;
        if (disposable is torch.Tensor tensor && Contains(tensor))
            Remove(tensor);
    }

    public void Dispose()
    {
        if (manager is null)
            return;
        DisposeEverything();
        manager.RemoveDisposeScope(this);
        manager = null;
    }

    internal void Add(torch.Tensor tensor)
    {
        if (count == tensors.Length)
            Array.Resize(ref tensors, 2 * count);
        tensors[count] = tensor;
        tensor.PlaceInScope = count++;
        tensor.OwningDisposeScope = this;
    }

    /// <summary>
    /// Lets go of a tensor. From another thread it only stays behind as an entry that is already disposed: the list
    /// belongs to the thread of the scope.
    /// </summary>
    internal void Remove(torch.Tensor tensor)
    {
        if (Environment.CurrentManagedThreadId != threadId)
            return;
        var place = tensor.PlaceInScope;
        var last = tensors[--count];
        tensors[place] = last;
        last.PlaceInScope = place;
        tensors[count] = null!;
        tensor.OwningDisposeScope = null;
    }

    private DisposeScopeManager Manager =>
        manager ?? throw new ObjectDisposedException(GetType().FullName, "The dispose scope has ended.");

    private void DisposeAllBut(HashSet<object?>? kept)
    {
        _ = Manager;
        var keptCount = 0;
        for (var place = 0; place < count; place++)
        {
            var tensor = tensors[place];
            if (kept is null || !kept.Contains(tensor))
            {
                tensor.DisposeFromScope();
                continue;
            }
            tensors[keptCount] = tensor;
            tensor.PlaceInScope = keptCount++;
        }
        Array.Clear(tensors, keptCount, count - keptCount);
        count = keptCount;
    }

    private void RequireOwnThread()
    {
        if (Environment.CurrentManagedThreadId != threadId)
            throw new InvalidOperationException("A dispose scope hands tensors on only on the thread that opened it.");
    }

    private void Move(DisposeScope? scope, IDisposable disposable)
    {
        var statistics = Manager.StatisticsInstance.TensorStatistics;
        if (disposable is not torch.Tensor tensor || !Contains(tensor))
            return;
        RequireOwnThread();
        Remove(tensor);
        if (scope is not null)
            scope.Add(tensor);
        else
            statistics.DetachedFromScopeCount++;
    }
}
