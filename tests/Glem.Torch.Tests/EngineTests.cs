using System.IO;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;

namespace Glem.Torch.Tests;

/// <summary>The engine knows what it is.</summary>
public class EngineTests
{
    [Fact]
    public void The_engine_loads_as_often_as_it_is_asked()
    {
        Engine.Initialize();
        Engine.Initialize();
        Assert.Matches(@"^\d+\.\d+", Engine.Version);
        Assert.Equal(Engine.Version, torch.__version__);
        Assert.True(File.Exists(Engine.LibraryPath), Engine.LibraryPath);
        Assert.Contains("torch", Engine.LibraryPath, System.StringComparison.Ordinal);
        Assert.True(File.Exists(Engine.NativePath));
        Assert.NotEqual("unknown", Engine.CpuCapability);
        Assert.NotEqual("", Engine.Blas);
        Assert.Equal(Engine.Blas == "OpenBLAS", Engine.OpenBlasCore.Length > 0);
    }

    [Fact]
    public void Threads_are_what_they_were_set_to()
    {
        var before = torch.get_num_threads();
        try
        {
            torch.set_num_threads(2);
            Assert.Equal(2, torch.get_num_threads());
            Assert.Equal(2, Engine.Threads);
        }
        finally
        {
            torch.set_num_threads(before);
        }
    }

    [Fact]
    public void An_instruction_set_that_no_processor_has_is_absent()
    {
        Assert.False(Engine.HasCpuFlag("glem"));
        Assert.Equal(Engine.HasAvx512Bf16 || Engine.HasAmxBf16, Engine.HasFastBf16);
    }
}
