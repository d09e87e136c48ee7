namespace RlWn.Envs.Tests;

public class PendulumTests
{
    // Python: n = (th+pi) % (2*pi) - pi; reward = -(n**2 + 0.1*w**2 + 0.001*u**2); w = min(max(w + (15*sin(th) + 3*u)*0.05, -8), 8); th += w*0.05
    [Theory]
    [InlineData(3.141592653589793, 0.0, 0.0f, 3.141592653589793, 9.184850993605151e-17, -9.869604401089358)]
    [InlineData(0.1, -0.2, 2.0f, 0.10874375312425606, 0.17487506248512114, -0.01800000000000002)]
    [InlineData(-2.5, 7.9, -1.5f, -2.138692705403898, 7.226145891922033, -12.49325)]
    [InlineData(4.0, -3.0, 0.25f, 3.8234949064259527, -3.5301018714809462, -6.112997646920742)]
    [InlineData(-20.3, 1.0, -2.0f, -20.302228740218847, -0.04457480437693029, -2.2077880247432815)]
    [InlineData(3.0, 7.99, 2.0f, 3.4, 8, -15.38801)]
    public void Step_GivenState_MatchesPython(double theta, double thetaDot, float action, double nextTheta, double nextThetaDot, double reward)
    {
        var (env, observation) = (new Pendulum { State = (theta, thetaDot) }, new float[3]);
        var result = env.Step([action], observation);

        Assert.Equal(reward, result.Reward, 1e-6 * Math.Abs(reward));
        Assert.False(result.Ended);
        Agreement.Near(nextTheta, env.State.Theta);
        Agreement.Near(nextThetaDot, env.State.ThetaDot);
        Assert.Equal(Math.Cos(nextTheta), observation[0], 1e-7);
        Assert.Equal(Math.Sin(nextTheta), observation[1], 1e-7);
        Assert.Equal((float)nextThetaDot, observation[2], 1e-7f);
    }

    // The same Python, turning where it goes, from hanging: in 100 steps it goes over the top several times, and θ is not wrapped.
    [Fact]
    public void Step_TurningWhereItGoes_MatchesPython()
    {
        var (env, total) = (new Pendulum { State = (Math.PI, 0) }, 0.0);
        for (var step = 0; step < 100; step++)
            total += env.Step([env.State.ThetaDot >= 0 ? 2 : -2], new float[3]).Reward;
        Assert.Equal(21.846517192680395, env.State.Theta, 1e-9);
        Assert.Equal(8, env.State.ThetaDot);
        Assert.Equal(-730.1855128266901, total, 1e-3);
    }

    // The whole range of the sine's argument reduction, against the base library's.
    [Fact]
    public void Step_AnglesFarFromZero_MatchTheEquation()
    {
        for (var theta = 0.01; theta < 1e7; theta *= 1.37)
        {
            var (env, observation) = (new Pendulum { State = (-theta, 0) }, new float[3]);
            env.Step([0], observation);
            Assert.Equal(0.75 * Math.Sin(-theta), env.State.ThetaDot, 1e-15);
            Assert.Equal(Math.Cos(env.State.Theta), observation[0], 1e-7);
        }
    }

    // The first two draws of new Rng(42, 0), -π + 2π u and -1 + 2 u.
    [Fact]
    public void Reset_KnownDraws_AreUniform()
    {
        var env = new Pendulum();
        env.Reset(new Rng(42), new float[3]);
        Assert.Equal(Math.PI * ((2 * 0.12487061491907958) - 1), env.State.Theta, 1e-15);
        Assert.Equal((2 * 0.2948059921612778) - 1, env.State.ThetaDot, 1e-15);
    }

    [Theory]
    [InlineData(2.01f)]
    [InlineData(float.NaN)]
    public void Step_ActionOutsideTheSpace_IsRefused(float action) =>
        Assert.Throws<ArgumentException>(() => new Pendulum().Step([action], new float[3]));

    [Fact]
    public void Spaces_Are_ThoseOfGymnasium()
    {
        Assert.Equal("Box([-1..1, -1..1, -8..8])", new Pendulum().ObservationSpace.ToString());
        Assert.Equal("Box([1], -2..2)", new Pendulum().ActionSpace.ToString());
    }

    [Fact]
    public void DrawText_Upright_DrawsTheRodAboveTheAxle()
    {
        var lines = new Pendulum().DrawText().Split('\n');
        Assert.Equal("angle     0.0 deg        0.0 deg/s", lines[0]);
        Assert.All(lines[1..9], line => Assert.Equal(new string(' ', 20) + "#", line));
        Assert.Equal(new string(' ', 20) + "o", lines[9]);
        Assert.All(lines[10..], Assert.Empty);
    }
}
