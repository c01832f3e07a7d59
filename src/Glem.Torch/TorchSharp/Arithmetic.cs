namespace TorchSharp;

// Element by element, with broadcasting.
public static partial class torch
{
    public partial class Tensor
    {
        public Tensor abs() => Call("abs", this);

        public Tensor abs_() => Call("abs_", this);

        public Tensor exp() => Call("exp", this);

        public Tensor exp_() => Call("exp_", this);

        public Tensor exp2() => Call("exp2", this);

        public Tensor exp2_() => Call("exp2_", this);

        public Tensor expm1() => Call("expm1", this);

        public Tensor expm1_() => Call("expm1_", this);

        public Tensor log() => Call("log", this);

        public Tensor log_() => Call("log_", this);

        public Tensor log1p() => Call("log1p", this);

        public Tensor log1p_() => Call("log1p_", this);

        public Tensor log2() => Call("log2", this);

        public Tensor log2_() => Call("log2_", this);

        public Tensor log10() => Call("log10", this);

        public Tensor log10_() => Call("log10_", this);

        public Tensor sqrt() => Call("sqrt", this);

        public Tensor sqrt_() => Call("sqrt_", this);

        public Tensor rsqrt() => Call("rsqrt", this);

        public Tensor rsqrt_() => Call("rsqrt_", this);

        public Tensor tanh() => Call("tanh", this);

        public Tensor tanh_() => Call("tanh_", this);

        public Tensor sigmoid() => Call("sigmoid", this);

        public Tensor sigmoid_() => Call("sigmoid_", this);

        public Tensor relu() => Call("relu", this);

        public Tensor relu_() => Call("relu_", this);

        public Tensor erf() => Call("erf", this);

        public Tensor erf_() => Call("erf_", this);

        public Tensor erfc() => Call("erfc", this);

        public Tensor erfc_() => Call("erfc_", this);

        public Tensor sin() => Call("sin", this);

        public Tensor sin_() => Call("sin_", this);

        public Tensor cos() => Call("cos", this);

        public Tensor cos_() => Call("cos_", this);

        public Tensor floor() => Call("floor", this);

        public Tensor floor_() => Call("floor_", this);

        public Tensor ceil() => Call("ceil", this);

        public Tensor ceil_() => Call("ceil_", this);

        public Tensor trunc() => Call("trunc", this);

        public Tensor trunc_() => Call("trunc_", this);

        public Tensor sign() => Call("sign", this);

        public Tensor sign_() => Call("sign_", this);

        public Tensor neg() => Call("neg", this);

        public Tensor neg_() => Call("neg_", this);

        public Tensor reciprocal() => Call("reciprocal", this);

        public Tensor reciprocal_() => Call("reciprocal_", this);

        public Tensor negative() => neg();

        public Tensor round(long decimals = 0L) => Call("round.decimals", this, decimals);

        public Tensor square() => Call("square", this);

        public Tensor gelu() => Call("gelu", this);

        public Tensor silu() => Call("silu", this);

        public Tensor elu(double alpha = 1) => Call("elu", this, alpha);

        public Tensor leaky_relu(Scalar negative_slope) => Call("leaky_relu", this, negative_slope);

        public Tensor log_sigmoid() => Call("log_sigmoid", this);

        public Tensor softplus(double beta = 1, double threshold = 20) => Call("softplus", this, beta, threshold);

        public Tensor add(Tensor target) => Call("add.Tensor", this, target);

        public Tensor add(Scalar scalar) => Call("add.Scalar", this, scalar);

        public Tensor add(Tensor target, Scalar alpha) => Call("add.Tensor", this, target, alpha);

        public Tensor add(Scalar scalar, Scalar alpha) => Call("add.Scalar", this, scalar, alpha);

        public Tensor add_(Tensor target) => Call("add_.Tensor", this, target);

        public Tensor add_(Scalar scalar) => Call("add_.Scalar", this, scalar);

        public Tensor add_(Tensor target, Scalar alpha) => Call("add_.Tensor", this, target, alpha);

        public Tensor add_(Scalar scalar, Scalar alpha) => Call("add_.Scalar", this, scalar, alpha);

        public Tensor sub(Tensor target) => Call("sub.Tensor", this, target);

        public Tensor sub(Scalar target) => Call("sub.Scalar", this, target);

        public Tensor sub_(Tensor target) => Call("sub_.Tensor", this, target);

        public Tensor sub_(Scalar target) => Call("sub_.Scalar", this, target);

        public Tensor mul(Tensor target) => Call("mul.Tensor", this, target);

        public Tensor mul(Scalar target) => Call("mul.Scalar", this, target);

        public Tensor mul_(Tensor target) => Call("mul_.Tensor", this, target);

