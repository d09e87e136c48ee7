using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Ppo;

namespace RlWn.Agents.Tests.Ppo;

public class PpoOptionsTests
{
    [Fact]
    public void Validate_Defaults_ArePossible() => new PpoOptions().Validate();

    [Fact]
    public void Validate_MinibatchesThatDoNotDivideTheRollout_SaysWhatWould()
    {
        var error = Assert.Throws<ValidationException>(() => new PpoOptions { RolloutSteps = 5, Environments = 2, Minibatches = 4 }.Validate());
        Assert.Equal("Expected ppo.minibatches to divide a rollout's 10 transitions (5 steps of 2 environments), got 4.", error.Message);
    }

    [Fact]
    public void Validate_MinibatchesOfOne_CannotBeNormalized()
    {
        var options = new PpoOptions { RolloutSteps = 4, Environments = 1, Minibatches = 4 };
        var error = Assert.Throws<ValidationException>(options.Validate);
        Assert.Contains("at least 2 transitions", error.Message, StringComparison.Ordinal);
        Assert.Contains("ppo.normalizeAdvantages=false", error.Message, StringComparison.Ordinal);

        (options with { NormalizeAdvantages = false }).Validate();
    }

    [Fact]
    public void Validate_RolloutBeyondTheCount_IsRefused()
    {
        var error = Assert.Throws<ValidationException>(new PpoOptions { RolloutSteps = 1_000_000, Environments = 65_536, Minibatches = 1 }.Validate);
        Assert.Contains("less than 2^31 transitions", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<PpoOptions, string> OutOfRange => new()
    {
        { new() { Minibatches = 0 }, "Expected ppo.minibatches from 1 to 1000000, got 0." },
        { new() { Epochs = 0 }, "Expected ppo.epochs from 1 to 1000, got 0." },
        { new() { Gamma = 1.01 }, "Expected ppo.gamma from 0 to 1, got 1.01." },
        { new() { Gamma = double.NaN }, "Expected ppo.gamma from 0 to 1, got NaN." },
        { new() { ValueClip = 0 }, "Expected ppo.valueClip from 1E-06 to 1000000, got 0." },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Validate_SettingOutOfRange_NamesItAndTheRange(PpoOptions options, string message) =>
        Assert.Equal(message, Assert.Throws<ValidationException>(options.Validate).Message);
}
