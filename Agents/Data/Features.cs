using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>Observations as a network reads them: floats as they are, bytes divided by their greatest value.</summary>
internal sealed class Features
{
    private readonly float? scale;   // none: floats
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
                break;
            default:
                throw new ArgumentException($"Expected observations in a Box or a ByteBox, got {space}. Encode choices as floats, as one-hot vectors.", nameof(space));
        }
    }

    /// <summary>All rows of a batch, [N, D], bytes as bytes, which a network scales where it needs them. Valid as long as the batch is.</summary>
    public Observations Read(Batch observations) => Read(observations, observations.Rows);

    /// <summary>The first rows of a batch, as <see cref="Read(Batch)"/> gives them all.</summary>
    public Observations Read(Batch observations, int rows)
    {
        var numbers = rows * observations.Width;
        return scale is { } factor ? new(observations.All<byte>()[..numbers], factor) : new(observations.All<float>()[..numbers]);
    }

    /// <summary>All rows of a batch as numbers, [N, D]. Valid until the next call.</summary>
    public ReadOnlySpan<float> Of(Batch observations)
    {
        if (scale is not { } factor)
            return observations.All<float>();

        var bytes = observations.All<byte>();
        if (converted.Length < bytes.Length)
            converted = new float[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            converted[i] = bytes[i] * factor;
        return converted.AsSpan(0, bytes.Length);
    }
}
