namespace RlWn.Envs.Tests;

public class MountainCarContinuousTests
{
    // Python: v += a*0.0015 - 0.0025*cos(3*p); limits and wall as in MountainCar; p and v through struct's 'f'; reward 100*[p >= 0.45 and v >= 0] - 0.1*a**2
    [Theory]
    [InlineData(-0.5, 0.0, 1.0f, -0.4986768364906311, 0.0013231569901108742, -0.1, false)]
    [InlineData(-0.5, 0.01, -0.25f, -0.49055182933807373, 0.00944815669208765, -0.00625, false)]
    [InlineData(0.4, 0.0625, 0.5f, 0.46234411001205444, 0.062344104051589966, 99.975, true)]
    [InlineData(-1.1875, -0.05, -1.0f, -1.2000000476837158, 0.0, -0.1, false)]
    [InlineData(-0.52, 0.03, 0.0f, -0.49002698063850403, 0.02997300960123539, 0.0, false)]
    [InlineData(0.59375, 0.0625, -0.75f, 0.6000000238418579, 0.06189725920557976, 99.94375, true)]
    public void Step_GivenState_MatchesPython(
        double position, double velocity, float action, double nextPosition, double nextVelocity, double reward, bool terminated)
    {
        var (env, observation) = (new MountainCarContinuous { State = (position, velocity) }, new float[2]);
        Assert.Equal(new StepResult((float)reward, terminated), env.Step([action], observation));
        Assert.Equal((nextPosition, nextVelocity), env.State);
        Assert.Equal([(float)nextPosition, (float)nextVelocity], observation);
    }

    // The same Python, pushing fully where the car goes, from -0.5 at rest: 106 steps, 100 - 10.6.
    [Fact]
    public void Step_PushingWhereItGoes_ReachesTheFlagAsInPython()
    {
        var (env, steps, total) = (new MountainCarContinuous { State = (-0.5, 0) }, 0, 0.0);
        for (var terminated = false; !terminated; steps++)
        {
            (var reward, terminated, _) = env.Step([env.State.Velocity >= 0 ? 1 : -1], new float[2]);
            total += reward;
        }

        Assert.Equal(106, steps);
        Assert.Equal(89.4, total, 1e-4);
        Assert.Equal((0.5020867586135864, 0.0640476867556572), env.State);
    }

    [Theory]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    public void Step_ActionOutsideTheSpace_IsRefused(float action) =>
        Assert.Throws<ArgumentException>(() => new MountainCarContinuous().Step([action], new float[2]));
}
