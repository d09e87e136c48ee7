using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>The device to compute on, chosen once at start and handed to everything that makes tensors.</summary>
public static class TorchDevice
{
    /// <summary>Chooses the device that a name asks for.</summary>
    /// <param name="name">auto (CUDA where there is one, else the CPU), cpu, cuda, or cuda:N with N counted from 0.</param>
    /// <returns>The device.</returns>
    /// <exception cref="ArgumentException">The name is none of these.</exception>
    /// <exception cref="NotSupportedException">CUDA is asked for and there is none, or no such device; the message says what to install.</exception>
    /// <remarks>
    /// From then on float32 is float32 in the whole process: libtorch lets cuDNN compute convolutions in TF32 unless told otherwise, with 10 bits behind
    /// the point where float32 has 23. Who prefers speed sets <c>torch.backends.cudnn.allow_tf32</c> and <c>torch.backends.cuda.matmul.allow_tf32</c> afterwards.
    /// </remarks>
    public static Device Choose(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        TorchLibrary.Load();
        (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32) = (false, false);

        switch (name.ToLowerInvariant())
        {
            case "cpu":
                return CPU;
            case "auto":
                return CudaCount() > 0 ? new Device(DeviceType.CUDA, 0) : CPU;
            case "cuda":
                return Cuda(0);
            case var text when text.StartsWith("cuda:", StringComparison.Ordinal)
                && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var index):
                return Cuda(index);
            default:
                throw new ArgumentException($"Expected the device auto, cpu, cuda or cuda:N (as cuda:1), got '{name}'.", nameof(name));
        }
    }

    private static Device Cuda(int index)
    {
        var count = CudaCount();
        if (count == 0)
        {
            throw new NotSupportedException(
                "Expected a CUDA device, found none"
                + (TorchLibrary.CudaFailure is { } failure ? $" (libtorch's CUDA part does not load: {failure})" : "")
                + $". Build with -p:TorchBackend=cuda on a machine with an NVIDIA driver, or point {TorchLibrary.PathVariable} at a CUDA build of libtorch 2.10; "
                + "or choose --device cpu.");
        }

        return index < count
            ? new Device(DeviceType.CUDA, index)
            : throw new NotSupportedException($"Expected one of the {count} CUDA devices, cuda:0 to cuda:{count - 1}, got cuda:{index}.");
    }

    private static int CudaCount() => cuda.is_available() ? cuda.device_count() : 0;
}
