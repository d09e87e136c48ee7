using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Xunit;

namespace RlWn.Inference.Tests;

/// <summary>An ONNX file in ONNX Runtime, on one thread.</summary>
internal sealed class OnnxRun : IDisposable
{
    private readonly SessionOptions options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1 };

    public OnnxRun(byte[] file) => Session = new(file, options);

    public InferenceSession Session { get; }

    /// <summary>The outputs of one type by their names, from a batch of inputs of a shape.</summary>
    public Dictionary<string, T[]> Run<TInput, T>(TInput[] input, int batch, params ReadOnlySpan<int> shape)
    {
        var name = Assert.Single(Session.InputNames);
        return Run<T>(NamedOnnxValue.CreateFromTensor(name, new DenseTensor<TInput>(input, [batch, .. shape])));
    }

    /// <summary>The outputs of one type by their names, from rows of several inputs.</summary>
    public Dictionary<string, T[]> Run<T>(int batch, params ReadOnlySpan<(string Name, float[] Rows)> inputs) =>
        Run<T>([.. inputs.ToArray().Select(input => NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<float>(input.Rows, [batch, input.Rows.Length / batch])))]);

    /// <summary>The outputs of one type by their names.</summary>
    public Dictionary<string, T[]> Run<T>(params NamedOnnxValue[] inputs)
    {
        using var outputs = Session.Run(inputs);
        return outputs.Where(output => output.Value is Tensor<T>).ToDictionary(output => output.Name, output => output.AsEnumerable<T>().ToArray());
    }

    public void Dispose()
    {
        Session.Dispose();
        options.Dispose();
    }

    /// <summary>Numbers within 1e-5, relative to their size where that is above 1.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5 * Math.Max(1, Math.Abs(expected[i])), $"Expected {expected[i]} at {i}, got {actual[i]}.");
    }
}
