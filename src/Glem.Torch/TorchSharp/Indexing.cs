using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor select(long dim, long index) => Call("select.int", this, dim, index);

        public Tensor narrow(long dim, long start, long length) => Call("narrow", this, dim, start, length);

        public Tensor slice(long dim, long start, long finish, long step) =>
            Call("slice.Tensor", this, dim, start, finish, step);

        public Tensor index_select(long dim, Tensor index) => Call("index_select", this, dim, index);

        public Tensor gather(long dim, Tensor index) => Call("gather", this, dim, index);

        public Tensor take_along_dim(Tensor indices, long dim) => Call("take_along_dim", this, indices, dim);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Call("scatter.src", this, dim, index, src);

        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Call("scatter_add", this, dim, index, src);

        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Call("index_add", this, dim, index, source, alpha);

        public Tensor index_copy(long dim, Tensor index, Tensor source) =>
            Call("index_copy", this, dim, index, source);

        public Tensor index_fill(long dim, Tensor index, Scalar value) =>
            Call("index_fill.int_Scalar", this, dim, index, value);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => Call("scatter_.src", this, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Call("scatter_add_", this, dim, index, src);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Call("index_add_", this, dim, index, source, alpha);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) =>
            Call("index_copy_", this, dim, index, source);

        public Tensor index_fill_(long dim, Tensor index, Scalar value) =>
            Call("index_fill_.int_Scalar", this, dim, index, value);

        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => index(TensorIndex.Single(i1));
            set => index_put_(value, TensorIndex.Single(i1));
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => index(TensorIndex.Single(i1), TensorIndex.Single(i2));
            set => index_put_(value, TensorIndex.Single(i1), TensorIndex.Single(i2));
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => index(TensorIndex.Single(i1), TensorIndex.Single(i2), TensorIndex.Single(i3));
            set => index_put_(value, TensorIndex.Single(i1), TensorIndex.Single(i2), TensorIndex.Single(i3));
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get =>
                index(TensorIndex.Single(i1), TensorIndex.Single(i2), TensorIndex.Single(i3), TensorIndex.Single(i4));
            set =>
                index_put_(
                    value, TensorIndex.Single(i1), TensorIndex.Single(i2), TensorIndex.Single(i3),
                    TensorIndex.Single(i4));
        }

        public Tensor index(params Tensor[] indices) => Call("index.Tensor", this, indices);

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            Call("index_put_", this, indices, value, accumulate);

        /// <summary>
        /// Basic indexing as a view; with tensors among the indices, a copy of the elements that they name.
        /// </summary>
        public Tensor index(params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var (view, selectors) = View(indices);
            return (selectors is null ? view : Call("index.Tensor", view, selectors)).MoveToOuterDisposeScope();
        }

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            using (NewDisposeScope())
            {
                var (view, selectors) = View(indices);
                if (selectors is not null)
                    Call("index_put_", view, selectors, value, accumulate);
                else if (accumulate)
                    view.add_(value);
                else
                    view.copy_(value);
            }
            return alias();
        }

        /// <summary>
        /// Applies everything but the tensors among the indices; those come back placed at the dimensions of the view
        /// that they index, null where one is taken whole.
        /// </summary>
        private (Tensor view, Tensor?[]? selectors) View(TensorIndex[] indices)
        {
            var consumed = indices.Count(index => index.ConsumesDimension);
            if (consumed > Dimensions)
                throw new IndexOutOfRangeException($"{consumed} indices into a tensor with {Dimensions} dimensions.");
            var view = alias();
            var selectors = new List<Tensor?>();
            foreach (var index in indices)
                switch (index.kind)
                {
                    case TensorIndex.Kind.Single:
                        view = view.select(selectors.Count, index.First!.Value);
                        break;
                    case TensorIndex.Kind.Slice:
                        view = Call("slice.Tensor", view, selectors.Count, index.First, index.Stop, index.Step ?? 1);
                        selectors.Add(null);
                        break;
                    case TensorIndex.Kind.None:
                    case TensorIndex.Kind.Null:
                        view = view.unsqueeze(selectors.Count);
                        selectors.Add(null);
                        break;
                    case TensorIndex.Kind.Bool:
                        view = view.unsqueeze(selectors.Count);
                        selectors.Add(torch.tensor(index.First == 1).unsqueeze(0));
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        selectors.AddRange(Enumerable.Repeat<Tensor?>(null, (int)Dimensions - consumed));
                        break;
                    case TensorIndex.Kind.Tensor:
                        selectors.Add(index.Tensors);
                        // A mask covers as many dimensions as it has; libtorch spreads it over them itself.
                        break;
                }
            return (view, selectors.TrueForAll(selector => selector is null) ? null : [.. selectors]);
        }
    }

    public static Tensor select(Tensor input, long dim, long index) => input.select(dim, index);

    public static Tensor narrow(Tensor input, long dim, long start, long length) => input.narrow(dim, start, length);

    public static Tensor index_select(Tensor input, long dim, Tensor index) => input.index_select(dim, index);

    public static Tensor index_add(Tensor input, long dim, Tensor index, Tensor source, Scalar alpha) =>
        input.index_add(dim, index, source, alpha);

    public static Tensor gather(Tensor input, long dim, Tensor index) => input.gather(dim, index);

    public static Tensor scatter(Tensor input, long dim, Tensor index, Tensor src) => input.scatter(dim, index, src);

    public static Tensor scatter_add(Tensor input, long dim, Tensor index, Tensor src) =>
        input.scatter_add(dim, index, src);
}
