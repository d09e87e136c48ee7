using CsCheck;

namespace RlWn.Envs.Tests;

public class CartPoleTests
{
    // By hand, from rest: temp = 10/1.1, θ̈ = -temp / (0.5 (4/3 - 0.1/1.1)) = -600/41, ẍ = temp + 0.05·(600/41)/1.1 = 400/41.
    [Fact]
    public void Step_RightFromRest_MatchesHandCalculation()
    {
        var state = Step((0, 0, 0, 0), action: 1);
        Near((0, 0.02 * 400 / 41, 0, -0.02 * 600 / 41), state);
    }

    // Computed in Python from the published equations.
    [Theory]
    [InlineData(0.1, -0.2, 0.05, 0.3, 0, 0.096, -0.3957976546439626, 0.056, 0.6080233136061515)]
    [InlineData(-2.39, -1.5, -0.2, -2.0, 1, -2.42, -1.3034286298327125, -0.24000000000000002, -2.347388328345874)]
    [InlineData(1.0, 0.5, 2.5, -3.0, 0, 1.01, 0.3216823707291768, 2.44, -3.0383362349781144)]
    public void Step_GivenState_MatchesPython(
        double x, double v, double theta, double w, int action, double nextX, double nextV, double nextTheta, double nextW) =>
        Near((nextX, nextV, nextTheta, nextW), Step((x, v, theta, w), action));

    [Fact]
    public void Step_AnyState_MatchesTheEquationsTo1e12()
    {
        var number = Gen.Double[-1, 1];
        Gen.Select(number, number, number, number, Gen.Bool).Sample((x, v, theta, w, right) =>
        {
            var state = (x * 2.4, v * 5, theta * Math.PI, w * 5);
            Near(Reference(state, right), Step(state, right ? 1 : 0));
        });
    }

    [Fact]
    public void Step_SmallestAngles_MatchTheEquationsTo1e12()
    {
        for (var theta = 0.2; theta > 1e-300; theta /= 3)
        {
            Near(Reference((0, 0, theta, 0), right: true), Step((0, 0, theta, 0), 1));
            Near(Reference((0, 0, -theta, 0), right: false), Step((0, 0, -theta, 0), 0));
        }
    }

    [Fact]
    public void Step_Observation_IsTheStateAsFloats()
    {
        var env = new CartPole { State = (0.1, -0.2, 0.05, 0.3) };
        var observation = new float[4];
        env.Step([0], observation);
        Assert.Equal([(float)env.State.X, (float)env.State.XDot, (float)env.State.Theta, (float)env.State.ThetaDot], observation);
    }

    // A cart or pole at rest in position and angle stays where it is for one step: positions move with the velocities from before.
    [Theory]
    [InlineData(2.4, 0, false)]
    [InlineData(2.4000000000000004, 0, true)]
    [InlineData(-2.4, 0, false)]
    [InlineData(-2.4000000000000004, 0, true)]
    [InlineData(0, 0.20943951023931953, false)]
    [InlineData(0, 0.20943951023931956, true)]
    [InlineData(0, -0.20943951023931953, false)]
    [InlineData(0, -0.20943951023931956, true)]
    public void Step_AtTheLimits_TerminatesOnlyBeyond(double x, double theta, bool terminated)
    {
        var env = new CartPole { State = (x, 0, theta, 0) };
        Assert.Equal(new StepResult(Reward: 1, terminated, Truncated: false), env.Step([1], new float[4]));
    }

