namespace RlWn.Envs.Tests;

public class EnvContractTests
{
    private static readonly EnvContractOptions Short = new() { Steps = 500 };

    [Fact]
    public void Check_SoundTask_FindsNothing() => Assert.Empty(EnvContract.Check(() => new SoundEnv()));

    [Fact]
    public void Check_CartPole_FindsNothing() => Assert.Empty(EnvContract.Check(() => new CartPole()));

    [Fact]
    public void Check_TaskWithoutRandomness_FindsNothing() => Assert.Empty(EnvContract.Check(() => new Countdown(), Short));

    [Fact]
    public void Check_TaskThatThrows_IsCaught() => OnlyBreaks(EnvRule.RunsThrough, () => new ThrowsAtStepFive());

    [Fact]
    public void Check_SpacesMadeAnew_IsCaught() => OnlyBreaks(EnvRule.SpacesStay, () => new MakesSpacesAnew());

    [Fact]
    public void Check_UnwrittenObservation_IsCaught() => OnlyBreaks(EnvRule.ObservationWrittenWhole, () => new LeavesANumberUnwritten());

    [Fact]
    public void Check_UnwrittenObservationAtReset_IsCaught() =>
        OnlyBreaks(EnvRule.ObservationWrittenWhole, () => new LeavesANumberUnwrittenAtReset());

    [Fact]
    public void Check_ObservationOutsideSpace_IsCaught() => OnlyBreaks(EnvRule.ObservationInSpace, () => new ObservesBeyondItsBox());

    [Fact]
    public void Check_ObservationNaN_IsCaught() => OnlyBreaks(EnvRule.ObservationInSpace, () => new ObservesNaN());

    [Fact]
    public void Check_InfiniteReward_IsCaught() => OnlyBreaks(EnvRule.RewardFinite, () => new RewardsInfinity());

    [Fact]
    public void Check_RandomnessFromElsewhere_IsCaught() => Breaks(EnvRule.SameSeedSameTrajectory, () => new DrawsFromElsewhere());

    [Fact]
    public void Check_StateCarriedOver_IsCaught() => OnlyBreaks(EnvRule.ResetStartsAfresh, () => new CarriesOverEpisodes());

    [Fact]
    public void Check_SeedIgnored_IsCaught() => OnlyBreaks(EnvRule.SeedMatters, () => new IgnoresItsSeed());

    [Fact]
    public void Check_OutsideActionAccepted_IsCaught() => OnlyBreaks(EnvRule.OutsideActionRefused, () => new AcceptsEveryAction());

    [Fact]
    public void Check_OutsideActionFailsOtherwise_IsCaught() => OnlyBreaks(EnvRule.OutsideActionRefused, () => new FailsOnAForeignAction());

    [Fact]
    public void Check_EarlierRandomKept_IsCaught() => Breaks(EnvRule.EarlierRandomForgotten, () => new KeepsItsFirstRandom());

    [Fact]
    public void Check_AllocatingStep_IsCaught() => OnlyBreaks(EnvRule.StepAllocatesNothing, () => new Allocates());

    [Fact]
    public void Check_TextTooWide_IsCaught() => OnlyBreaks(EnvRule.TextFits, () => new DrawsTooWide());

    [Fact]
    public void Check_SavableTaskWithFrames_FindsNothing()
    {
        Assert.Empty(EnvContract.Check(() => new SavableEnv()));
        Assert.Empty(EnvContract.Check(() => new TimeLimit<float, int>(new SavableEnv(), 12)));
    }

    [Fact]
    public void Check_StateHalfSaved_IsCaught() => OnlyBreaks(EnvRule.SavedGoesOn, () => new SavesHalf());

    [Fact]
    public void Check_SavedStateHalfRead_IsCaught() => OnlyBreaks(EnvRule.SavedGoesOn, () => new LoadsLessThanItSaves());

    [Fact]
    public void Check_LoadedRandomForgotten_IsCaught() => OnlyBreaks(EnvRule.SavedGoesOn, () => new ForgetsTheRandomItLoads());

    [Fact]
    public void Check_FrameNotWritten_IsCaught() => OnlyBreaks(EnvRule.FrameDrawsTheState, () => new LeavesPixelsUnwritten());

    [Fact]
    public void Check_DrawingThatMoves_IsCaught() => OnlyBreaks(EnvRule.FrameDrawsTheState, () => new MovesWhenDrawn());

    [Fact]
    public void Check_FrameOfNoSize_IsCaught() => OnlyBreaks(EnvRule.FrameDrawsTheState, () => new HasNoFrame());

    [Fact]
    public void Check_StateSharedBetweenTasks_IsCaught() => OnlyBreaks(EnvRule.VectorAsAlone, () => new SharesState());

    [Fact]
    public void Check_Violation_SaysExpectationFactAndRemedy()
    {
        var violation = Assert.Single(EnvContract.Check(() => new ObservesBeyondItsBox(), Short));
        Assert.Equal(
            "ObservationInSpace: Expected every observation to lie in Box([2], -100..100), got 1000 at index 1 at Reset. "
            + "Widen the bounds or clip the value.",
            violation.ToString());
    }

    [Fact]
    public void Check_NoSteps_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => EnvContract.Check(() => new SoundEnv(), new EnvContractOptions { Steps = 0 }));

    [Fact]
    public void CheckVector_SyncVector_FindsNothing() =>
        Assert.Empty(EnvContract.CheckVector(count => new SyncVectorEnv<float, int>(() => new SoundEnv(), count), () => new SoundEnv()));

    [Fact]
    public void CheckVector_OtherTimeLimit_IsCaught()
    {
        var violations = EnvContract.CheckVector(
            count => new CartPoleVector(count, maxSteps: 15), () => new TimeLimit<float, int>(new CartPole(), 16), Short);
        Assert.Equal([EnvRule.VectorAsAlone], violations.Select(violation => violation.Rule));
    }

    private static void OnlyBreaks(EnvRule rule, Func<IEnv<float, int>> create) =>
        Assert.Equal([rule], EnvContract.Check(create, Short).Select(violation => violation.Rule));

    private static void Breaks(EnvRule rule, Func<IEnv<float, int>> create) =>
        Assert.Contains(rule, EnvContract.Check(create, Short).Select(violation => violation.Rule));

    private sealed class Countdown : SoundEnv
    {
        public override void Reset(Random random, Span<float> observation) => base.Reset(new Rng(1), observation);
    }
}
