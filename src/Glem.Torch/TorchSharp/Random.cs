using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A source of random numbers whose whole state can be taken out and put back.</summary>
    public class Generator : IDisposable
    {
        private nint handle;

        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            handle = NativeError.Check(
                NativeMethods.glem_generator_new(seed, (int)this.device.type, this.device.index));
        }

        private Generator(nint handle, Device device)
        {
            this.handle = handle;
            this.device = device;
        }

        ~Generator() => Release();

        /// <summary>The generator that random operators use when they are given none.</summary>
        public static Generator Default =>
            new(NativeError.Check(NativeMethods.glem_generator_default((int)DeviceType.CPU, -1)), CPU);

        /// <exception cref="ObjectDisposedException">The generator was disposed.</exception>
        public nint Handle
        {
            get
            {
                ObjectDisposedException.ThrowIf(handle == 0, this);
                return handle;
            }
        }

        public Device device { get; }

        public Tensor get_state()
        {
            var state = new Tensor(NativeError.Check(NativeMethods.glem_generator_get_state(Handle)));
            GC.KeepAlive(this);
            return state;
        }

        /// <param name="value">What <see cref="get_state"/> of a generator of the same kind answered.</param>
        public void set_state(Tensor value)
        {
            NativeError.Check(NativeMethods.glem_generator_set_state(Handle, value.Handle));
            GC.KeepAlive(this);
            GC.KeepAlive(value);
        }

        public Generator manual_seed(long seed)
        {
            NativeError.Check(NativeMethods.glem_generator_manual_seed(Handle, (ulong)seed));
            return this;
        }

        /// <summary>Seeds from the operating system's entropy and answers the seed.</summary>
        public unsafe long seed()
        {
            ulong seed;
            NativeError.Check(NativeMethods.glem_generator_seed(Handle, &seed));
            GC.KeepAlive(this);
            return (long)seed;
        }

        public unsafe long initial_seed()
        {
            ulong seed;
            NativeError.Check(NativeMethods.glem_generator_initial_seed(Handle, &seed));
            GC.KeepAlive(this);
            return (long)seed;
        }

        public void Dispose()
        {
            Release();
            GC.SuppressFinalize(this);
        }

        private void Release()
        {
            var released = Interlocked.Exchange(ref handle, 0);
            if (released != 0)
                NativeMethods.glem_generator_free(released);
        }
    }

    public static partial class random
    {
        public static long seed() => Generator.Default.seed();

        public static long initial_seed() => Generator.Default.initial_seed();

        /// <summary>Seeds the default generators of all devices.</summary>
        public static Generator manual_seed(long seed)
        {
            NativeError.Check(NativeMethods.glem_manual_seed((ulong)seed));
            return Generator.Default;
        }

        public static Tensor get_rng_state() => Generator.Default.get_state();

        public static void set_rng_state(Tensor new_state) => Generator.Default.set_state(new_state);
    }

    public static long seed() => random.seed();

    public static Generator manual_seed(long seed) => random.manual_seed(seed);

    public static long initial_seed() => random.initial_seed();

    public static Tensor get_rng_state() => random.get_rng_state();

    public static void set_rng_state(Tensor new_state) => random.set_rng_state(new_state);

    public static Tensor bernoulli(Tensor input, Generator? generator = null) => input.bernoulli(generator);

    public static Tensor multinomial(
        Tensor input,
        long num_samples,
        bool replacement = false,
        Generator? generator = null
    ) => input.multinomial(num_samples, replacement, generator);

    public static Tensor rand_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Call("rand_like", input, dtype, default, device).requires_grad_(requires_grad);

    public static Tensor randn_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Call("randn_like", input, dtype, default, device).requires_grad_(requires_grad);

    public partial class Tensor
    {
        public Tensor bernoulli(Generator? generator = null) => Call("bernoulli", this, generator);

        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) =>
            Call("bernoulli_.float", this, p, generator);

        public Tensor bernoulli_(Tensor p, Generator? generator = null) =>
            Call("bernoulli_.Tensor", this, p, generator);

        public Tensor normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) =>
            Call("normal_", this, mean, std, generator);

        public Tensor uniform_(double from, double to, Generator? generator = null) =>
            Call("uniform_", this, from, to, generator);

        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) =>
            Call("multinomial", this, num_samples, replacement, generator);
    }
}
