using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>The kernels of native/kernels.</summary>
public static class Ops
{
    public static torch.Tensor spmm(torch.Tensor rowptr, torch.Tensor col, torch.Tensor? weight, torch.Tensor rowptr_t, torch.Tensor col_t, torch.Tensor? weight_t, torch.Tensor x) =>
        NativeOps.Call("glem::spmm", rowptr, col, weight, rowptr_t, col_t, weight_t, x);

    public static torch.Tensor dropout(torch.Tensor x, double p, long seed) => NativeOps.Call("glem::dropout", x, p, seed);

    public static torch.Tensor bias_gelu(torch.Tensor x, torch.Tensor bias) => NativeOps.Call("glem::bias_gelu", x, bias);

    public static torch.Tensor dropout_add_layer_norm(torch.Tensor x, torch.Tensor? bias, torch.Tensor residual, torch.Tensor weight, torch.Tensor ln_bias, double p, long seed, double eps) =>
        NativeOps.Call("glem::dropout_add_layer_norm", x, bias, residual, weight, ln_bias, p, seed, eps);

    public static torch.Tensor attention(torch.Tensor qkv, torch.Tensor cu_seqlens, long heads, double p, long seed) =>
        NativeOps.Call("glem::attention", qkv, cu_seqlens, heads, p, seed);

    public static torch.Tensor segment_mean(torch.Tensor x, torch.Tensor cu_seqlens) => NativeOps.Call("glem::segment_mean", x, cu_seqlens);

    public static torch.Tensor embedding_layer_norm(torch.Tensor word, torch.Tensor position, torch.Tensor type, torch.Tensor ids, torch.Tensor positions, torch.Tensor? kinds, torch.Tensor weight, torch.Tensor ln_bias, double p, long seed, double eps, bool bfloat16) =>
        NativeOps.Call("glem::embedding_layer_norm", word, position, type, ids, positions, kinds, weight, ln_bias, p, seed, eps, bfloat16);

    public static void adamw_(torch.Tensor[] parameters, torch.Tensor[] grads, torch.Tensor[] exp_avg, torch.Tensor[] exp_avg_sq, torch.Tensor[] shadows, double lr, double beta1, double beta2, double eps, double weight_decay, long step, double grad_scale) =>
        NativeOps.CallVoid("glem::adamw_", parameters, grads, exp_avg, exp_avg_sq, shadows, lr, beta1, beta2, eps, weight_decay, step, grad_scale);

    public static torch.Tensor grad_norm(torch.Tensor[] grads) => NativeOps.Call("glem::grad_norm", [grads]);
}
