namespace TorchSharp
{
    public static partial class torch
    {
        public partial class Tensor
        {
            /// <summary>
            /// A tensor under another type: takes the reference and the place in the scope of the old one.
            /// </summary>
            private protected Tensor(Tensor emptied)
                : this(emptied.MoveHandle(), null)
            {
                if (emptied.OwningDisposeScope is { } scope)
                {
                    scope.Remove(emptied);
                    scope.Add(this);
                }
            }
        }

        public static partial class nn
        {
            public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) =>
                new(data, requires_grad);

            public static partial class utils
            {
                /// <summary>
                /// Scales all gradients together so that their norm is at most <paramref name="max_norm"/>. Answers the
                /// norm before. Parameters without a gradient do not count.
                /// </summary>
                public static double clip_grad_norm_(
                    IEnumerable<Modules.Parameter> tensors, double max_norm, double norm_type = 2.0)
                {
                    using var scope = NewDisposeScope();
                    using var no_gradients = no_grad();
                    var grads = tensors.Select(one => one.grad).OfType<Tensor>().ToArray();
                    if (grads.Length == 0)
                        return 0;
                    var each = stack(grads.Select(one => Call("norm.Scalar", one, norm_type).to(CPU)));
                    var total = Call("norm.Scalar", each, norm_type).to_type(ScalarType.Float64).item<double>();
                    var factor = max_norm / (total + 1e-6);
                    if (factor < 1)
                        foreach (var one in grads)
                            one.mul_(factor);
                    return total;
                }
            }

            public static class init
            {
                public static Tensor zeros_(Tensor tensor) => Filled(tensor, one => one.zero_());

                public static Tensor ones_(Tensor tensor) => Filled(tensor, one => one.fill_(1));

                public static Tensor constant_(Tensor tensor, Scalar val) => Filled(tensor, one => one.fill_(val));

                public static Tensor uniform_(
                    Tensor tensor, double low = 0, double high = 1, Generator? generator = null) =>
                    Filled(tensor, one => one.uniform_(low, high, generator));

                public static Tensor normal_(
                    Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) =>
                    Filled(tensor, one => one.normal_(mean, std, generator));

                /// <summary>
                /// Glorot &amp; Bengio 2010: uniform on ±gain sqrt(6 / (fan_in + fan_out)).  tensor : [d_out, d_in]
                /// </summary>
                public static Tensor xavier_uniform_(Tensor tensor, double gain = 1.0)
                {
                    var shape = tensor.shape;
                    if (shape.Length != 2)
                        throw new ArgumentException($"xavier_uniform_ takes a matrix, not {shape.Length} dimensions.");
                    var bound = gain * Math.Sqrt(6.0 / (shape[0] + shape[1]));
                    return uniform_(tensor, -bound, bound);
                }

                private static Tensor Filled(Tensor tensor, Func<Tensor, Tensor> fill)
                {
                    using var no_gradients = no_grad();
                    return fill(tensor);
                }
            }
        }
    }

    namespace Modules
    {
        /// <summary>A leaf that training changes. It takes the tensor over, which is empty afterwards.</summary>
        public class Parameter : torch.Tensor
        {
            public Parameter(torch.Tensor data, bool requires_grad = true)
                : base(data.with_requires_grad(requires_grad)) { }
        }
    }
}