        public Tensor mul_(Scalar target) => Call("mul_.Scalar", this, target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None
                ? Call("div.Tensor", this, target)
                : Call("div.Tensor_mode", this, target, Name(rounding_mode));

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None
                ? Call("div.Scalar", this, target)
                : Call("div.Scalar_mode", this, target, Name(rounding_mode));

        public Tensor pow(Tensor exponent) => Call("pow.Tensor_Tensor", this, exponent);

        public Tensor pow(Scalar exponent) => Call("pow.Tensor_Scalar", this, exponent);

        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Call("clamp", this, min, max);

        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Call("clamp.Tensor", this, min, max);

        public Tensor clamp_min(Scalar min) => Call("clamp_min", this, min);

        public Tensor clamp_max(Scalar max) => Call("clamp_max", this, max);

        public Tensor remainder(Tensor target) => Call("remainder.Tensor", this, target);

        public Tensor remainder(Scalar scalar) => Call("remainder.Scalar", this, scalar);

        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Call("addcmul", this, tensor1, tensor2, value);

        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Call("addcdiv", this, tensor1, tensor2, value);

        public Tensor lerp(Tensor end, Tensor weight) => Call("lerp.Tensor", this, end, weight);

        public Tensor bitwise_and(Tensor other) => Call("bitwise_and.Tensor", this, other);

        public Tensor bitwise_or(Tensor other) => Call("bitwise_or.Tensor", this, other);

        public Tensor bitwise_xor(Tensor other) => Call("bitwise_xor.Tensor", this, other);

        public Tensor bitwise_not() => Call("bitwise_not", this);

        public Tensor bitwise_left_shift(Tensor other) => Call("bitwise_left_shift.Tensor", this, other);

        public Tensor bitwise_right_shift(Tensor other) => Call("bitwise_right_shift.Tensor", this, other);

        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None
                ? Call("div_.Tensor", this, target)
                : Call("div_.Tensor_mode", this, target, Name(rounding_mode));

        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None
                ? Call("div_.Scalar", this, target)
                : Call("div_.Scalar_mode", this, target, Name(rounding_mode));

        public Tensor pow_(Tensor exponent) => Call("pow_.Tensor", this, exponent);

        public Tensor pow_(Scalar exponent) => Call("pow_.Scalar", this, exponent);

        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Call("clamp_", this, min, max);

        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Call("clamp_.Tensor", this, min, max);

        public Tensor clamp_min_(Scalar min) => Call("clamp_min_", this, min);

        public Tensor clamp_max_(Scalar max) => Call("clamp_max_", this, max);

        public Tensor remainder_(Tensor target) => Call("remainder_.Tensor", this, target);

        public Tensor remainder_(Scalar scalar) => Call("remainder_.Scalar", this, scalar);

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Call("addcmul_", this, tensor1, tensor2, value);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Call("addcdiv_", this, tensor1, tensor2, value);

        public Tensor lerp_(Tensor end, Tensor weight) => Call("lerp_.Tensor", this, end, weight);

        public Tensor bitwise_and_(Tensor other) => Call("bitwise_and_.Tensor", this, other);

        public Tensor bitwise_or_(Tensor other) => Call("bitwise_or_.Tensor", this, other);

        public Tensor bitwise_xor_(Tensor other) => Call("bitwise_xor_.Tensor", this, other);

        public Tensor bitwise_not_() => Call("bitwise_not_", this);

        public Tensor bitwise_left_shift_(Tensor other) => Call("bitwise_left_shift_.Tensor", this, other);

        public Tensor bitwise_right_shift_(Tensor other) => Call("bitwise_right_shift_.Tensor", this, other);

        public Tensor maximum(Tensor other) => Call("maximum", this, other);

        public Tensor minimum(Tensor other) => Call("minimum", this, other);

        public Tensor floor_divide(Tensor other) => Call("floor_divide", this, other);

        public Tensor floor_divide(Scalar other) => Call("floor_divide.Scalar", this, other);

        public Tensor fill_(Scalar value) => Call("fill_.Scalar", this, value);

        public Tensor zero_() => Call("zero_", this);

        public Tensor copy_(Tensor source, bool nonBlocking = false) => Call("copy_", this, source, nonBlocking);

        public Tensor clone() => Call("clone", this);

        private static string Name(RoundingMode mode) => mode == RoundingMode.floor ? "floor" : "trunc";
    }

    /// <summary>How a quotient becomes whole.</summary>
    public enum RoundingMode
    {
        None,
        trunc,
        floor,
    }

    public static Tensor abs(Tensor input) => input.abs();

    public static Tensor ceil(Tensor input) => input.ceil();

    public static Tensor cos(Tensor input) => input.cos();

    public static Tensor erf(Tensor input) => input.erf();

    public static Tensor exp(Tensor input) => input.exp();

    public static Tensor expm1(Tensor input) => input.expm1();

    public static Tensor floor(Tensor input) => input.floor();

    public static Tensor log(Tensor input) => input.log();

    public static Tensor log1p(Tensor input) => input.log1p();

    public static Tensor neg(Tensor input) => input.neg();

    public static Tensor reciprocal(Tensor input) => input.reciprocal();

    public static Tensor rsqrt(Tensor input) => input.rsqrt();

    public static Tensor sigmoid(Tensor input) => input.sigmoid();

    public static Tensor sign(Tensor input) => input.sign();

    public static Tensor sin(Tensor input) => input.sin();

    public static Tensor sqrt(Tensor input) => input.sqrt();

    public static Tensor square(Tensor input) => input.square();

    public static Tensor tanh(Tensor input) => input.tanh();

    public static Tensor add(Tensor left, Tensor right) => left.add(right);

    public static Tensor add(Tensor left, Scalar right) => left.add(right);

    public static Tensor sub(Tensor left, Tensor right) => left.sub(right);

    public static Tensor sub(Tensor left, Scalar right) => left.sub(right);

    public static Tensor mul(Tensor left, Tensor right) => left.mul(right);

    public static Tensor mul(Tensor left, Scalar right) => left.mul(right);

    public static Tensor add(Tensor left, Tensor right, Scalar alpha) => left.add(right, alpha);

    public static Tensor div(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) =>
        left.div(right, rounding_mode);

    public static Tensor div(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) =>
        left.div(right, rounding_mode);

    public static Tensor pow(Tensor left, Tensor exponent) => left.pow(exponent);

    public static Tensor pow(Tensor left, Scalar exponent) => left.pow(exponent);

    public static Tensor clamp(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp(min, max);

    public static Tensor clamp(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp(min, max);

    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);

    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);
}
