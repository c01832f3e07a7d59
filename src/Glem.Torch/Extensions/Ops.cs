using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// The operators that libtorch lacks and a small encoder's time goes into. All are differentiable but
/// <see cref="AdamW"/> and <see cref="GradNorm"/>; all answer the same bits for the same arguments and build, whatever
/// the number of threads. On the CPU, float32 and bfloat16 take the kernels of native/; other devices and types, and
/// an engine without those kernels, take the same sums through libtorch's own operators (<see cref="PlainOps"/>).
/// <para>Shapes: t tokens of a packed batch (its b sequences lie one behind the other, without padding), d features,
/// n nodes, e edges. <c>cuSeqlens</c> : [b + 1], int32 or int64, rises from 0 to t; sequence i is rows cuSeqlens[i] up
/// to cuSeqlens[i + 1].</para>
/// <para>Dropout: p in [0, 1), rounded to a multiple of 1/65536; the mask is a function of the 64-bit seed and the
/// element's index, so that the backward pass computes it again. Give each call its own seed.</para>
/// <para>What libtorch refuses (shapes, types, an id outside its table) is an <c>ExternalException</c> with its
/// message.</para>
/// </summary>
public static class Ops
{
    private static readonly Lazy<bool> native = new(() => NativeOps.Has("glem::attention"));

    /// <summary>Whether the kernels of native/ are there; if not, every call takes <see cref="PlainOps"/>.</summary>
    public static bool Native => native.Value;

    /// <summary>
    /// y = A x for a sparse A [n; m] in CSR form, messages summed over in-edges (Kipf and Welling 2017). The gradient
    /// to x goes through the transpose, given in CSR form too; the weights get none.
    /// </summary>
    /// <param name="rowptr">[n + 1], int32 or int64.</param>
    /// <param name="col">[e], in [0, m), of rowptr's type.</param>
    /// <param name="weight">[e], float32; null means all 1.</param>
    /// <param name="rowptrT">[m + 1], of the transpose.</param>
    /// <param name="colT">[e], in [0, n).</param>
    /// <param name="weightT">[e], float32, in the transpose's order; null means all 1.</param>
    /// <param name="x">[m; d].</param>
    /// <returns>[n; d], of x's type.</returns>
    public static Tensor Spmm(
        Tensor rowptr, Tensor col, Tensor? weight, Tensor rowptrT, Tensor colT, Tensor? weightT, Tensor x) =>
        Native
            ? NativeOps.Call("glem::spmm", rowptr, col, weight, rowptrT, colT, weightT, x)
            : PlainOps.Spmm(rowptr, col, weight, x);

    /// <summary>
    /// <see cref="Spmm"/> with one weight for all entries of a row, such as a mean's: the same bits, and no weight for each
    /// entry.
    /// </summary>
    /// <param name="rowptr">[n + 1], int32 or int64.</param>
    /// <param name="col">[e], in [0, m), of rowptr's type.</param>
    /// <param name="rowptrT">[m + 1], of the transpose.</param>
    /// <param name="colT">[e], in [0, n).</param>
    /// <param name="weight">[n], float32.</param>
    /// <param name="x">[m; d].</param>
    /// <returns>[n; d], of x's type.</returns>
    public static Tensor SpmmByRow(Tensor rowptr, Tensor col, Tensor rowptrT, Tensor colT, Tensor weight, Tensor x) =>
        Native
            ? NativeOps.Call("glem::spmm_by_row", rowptr, col, rowptrT, colT, weight, x)
            : PlainOps.SpmmByRow(rowptr, col, weight, x);

    /// <summary>Dropout of any tensor: kept elements times 1 / (1 - p), the others 0.</summary>
    public static Tensor Dropout(Tensor x, double p, long seed) =>
        Native ? NativeOps.Call("glem::dropout", x, p, seed) : PlainOps.Dropout(x, p, seed);

    /// <summary>
    /// dropout(x) Wᵀ for each of some matrices W. No dropped copy of x is made but a few MB at a time, in the backward pass
    /// again. The products are the BLAS's, whose bits may depend on the number of threads.
    /// </summary>
    /// <param name="x">[n; d].</param>
    /// <param name="weights">Each [h; d], of x's type; each h its own.</param>
    /// <param name="p">The share dropped: the mask is <see cref="Dropout"/>'s.</param>
    /// <param name="seed">The mask's.</param>
    /// <returns>For each matrix [n; h].</returns>
    public static Tensor[] DropoutLinear(Tensor x, Tensor[] weights, double p, long seed) =>
        Native
            ? Array.ConvertAll(NativeOps.CallMany("glem::dropout_linear", x, weights, p, seed), y => y!)
            : PlainOps.DropoutLinear(x, weights, p, seed);

