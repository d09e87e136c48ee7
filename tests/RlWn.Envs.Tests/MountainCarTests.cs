namespace RlWn.Envs.Tests;

public class MountainCarTests
{
    // Python: v += (a-1)*0.001 + cos(3*p)*-0.0025; v = min(max(v, -0.07), 0.07); p = min(max(p+v, -1.2), 0.6); v = 0 if p == -1.2 and v < 0
    [Theory]
    [InlineData(-0.5, 0.0, 2, -0.49917684300416926, 0.0008231569958307428, false)]
    [InlineData(-0.5, 0.01, 0, -0.49117684300416925, 0.008823156995830743, false)]
    [InlineData(0.45, 0.069, 2, 0.5194524832822675, 0.0694524832822674, true)]
    [InlineData(-1.19, -0.05, 0, -1.2, 0.0, false)]
    [InlineData(-0.52, 0.03, 1, -0.4900269902926457, 0.02997300970735433, false)]
    [InlineData(0.2, -0.07, 0, 0.13, -0.07, false)]
    [InlineData(0.55, 0.07, 2, 0.6, 0.07, true)]
    [InlineData(0.51, -0.069, 1, 0.44089803747189604, -0.06910196252810398, false)]
    public void Step_GivenState_MatchesPython(double position, double velocity, int action, double nextPosition, double nextVelocity, bool terminated)
    {
        var (env, observation) = (new MountainCar { State = (position, velocity) }, new float[2]);
        Assert.Equal(new StepResult(Reward: -1, terminated), env.Step([action], observation));
        Agreement.Near(nextPosition, env.State.Position);
        Agreement.Near(nextVelocity, env.State.Velocity);
        Assert.Equal([(float)env.State.Position, (float)env.State.Velocity], observation);
    }

    // Beyond the flag and rolling back: p = 0.58 - 0.05 + ... stays above 0.5 with a negative velocity.
    [Fact]
    public void Step_RollingBackBeyondTheFlag_DoesNotTerminate()
    {
        var env = new MountainCar { State = (0.58, -0.05) };
        Assert.False(env.Step([0], new float[2]).Terminated);
        Assert.True(env.State is { Position: > 0.5, Velocity: < 0 });
    }

    // The same Python, pushing where the car goes, from -0.5 at rest: step 124 reaches the flag.
    [Fact]
    public void Step_PushingWhereItGoes_ReachesTheFlagAsInPython()
    {
        var (env, steps) = (new MountainCar { State = (-0.5, 0) }, 1);
        while (!env.Step([env.State.Velocity >= 0 ? 2 : 0], new float[2]).Terminated)
            steps++;
        Assert.Equal(124, steps);
        Assert.Equal(0.5349499825655736, env.State.Position, 1e-11);
        Assert.Equal(0.04819097792866507, env.State.Velocity, 1e-11);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Step_ActionOutsideTheSpace_IsRefused(int action) =>
        Assert.Contains($"got [{action}]", Assert.Throws<ArgumentException>(() => new MountainCar().Step([action], new float[2])).Message, StringComparison.Ordinal);

    // The first draw of new Rng(42, 0), -0.6 + 0.2 u.
    [Fact]
    public void Reset_KnownDraw_IsUniformAtRest()
    {
        var env = new MountainCar { State = (0, 1) };
        env.Reset(new Rng(42), new float[2]);
        Assert.Equal(-0.6 + (0.2 * 0.12487061491907958), env.State.Position, 1e-15);
        Assert.Equal(0, env.State.Velocity);
    }

    [Fact]
    public void Spaces_Are_ThoseOfGymnasium()
    {
        var box = Assert.IsType<Box>(new MountainCar().ObservationSpace);
        Assert.Equal([-1.2f, -0.07f], box.Low);
        Assert.Equal([0.6f, 0.07f], box.High);
        Assert.Equal(3, Assert.IsType<Discrete>(new MountainCar().ActionSpace).N);
        Assert.Same(box, new MountainCarContinuous().ObservationSpace);
        Assert.Equal("Box([1], -1..1)", new MountainCarContinuous().ActionSpace.ToString());
    }

    [Fact]
    public void DrawText_InTheValley_ShowsTheCarAtItsFoot()
    {
        var lines = new MountainCar { State = (-0.5, 0.01) }.DrawText().Split('\n');
        Assert.Equal("position -0.500    velocity  0.0100 a step", lines[0]);
        Assert.Equal(17, lines.Length);
        Assert.Equal(30, lines[16].IndexOf('O', StringComparison.Ordinal));   // 0.7 of 1.8 is 30.3 of 78 columns
    }
}
