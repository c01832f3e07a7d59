using System.Globalization;
using Glem.Torch.Native;

namespace TorchSharp;

/// <summary>Kinds of devices, with libtorch's own numbers.</summary>
public enum DeviceType
{
    CPU = 0,
    CUDA = 1,
    META = 14,
}

public static partial class torch
{
    /// <summary>
    /// Where a tensor lives: a kind of device and, for one of several, its index (-1 is the current one). As
    /// TorchSharp's, it has no equality by value: compare <see cref="type"/> and <see cref="index"/>.
    /// </summary>
    public class Device
    {
        public DeviceType type { get; private set; }

        public int index { get; private set; }

        /// <param name="description">"cpu", "cuda" or "cuda:1".</param>
        /// <exception cref="ArgumentException">Not a kind of device that this engine knows.</exception>
        public Device(string description)
        {
            var parts = description.Split(':');
            type = Parse(parts[0], description);
            index = -1;
            if (parts.Length == 1)
                return;
            if (parts.Length > 2
                || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                throw Unknown(description);
            index = number;
        }

        public Device(string deviceType, int index = -1)
            : this(Parse(deviceType, deviceType), index) { }

        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = index;
        }

        public Device(int index)
            : this(DeviceType.CUDA, index) { }

        public override string ToString() =>
            type.ToString().ToLowerInvariant() + (index < 0 ? "" : ":" + index.ToString(CultureInfo.InvariantCulture));

        public static implicit operator Device(string description) => new(description);

        private static DeviceType Parse(string name, string description) =>
            name.ToLowerInvariant() switch
            {
                "cpu" => DeviceType.CPU,
                "cuda" => DeviceType.CUDA,
                "meta" => DeviceType.META,
                _ => throw Unknown(description),
            };

        private static ArgumentException Unknown(string description) =>
            new($"'{description}' is not a device; expected cpu, cuda or cuda:N.");
    }

    public static readonly Device CPU = new(DeviceType.CPU);

    public static readonly Device META = new(DeviceType.META);

    public static Device CUDA { get; } = new(DeviceType.CUDA);

    public static Device device(string description) => new(description);

    public static Device device(string deviceType, int index = -1) => new(deviceType, index);

    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

    public static Device device(int index) => new(DeviceType.CUDA, index);

    /// <summary>The version of the libtorch that was loaded.</summary>
    public static unsafe string __version__ => NativeError.Text(NativeMethods.glem_torch_version());

    public static bool cuda_is_available() => cuda.is_available();

    public static partial class cuda
    {
        public static bool is_available() => device_count() > 0;

        public static int device_count() => NativeError.Check(NativeMethods.glem_cuda_device_count());

        /// <summary>Waits until the device has finished all work that was queued on it.</summary>
        public static void synchronize(Device? device = null) =>
            NativeError.Check(NativeMethods.glem_cuda_synchronize(device?.index ?? -1));
    }
}
