using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests;

/// <summary>Files come back bit for bit; a file that is not what it says is refused before memory is taken.</summary>
public sealed class SafetensorsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("glem-safetensors-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Every_type_and_shape_comes_back_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["weights/ä \"quoted\""] = randn(3, 4),
            ["half"] = randn(5).to(bfloat16),
            ["float16"] = randn(5).to(float16),
            ["double"] = randn([2, 1, 3], float64),
            ["ids"] = torch.tensor(new[] { long.MinValue, 1 }),
            ["int"] = torch.tensor(new[] { 1, -1 }),
            ["mask"] = torch.tensor(new[] { true, false, true }),
            ["bytes"] = torch.tensor(new byte[] { 0, 255 }),
            ["scalar"] = torch.tensor(1.5f),
            ["nothing"] = zeros(0, 7),
            ["transposed"] = torch.arange(6).to(float32).reshape(2, 3).t(),
            ["trained"] = randn(2, requires_grad: true),
        };
        var path = Path.Combine(folder, "all.safetensors");
        Safetensors.Save(path, tensors);
        var loaded = Safetensors.Load(path);
        Assert.Equal(tensors.Keys.Order(), loaded.Keys.Order());
        foreach (var (name, tensor) in tensors)
        {
            Assert.Equal(tensor.dtype, loaded[name].dtype);
            Assert.Equal(tensor.shape, loaded[name].shape);
            Assert.True(tensor.Equals(loaded[name]), name);
        }
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void The_reference_files_come_back_byte_for_byte()
    {
        var encoders = Fixtures.Folder("encoders");
        Assert.SkipWhen(encoders is null, "the golden files are not beside this checkout");
        var files = Directory.GetFiles(encoders, "model.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            using var scope = NewDisposeScope();
            var copy = Path.Combine(folder, "copy.safetensors");
            Safetensors.Save(copy, Safetensors.Load(file), new Dictionary<string, string> { ["format"] = "pt" });
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(copy)), file);
        }
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "'a' has 4 bytes, expected 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "the data has 8 bytes, expected 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "a hole")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        8, "'b' begins at byte 4 of the data, expected 8")]
    [InlineData("""{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}""", 1, "'a' has dtype F8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "-1 in 'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "1.5 in 'shape'")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}""", 4, "no memory holds")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "'a' has data_offsets [4, 0]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "'a' has data_offsets [0]")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "'a' has no dtype")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "'a' has no list 'shape'")]
    [InlineData("""{"a":3}""", 0, "'a' is a JSON Number")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""",
        0, "'a' occurs twice")]
    [InlineData("""[1]""", 0, "expected an object")]
    [InlineData("""{"a":""", 0, "not JSON")]
    [InlineData("""{"\ud800":{}}""", 0, "not JSON")]
    public void A_malformed_header_is_refused_by_name(string header, int dataBytes, string complaint)
    {
        var path = Write(header.Length, Encoding.UTF8.GetBytes(header), dataBytes);
        var failure = Assert.Throws<InvalidDataException>(() => Safetensors.Load(path));
        Assert.StartsWith(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains(complaint, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    [InlineData(3)]
    public void A_header_longer_than_the_file_is_refused(long length)
    {
        var path = Write(length, "{}"u8.ToArray(), 0);
        Assert.Contains(
            "header's length", Assert.Throws<InvalidDataException>(() => Safetensors.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_too_short_for_a_length_is_refused()
    {
        var path = Path.Combine(folder, "short.safetensors");
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Contains(
            "found 3 bytes", Assert.Throws<InvalidDataException>(() => Safetensors.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_save_leaves_the_old_file()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "kept.safetensors");
        Safetensors.Save(path, new Dictionary<string, Tensor> { ["a"] = ones(2) });
        var before = File.ReadAllBytes(path);
        var gone = ones(2);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(
            () => Safetensors.Save(path, new Dictionary<string, Tensor> { ["a"] = ones(3), ["b"] = gone }));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    private string Write(long length, byte[] header, int dataBytes)
    {
        var path = Path.Combine(folder, "made.safetensors");
        var bytes = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        header.CopyTo(bytes, 8);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