    [Fact]
    public void Step_BeyondTheEnd_NeverTruncatesByItself()
    {
        var (env, observation) = (new CartPole(), new float[4]);
        env.Reset(new Rng(0), observation);
        for (var step = 0; step < 1000; step++)
        {
            env.State = default;
            Assert.False(env.Step([1], observation).Ended);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void Step_ActionOutsideTheSpace_IsRefused(int action)
    {
        var exception = Assert.Throws<ArgumentException>(() => new CartPole().Step([action], new float[4]));
        Assert.StartsWith($"Expected one action, 0 (left) or 1 (right), got [{action}].", exception.Message, StringComparison.Ordinal);
    }

    // The first four draws of new Rng(42, 0), 0.1 u - 0.05 each.
    [Fact]
    public void Reset_KnownDraws_AreUniformWithinFiveHundredths()
    {
        var env = new CartPole();
        env.Reset(new Rng(42), new float[4]);
        Assert.Equal(-0.05 + (0.1 * 0.12487061491907958), env.State.X, 1e-16);
        Assert.Equal(-0.05 + (0.1 * 0.2948059921612778), env.State.XDot, 1e-16);
        Assert.Equal(-0.05 + (0.1 * 0.5655895820032718), env.State.Theta, 1e-16);
        Assert.Equal(-0.05 + (0.1 * 0.611795821075038), env.State.ThetaDot, 1e-16);
    }

    [Fact]
    public void Spaces_Are_ThoseOfGymnasium()
    {
        var env = new CartPole();
        var box = Assert.IsType<Box>(env.ObservationSpace);
        Assert.Equal([4.8f, float.PositiveInfinity, 0.41887903f, float.PositiveInfinity], box.High);
        Assert.Equal([-4.8f, float.NegativeInfinity, -0.41887903f, float.NegativeInfinity], box.Low);
        Assert.Equal(2, Assert.IsType<Discrete>(env.ActionSpace).N);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-2.4, 0.2)]
    [InlineData(2.4, -0.2)]
    [InlineData(99, 1.5)]
    [InlineData(-99, 3.1)]
    public void DrawText_AnyState_FitsInTwelveLinesOfEighty(double x, double theta)
    {
        var lines = new CartPole { State = (x, 0, theta, 0) }.DrawText().Split('\n');
        Assert.Equal(12, lines.Length);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains("[==o==]", lines[10], StringComparison.Ordinal);
    }

    [Fact]
    public void DrawText_UprightInTheMiddle_DrawsThePoleAboveTheCart()
    {
        var lines = new CartPole().DrawText().Split('\n');
        Assert.Equal("cart   0.00 m   0.00 m/s    pole     0.0 deg     0.0 deg/s", lines[0]);
        Assert.All(lines[1..10], line => Assert.Equal(39, line.IndexOf('|', StringComparison.Ordinal)));
        Assert.Equal(39, lines[10].IndexOf('o', StringComparison.Ordinal));
        Assert.Equal('|' + new string('-', 77) + '|', lines[11]);
    }

    // The equations of Gymnasium's cartpole.py, with the scalar functions of the base library.
    private static (double, double, double, double) Reference((double X, double V, double Theta, double W) state, bool right)
    {
        var (x, v, theta, w) = state;
        var force = right ? 10.0 : -10.0;
        var (sin, cos) = (Math.Sin(theta), Math.Cos(theta));
        var temp = (force + (0.05 * w * w * sin)) / 1.1;
        var thetaAcceleration = ((9.8 * sin) - (cos * temp)) / (0.5 * ((4.0 / 3.0) - (0.1 * cos * cos / 1.1)));
        var xAcceleration = temp - (0.05 * thetaAcceleration * cos / 1.1);
        return (x + (0.02 * v), v + (0.02 * xAcceleration), theta + (0.02 * w), w + (0.02 * thetaAcceleration));
    }

    private static (double, double, double, double) Step((double, double, double, double) state, int action)
    {
        var env = new CartPole { State = state };
        env.Step([action], new float[4]);
        return env.State;
    }

    // Relative to the number's size, or to one thousandth where a difference of larger terms comes near zero.
    private static void Near((double, double, double, double) expected, (double, double, double, double) actual)
    {
        Near(expected.Item1, actual.Item1);
        Near(expected.Item2, actual.Item2);
        Near(expected.Item3, actual.Item3);
        Near(expected.Item4, actual.Item4);

        static void Near(double expected, double actual) =>
            Assert.InRange(Math.Abs(actual - expected), 0, 1e-12 * Math.Max(Math.Abs(expected), 1e-3));
    }
}
