using Glem.Torch.Extensions;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>What a loss does with its elements.</summary>
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }

        public static partial class functional
        {
            /// <summary>
            /// x W' + b.  input : [..., d_in]   weights : [d_out, d_in]   bias : [d_out]   result : [..., d_out]
            /// </summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) =>
                Call("linear", input, weights, bias);

            public static Tensor layer_norm(
                Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5) =>
                Call("layer_norm", input, normalized_shape, weight, bias, eps);

            /// <summary>
            /// input : [n, d] or [n, d, ...]; running statistics are updated in place while training.
            /// </summary>
            public static Tensor batch_norm(
                Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight = null, Tensor? bias = null,
                bool training = false, double momentum = 0.1, double eps = 1e-5) =>
                Call("batch_norm", input, weight, bias, running_mean, running_var, training, momentum, eps, false);

            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                Call(inplace ? "dropout_" : "dropout", input, p, training);

            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();

            /// <summary>x times the standard normal distribution function of x, by erf.</summary>
            public static Tensor gelu(Tensor x) => x.gelu();

            public static Tensor silu(Tensor x, bool inplace = false) => Call(inplace ? "silu_" : "silu", x);

            public static Tensor leaky_relu(Tensor input, double negative_slope = 0.01, bool inplace = false) =>
                Call(inplace ? "leaky_relu_" : "leaky_relu", input, negative_slope);

            public static Tensor elu(Tensor x, double alpha, bool inplace = false) =>
                Call(inplace ? "elu_" : "elu", x, alpha);

            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_() : x.tanh();

            public static Tensor sigmoid(Tensor x) => x.sigmoid();

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            /// <summary>input : [n, c] logits   target : [n] int64 classes, or [n, c] probabilities</summary>
            public static Tensor cross_entropy(
                Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100,
                Reduction reduction = Reduction.Mean, double label_smoothing = 0.0) =>
                Call("cross_entropy_loss", input, target, weight, (long)reduction, ignore_index, label_smoothing);

            /// <summary>input : [n, c] log-probabilities   target : [n] int64</summary>
            public static Tensor nll_loss(
                Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) =>
                Call("nll_loss", input, target, weight, (long)reduction);

            public static Tensor binary_cross_entropy_with_logits(
                Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean,
                Tensor? pos_weights = null) =>
                Call("binary_cross_entropy_with_logits", input, target, weight, pos_weights, (long)reduction);

            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Call("mse_loss", input, target, (long)reduction);

            /// <summary>
            /// Divergence from input (log-probabilities) to target, which is in logs too unless said otherwise.
            /// </summary>
            public static Tensor kl_div(
                Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) =>
                Call("kl_div", input, target, (long)reduction, log_target);

            public static Tensor one_hot(Tensor x, long num_classes = -1) => Call("one_hot", x, num_classes);

            /// <summary>
            /// Scales vectors along a dimension to p-norm 1; those shorter than eps are divided by eps.
            /// </summary>
            public static Tensor normalize(Tensor input, double p = 2.0, long dim = 1L, double eps = 1e-12)
            {
                using var scope = NewDisposeScope();
                var length = Call("norm.ScalarOpt_dim", input, p, dim, true).clamp_min(eps);
                return input.div(length.expand_as(input)).MoveToOuterDisposeScope();
            }

            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-8) =>
                Call("cosine_similarity", x1, x2, dim, eps);

            /// <summary>
            /// softmax(Q K' / sqrt(d_h) + mask) V.  query, key, value : [..., t, d_h]. The mask adds where it is a
            /// number and admits where it is true. libtorch's own where it has it, else its definition.
            /// </summary>
            public static Tensor scaled_dot_product_attention(
                Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0.0,
                bool is_casual = false)
            {
                if (NativeOps.Has("aten::scaled_dot_product_attention"))
                    return Call("scaled_dot_product_attention", query, key, value, attn_mask, p, is_casual);
                using var scope = NewDisposeScope();
                var scores = (query / Math.Sqrt(query.shape[^1])).matmul(key.transpose(-2, -1));
                if (is_casual)
                    scores = scores.masked_fill(
                        ones([scores.shape[^2], scores.shape[^1]], ScalarType.Bool, scores.device).tril().logical_not(),
                        double.NegativeInfinity);
                if (attn_mask is not null)
                    scores = attn_mask.dtype == ScalarType.Bool
                        ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity)
                        : scores + attn_mask;
                var weights = dropout(scores.softmax(-1), p, p > 0);
                return weights.matmul(value).MoveToOuterDisposeScope();
            }
        }
    }
}
