using Xunit;

namespace RlWn.Inference.Tests;

public sealed class ReturnDistributionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Atoms -1, 0, 1. The first choice has logits (9, 0, 9), mean 0; the second (0, 0, x), mean (eˣ - 1) / (eˣ + 2), which has the sign of x.
    [Fact]
    public void Act_TwoDistributions_TakesTheHigherMeanAndNotTheHigherLogit()
    {
        using var made = Make();
        var path = Path.Combine(folder, "policy.safetensors");
        made.Save(path);
        using var policy = Policy.Load(path);

        Assert.Equal((ActionKind.Discrete, 2), (policy.Kind, policy.ActionCount));
        Assert.Equal(1, policy.Act([0.1f]));
        Assert.Equal(0, policy.Act([-0.1f]));
        Assert.Equal(0, policy.Act([-80]));
        Assert.Equal(1, policy.Act([80]));
        var actions = new int[3];
        policy.Act([0.1f, -0.1f, 2], 3, actions);
        Assert.Equal([1, 0, 1], actions);
    }

    [Fact]
    public void Sample_TwoDistributions_HasTheMeansAsLogits()
    {
        const int Draws = 20_000;
        using var policy = Make();
        var random = new Random(5);
        var second = Enumerable.Range(0, Draws).Count(_ => policy.Sample([50], random) == 1);   // means 0 and 1

        var expected = Math.E / (1 + Math.E);
        Assert.Equal(expected, (double)second / Draws, 5 * Math.Sqrt(expected * (1 - expected) / Draws));
    }

    [Theory]
    [InlineData("rlwn.atoms", "4", "rlwn.atoms")]
    [InlineData("rlwn.atoms", "1", "rlwn.atoms")]
    [InlineData("rlwn.atoms", null, "rlwn.atoms")]
    [InlineData("rlwn.return_low", "1", "rlwn.return_low < rlwn.return_high")]
    [InlineData("rlwn.return_low", "NaN", "rlwn.return_low")]
    [InlineData("rlwn.return_high", "", "rlwn.return_high")]
    public void FromTensors_MetadataThatDoesNotFit_IsRefused(string key, string? text, string named)
    {
        var metadata = Metadata();
        if (text is null)
            metadata.Remove(key);
        else
            metadata[key] = text;
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => Policy.FromTensors(Tensors(), metadata)).Message, StringComparison.Ordinal);
    }

    private static Policy Make() => Policy.FromTensors(Tensors(), Metadata());

    private static TensorData[] Tensors() =>
    [
        TensorData.Of("actor.0.weight", [6, 1], [0f, 0, 0, 0, 0, 1]),
        TensorData.Of("actor.0.bias", [6], [9f, 0, 9, 0, 0, 0]),
    ];

    private static Dictionary<string, string> Metadata()
    {
        var metadata = Policy.DiscreteMetadata([1]);
        Policy.AddReturnDistribution(metadata, atoms: 3, low: -1, high: 1);
        return metadata;
    }
}
