using RlWn.Envs;
using TorchSharp;
using static TorchSharp.torch;

namespace RlWn.Agents.Data;

/// <summary>Observations as a network reads them: floats as they are, bytes divided by their greatest value.</summary>
internal sealed class Features : IDisposable
{
    private readonly float scale = 1;
    private readonly Scalar? heldScale;
    private float[] converted = [];

    /// <summary>Makes the reading of a space's observations.</summary>
    /// <exception cref="ArgumentException">The space holds neither floats nor bytes.</exception>
    public Features(Space space)
    {
        switch (space)
        {
            case Box:
                break;
            case ByteBox bytes:
                scale = 1f / Math.Max(bytes.High, (byte)1);
                heldScale = scale.ToScalar();
                break;
            default:
                throw new ArgumentException($"Expected observations in a Box or a ByteBox, got {space}. Encode choices as floats, as one-hot vectors.", nameof(space));
        }
    }

    /// <summary>All rows of a batch, [N, D], for acting. Valid until the next call.</summary>
    public ReadOnlySpan<float> Of(Batch observations)
    {
        if (heldScale is null)
            return observations.All<float>();

        var bytes = observations.All<byte>();
        if (converted.Length < bytes.Length)
            converted = new float[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            converted[i] = bytes[i] * scale;
        return converted.AsSpan(0, bytes.Length);
    }

    /// <summary>Observations of a minibatch, [B, D], for learning.</summary>
    public Tensor Of(Tensor observations) => heldScale is null ? observations : observations.to(ScalarType.Float32).mul_(heldScale);

    public void Dispose() => heldScale?.Dispose();
}
