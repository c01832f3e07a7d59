using Glem.Torch.Extensions;

namespace TorchSharp;

// The same elements seen, joined or cut differently.
public static partial class torch
{
    public partial class Tensor
    {
        public Tensor reshape(params long[] shape) => Call("reshape", this, shape);

        public Tensor view(params long[] shape) => Call("view", this, shape);

        public Tensor view_as(Tensor other) => view(other.shape);

        public Tensor contiguous() => Call("contiguous", this);

        public Tensor t() => Call("t", this);

        public Tensor T => Call("numpy_T", this);

        public Tensor mT => Call("mT", this);

        public Tensor transpose(long dim0, long dim1) => Call("transpose.int", this, dim0, dim1);

        public Tensor transpose_(long dim0, long dim1) => Call("transpose_", this, dim0, dim1);

        public Tensor swapaxes(long dim0, long dim1) => transpose(dim0, dim1);

        public Tensor permute(params long[] permutation) => Call("permute", this, permutation);

        public Tensor permute(IEnumerable<long> permutation) => permute(permutation.ToArray());

        public Tensor unsqueeze(long dim) => Call("unsqueeze", this, dim);

        public Tensor unsqueeze_(long dim) => Call("unsqueeze_", this, dim);

        public Tensor squeeze(long? dim = null) =>
            dim is { } one ? Call("squeeze.dim", this, one) : Call("squeeze", this);

        public Tensor flatten(long start_dim = 0, long end_dim = -1) =>
            Call("flatten.using_ints", this, start_dim, end_dim);

        public Tensor unflatten(long dim, params long[] sizes)
        {
            var from = shape;
            var at = (int)(dim < 0 ? dim + from.Length : dim);
            return reshape([.. from[..at], .. sizes, .. from[(at + 1)..]]);
        }

        public Tensor expand(params long[] sizes) => Call("expand", this, sizes);

        public Tensor expand(long[] sizes, bool isImplicit = false) => Call("expand", this, sizes, isImplicit);

        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => expand(sizes.ToArray(), isImplicit);

        public Tensor expand_as(Tensor other) => Call("expand_as", this, other);

        public Tensor repeat(params long[] sizes) => Call("repeat", this, sizes);

        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) =>
            Call("repeat_interleave.self_int", this, repeats, dim, output_size);

        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) =>
            Call("repeat_interleave.self_Tensor", this, repeats, dim, output_size);

        public Tensor flip(params long[] dims) => Call("flip", this, dims);

        public Tensor tril(long diagonal = 0) => Call("tril", this, diagonal);

        public Tensor triu(long diagonal = 0) => Call("triu", this, diagonal);

        public Tensor diag(long diagonal = 0) => Call("diag", this, diagonal);

        public Tensor diagonal(long offset = 0L, long dim1 = 0L, long dim2 = 1L) =>
            Call("diagonal", this, offset, dim1, dim2);

        public Tensor[] split(long size, int dim = 0) => CallList("split.Tensor", this, size, dim);

        public Tensor[] split(long[] sizes, long dim = 0) => CallList("split_with_sizes", this, sizes, dim);

        public Tensor[] chunk(long chunks, long dim = 0L) => CallList("chunk", this, chunks, dim);

        public Tensor[] unbind(long dimension = 0L) => CallList("unbind.int", this, dimension);
    }

    private static Tensor[] CallList(string op, params ReadOnlySpan<Arg> arguments) =>
        Array.ConvertAll(Dispatcher.CallMany(op, arguments), one => one!);

    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Call("cat", tensors.ToArray(), dim);

    public static Tensor cat(Tensor[] tensors, long dim = 0) => Call("cat", tensors, dim);

    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Call("cat", tensors.ToArray(), dim);

    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Call("stack", tensors.ToArray(), dim);

    public static Tensor vstack(Tensor[] tensors) => Call("vstack", tensors);

    public static Tensor hstack(params Tensor[] tensors) => Call("hstack", tensors);

    public static Tensor reshape(Tensor input, params long[] shape) => input.reshape(shape);

    public static Tensor t(Tensor input) => input.t();

    public static Tensor transpose(Tensor input, long dim0, long dim1) => input.transpose(dim0, dim1);

    public static Tensor permute(Tensor input, params long[] permutation) => input.permute(permutation);

    public static Tensor unsqueeze(Tensor input, long dim) => input.unsqueeze(dim);

    public static Tensor squeeze(Tensor input, long? dim = null) => input.squeeze(dim);

    public static Tensor flatten(Tensor input, long start_dim = 0, long end_dim = -1) =>
        input.flatten(start_dim, end_dim);

    public static Tensor flip(Tensor input, params long[] dims) => input.flip(dims);

    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);

    public static Tensor triu(Tensor input, long diagonal = 0L) => input.triu(diagonal);

    public static Tensor diag(Tensor input, long diagonal = 0) => input.diag(diagonal);

    public static Tensor repeat_interleave(Tensor input, long repeats, long? dim = null, long? output_size = null) =>
        input.repeat_interleave(repeats, dim, output_size);

    public static Tensor repeat_interleave(Tensor input, Tensor repeats, long? dim = null, long? output_size = null) =>
        input.repeat_interleave(repeats, dim, output_size);

    public static Tensor[] chunk(Tensor input, long chunks, long dim = 0) => input.chunk(chunks, dim);

    public static Tensor[] unbind(Tensor input, long dim = 0L) => input.unbind(dim);
}
