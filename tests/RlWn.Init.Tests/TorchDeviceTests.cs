using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

public class TorchDeviceTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("CPU")]
    public void Choose_Cpu_IsTheCpu(string name) => Assert.Equal(DeviceType.CPU, TorchDevice.Choose(name).type);

    [Fact]
    public void Choose_Auto_IsCudaWhereThereIsOneElseTheCpu() =>
        Assert.Equal(cuda.is_available() ? DeviceType.CUDA : DeviceType.CPU, TorchDevice.Choose("auto").type);

    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public void Choose_AnyDevice_TurnsTf32Off(string name)
    {
        (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32) = (true, true);

        TorchDevice.Choose(name);

        Assert.Equal((false, false), (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32));
    }

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda: 1")]
    [InlineData("cuda:one")]
    [InlineData("cuda:99999999999")]
    public void Choose_NameThatIsNoDevice_SaysWhatIsOneAndWhatCame(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => TorchDevice.Choose(name));

        Assert.Contains("auto, cpu, cuda or cuda:N", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cuda")]
    [InlineData("cuda:1")]
    public void Choose_CudaWithoutOne_SaysWhatToInstall(string name)
    {
        Assert.SkipWhen(cuda.is_available(), "This machine has CUDA.");
        var error = Assert.Throws<NotSupportedException>(() => TorchDevice.Choose(name));

        Assert.Contains("-p:TorchBackend=cuda", error.Message, StringComparison.Ordinal);
        Assert.Contains(TorchLibrary.PathVariable, error.Message, StringComparison.Ordinal);
        Assert.Contains("--device cpu", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_CudaIndexBeyondTheLast_SaysWhichThereAre()
    {
        Assert.SkipUnless(cuda.is_available(), "This machine has no CUDA.");
        var error = Assert.Throws<NotSupportedException>(() => TorchDevice.Choose($"cuda:{cuda.device_count()}"));

        Assert.Contains($"cuda:0 to cuda:{cuda.device_count() - 1}", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, TorchDevice.Choose("cuda").index);
    }
}
