using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Impala;

namespace RlWn.Agents.Tests.Impala;

public class ImpalaOptionsTests
{
    [Fact]
    public void Validate_Defaults_ArePossible() => new ImpalaOptions().Validate();

    public static TheoryData<ImpalaOptions, string> Impossible => new()
    {
        { new() { Actors = 0 }, "Expected impala.actors from 1 to 1024, got 0." },
        { new() { MaxLag = -1 }, "Expected impala.maxLag from 0 to 1000, got -1." },
        { new() { RhoBar = 0.5 }, "Expected impala.cBar to be at most impala.rhoBar, got 1 and 0.5. Raise impala.rhoBar or lower impala.cBar." },
        {
            new() { Actors = 9, Trajectories = 4, MaxLag = 1 },
            "Expected at most impala.trajectories 4 times (impala.maxLag 1 + 1) actors, got impala.actors 9: the others would only wait. Raise impala.maxLag."
        },
        {
            new() { RolloutSteps = 1_000_000, Environments = 65_536 },
            "Expected updates from less than 2^31 transitions, got impala.rolloutSteps 1000000 times impala.environments 65536 times impala.trajectories 4."
        },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Validate_Impossible_SaysWhatWouldBePossible(ImpalaOptions options, string message) =>
        Assert.Equal(message, Assert.Throws<ValidationException>(options.Validate).Message);

    [Fact]
    public void Validate_AsManyActorsAsTrajectoriesInTheRing_IsPossible() => new ImpalaOptions { Actors = 8, Trajectories = 4, MaxLag = 1 }.Validate();
}