    /// <summary>
    /// relu(batch_norm(x)) over columns (Ioffe and Szegedy 2015). Training keeps x alone for the backward pass, and takes
    /// two rows or more; a single row and evaluation are as torch.nn.functional has them.
    /// </summary>
    /// <param name="x">[n; d].</param>
    /// <param name="weight">[d].</param>
    /// <param name="bias">[d].</param>
    /// <param name="runningMean">[d], moved in training; null leaves it out there.</param>
    /// <param name="runningVar">The same of the unbiased variance.</param>
    /// <param name="training">Whether the columns' own statistics count; else the running ones.</param>
    /// <param name="momentum">How far the running statistics move.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <returns>As x.</returns>
    public static Tensor BatchNormRelu(
        Tensor x, Tensor weight, Tensor bias, Tensor? runningMean, Tensor? runningVar, bool training, double momentum,
        double eps) =>
        Native
            ? NativeOps.Call(
                "glem::batch_norm_relu", x, weight, bias, runningMean, runningVar, training, momentum, eps)
            : PlainOps.BatchNormRelu(x, weight, bias, runningMean, runningVar, training, momentum, eps);

    /// <summary>gelu(x + bias), by the error function.</summary>
    /// <param name="x">[..., d].</param>
    /// <param name="bias">[d], float32 or x's type; summed in float32.</param>
    public static Tensor BiasGelu(Tensor x, Tensor bias) =>
        Native ? NativeOps.Call("glem::bias_gelu", x, bias) : PlainOps.BiasGelu(x, bias);

    /// <summary>
    /// layer_norm(residual + dropout(x + bias)): what ends both halves of a post-norm transformer layer.
    /// </summary>
    /// <param name="x">[..., d], float32 or bfloat16; statistics are float32.</param>
    /// <param name="bias">[d], float32; null means none.</param>
    /// <param name="residual">As x.</param>
    /// <param name="weight">[d], float32.</param>
    /// <param name="lnBias">[d], float32.</param>
    /// <param name="p">The share dropped.</param>
    /// <param name="seed">The mask's.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <returns>As x.</returns>
    public static Tensor DropoutAddLayerNorm(
        Tensor x, Tensor? bias, Tensor residual, Tensor weight, Tensor lnBias, double p, long seed, double eps) =>
        Native
            ? NativeOps.Call("glem::dropout_add_layer_norm", x, bias, residual, weight, lnBias, p, seed, eps)
            : PlainOps.DropoutAddLayerNorm(x, bias, residual, weight, lnBias, p, seed, eps);

    /// <summary>
    /// softmax(Q Kᵀ / √(d / heads)) V within each sequence, with dropout on the probabilities (Vaswani et al. 2017). No
    /// matrix of probabilities is kept for the backward pass. With a reach, attention is local (Beltagy et al. 2020).
    /// </summary>
    /// <param name="qkv">[t; 3 d]: queries, keys, values, each with its heads side by side.</param>
    /// <param name="cuSeqlens">[b + 1]; a sequence has at most 65536 tokens.</param>
    /// <param name="heads">A divisor of d.</param>
    /// <param name="p">The share dropped.</param>
    /// <param name="seed">The mask's.</param>
    /// <param name="reach">How many tokens away a key may be that a query sees; null means any.</param>
    /// <returns>[t; d].</returns>
    public static Tensor Attention(
        Tensor qkv, Tensor cuSeqlens, long heads, double p, long seed, long? reach = null) =>
        Native
            ? NativeOps.Call("glem::attention", qkv, cuSeqlens, heads, p, seed, reach)
            : PlainOps.Attention(qkv, cuSeqlens, heads, p, seed, reach);

    /// <summary>
    /// Attention's probabilities where scores depend on relative positions too (DeBERTa, He et al. 2021, equation 4), with
    /// dropout on them. Of head h and text b, entry [i, j] is the softmax over j of
    /// (scores[i, j] + toPositions[i, j - i + l - 1] + fromPositions[j, i - j + l - 1]) / scale, and 0 where i or j is
    /// not below the text's length.
    /// </summary>
    /// <param name="scores">[h; b; l; l], products of queries and keys.</param>
    /// <param name="toPositions">[h; b; l; 2 l], of queries and relative positions; null means none.</param>
    /// <param name="fromPositions">[h; b; l; 2 l], of keys and relative positions; null means none.</param>
    /// <param name="lengths">[b], int64, each at most l.</param>
    /// <param name="scale">What the sum is divided by.</param>
    /// <param name="p">The share dropped.</param>
    /// <param name="seed">The mask's.</param>
    /// <returns>As scores.</returns>
    public static Tensor RelativeSoftmax(
        Tensor scores, Tensor? toPositions, Tensor? fromPositions, Tensor lengths, double scale, double p, long seed) =>
        Native
            ? NativeOps.Call("glem::relative_softmax", scores, toPositions, fromPositions, lengths, scale, p, seed)
            : PlainOps.RelativeSoftmax(scores, toPositions, fromPositions, lengths, scale, p, seed);

