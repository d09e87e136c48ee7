using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

public class ScaleTests
{
    [Theory]
    [InlineData("smoke", Scale.Smoke)]
    [InlineData("CPU", Scale.Cpu)]
    [InlineData("Paper", Scale.Paper)]
    public void Parse_Name_IsTheScaleInAnyCase(string name, object scale) => Assert.Equal(scale, Scales.Parse(name));

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("huge")]
    public void Parse_OtherName_ListsThoseThereAre(string name)
    {
        var failure = Assert.Throws<UsageException>(() => Scales.Parse(name));

        Assert.Contains("smoke", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith($"got '{name}'.", failure.Message, StringComparison.Ordinal);
    }
}
