namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor matmul(Tensor target) => Call("matmul", this, target);

        public Tensor mm(Tensor target) => Call("mm", this, target);

        public Tensor mv(Tensor target) => Call("mv", this, target);

        public Tensor dot(Tensor target) => Call("dot", this, target);

        public Tensor bmm(Tensor batch2) => Call("bmm", this, batch2);

        public Tensor outer(Tensor vec2) => Call("outer", this, vec2);

        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Call("addmm", this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Call("addmm_", this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Call("baddbmm", this, batch1, batch2, (double)beta, (double)alpha);
    }

    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);

    public static Tensor mv(Tensor input, Tensor target) => input.mv(target);

    public static Tensor dot(Tensor input, Tensor other) => input.dot(other);

    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);

    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);

    public static Tensor addmm(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) =>
        input.addmm(mat1, mat2, beta, alpha);

    public static Tensor baddbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
        input.baddbmm(batch1, batch2, beta, alpha);

    /// <summary>Sums over the letters that the right side of "ij,jk->ik" does not name.</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Call("einsum", equation, tensors);
}