    /// <summary>
    /// Rotary positions (Su et al. 2021): queries and keys turned by their tokens' angles, values as they are. A head's
    /// first half a and second half b become a cos - b sin and b cos + a sin.
    /// </summary>
    /// <param name="qkv">[t; 3 d], as attention takes it; its heads are w wide, w even.</param>
    /// <param name="cosines">[t; w / 2], float32.</param>
    /// <param name="sines">[t; w / 2], float32.</param>
    /// <param name="heads">d / w.</param>
    /// <returns>As qkv.</returns>
    public static Tensor Rotary(Tensor qkv, Tensor cosines, Tensor sines, long heads) =>
        Native
            ? NativeOps.Call("glem::rotary", qkv, cosines, sines, heads)
            : PlainOps.Rotary(qkv, cosines, sines, heads);

    /// <summary>
    /// The mean over k rows of -log softmax(logits + bias)[truth], in float32 without float32 copies of the logits: for
    /// classes as many as a vocabulary has. The truth gets no gradient.
    /// </summary>
    /// <param name="logits">[k; c], float32 or bfloat16; neither k nor c is 0.</param>
    /// <param name="bias">[c], float32.</param>
    /// <param name="truth">[k], int64, each in [0, c).</param>
    /// <returns>[], float32.</returns>
    public static Tensor CrossEntropy(Tensor logits, Tensor bias, Tensor truth) =>
        Native
            ? NativeOps.Call("glem::cross_entropy", logits, bias, truth)
            : PlainOps.CrossEntropy(logits, bias, truth);

    /// <summary>The mean over each sequence's rows; 0 for an empty one. x : [t; d], result : [b; d].</summary>
    public static Tensor SegmentMean(Tensor x, Tensor cuSeqlens) =>
        Native ? NativeOps.Call("glem::segment_mean", x, cuSeqlens) : PlainOps.SegmentMean(x, cuSeqlens);

    /// <summary>
    /// dropout(layer_norm(word[ids] + position[positions] + type[kinds])), BERT's embeddings (Devlin et al. 2019). The
    /// tables' gradients are dense.
    /// </summary>
    /// <param name="word">[vocabulary; d], float32, as all tables and vectors here.</param>
    /// <param name="position">[longest; d].</param>
    /// <param name="type">[kinds; d].</param>
    /// <param name="ids">[t], int64, as positions and kinds.</param>
    /// <param name="positions">[t].</param>
    /// <param name="kinds">[t]; null means all 0.</param>
    /// <param name="weight">[d].</param>
    /// <param name="lnBias">[d].</param>
    /// <param name="p">The share dropped.</param>
    /// <param name="seed">The mask's.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="bfloat16">Whether the result is bfloat16; else it is float32.</param>
    /// <returns>[t; d].</returns>
    public static Tensor EmbeddingLayerNorm(
        Tensor word, Tensor position, Tensor type, Tensor ids, Tensor positions, Tensor? kinds, Tensor weight,
        Tensor lnBias, double p, long seed, double eps, bool bfloat16) =>
        Native
            ? NativeOps.Call(
                "glem::embedding_layer_norm", word, position, type, ids, positions, kinds, weight, lnBias, p, seed, eps,
                bfloat16)
            : PlainOps.EmbeddingLayerNorm(
                word, position, type, ids, positions, kinds, weight, lnBias, p, seed, eps, bfloat16);

    /// <summary>
    /// One update of every parameter in place, decoupled decay first, as torch.optim.AdamW (Loshchilov and Hutter
    /// 2019).
    /// </summary>
    /// <param name="parameters">float32.</param>
    /// <param name="grads">float32 or bfloat16, each multiplied by gradScale first.</param>
    /// <param name="expAvg">First moments, float32.</param>
    /// <param name="expAvgSq">Second moments, float32.</param>
    /// <param name="shadows">bfloat16 copies of the parameters to refresh in the same pass; empty for none.</param>
    /// <param name="lr">The learning rate of this update.</param>
    /// <param name="beta1">The first moment's decay.</param>
    /// <param name="beta2">The second moment's decay.</param>
    /// <param name="eps">Added to the root of the corrected second moment.</param>
    /// <param name="weightDecay">Times lr, the share of a parameter that an update takes away.</param>
    /// <param name="step">This update's number, from 1.</param>
    /// <param name="gradScale">1, or what clips the gradients to a norm.</param>
    public static void AdamW(
        Tensor[] parameters, Tensor[] grads, Tensor[] expAvg, Tensor[] expAvgSq, Tensor[] shadows, double lr,
        double beta1, double beta2, double eps, double weightDecay, long step, double gradScale)
    {
        if (Native)
            NativeOps.CallVoid(
                "glem::adamw_", parameters, grads, expAvg, expAvgSq, shadows, lr, beta1, beta2, eps, weightDecay, step,
                gradScale);
        else
            PlainOps.AdamW(
                parameters, grads, expAvg, expAvgSq, shadows, lr, beta1, beta2, eps, weightDecay, step, gradScale);
    }

    /// <summary>The L2 norm over all the tensors' elements: [], float64, summed in float64.</summary>
    public static Tensor GradNorm(Tensor[] grads) =>
        Native ? NativeOps.Call("glem::grad_norm", [grads]) : PlainOps.GradNorm(grads);
}
