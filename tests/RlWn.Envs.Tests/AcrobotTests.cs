namespace RlWn.Envs.Tests;

public class AcrobotTests
{
    // Python, with s = [t1, t2, w1, w2] and action a:
    //   d1 = 0.25 + (1 + 0.25 + cos(t2)) + 2; d2 = 0.25 + 0.5*cos(t2) + 1; p2 = 0.5*9.8*cos(t1+t2-pi/2)
    //   p1 = -0.5*w2**2*sin(t2) - w2*w1*sin(t2) + 1.5*9.8*cos(t1-pi/2) + p2
    //   e2 = (a-1 + d2/d1*p1 - 0.5*w1**2*sin(t2) - p2)/(1.25 - d2**2/d1); f(s) = [w1, w2, -(d2*e2+p1)/d1, e2]
    //   k1 = f(s); k2 = f(s+.1*k1); k3 = f(s+.1*k2); k4 = f(s+.2*k3); s += .2/6*(k1+2*k2+2*k3+k4)
    //   angles by turns of 2*pi into -pi to pi, velocities into ±4*pi and ±9*pi; terminated = -cos(t1) - cos(t2+t1) > 1
    [Theory]
    [InlineData(0.05, -0.02, 0.01, 0.08, 2, 0.032319518136811096, 0.03644626069435132, -0.18117562192873987, 0.47146743832224247, false)]
    [InlineData(1.2, -0.7, 2.5, -4.0, 0, 1.5733056724166148, -1.3637877263674532, 1.2193370863882087, -2.667144116717439, false)]
    [InlineData(3.0, 0.3, 2.0, 1.5, 1, -2.8646828331547525, 0.5913869659770099, 2.301060322597824, 1.3151588533919738, true)]
    [InlineData(-3.1, 2.9, -11.0, 20.0, 2, 0.5289498607484457, 1.7795993957010658, -12.566370614359172, 24.188808220914936, false)]
    [InlineData(2.2, -1.0, -12.5, -28.0, 0, -0.994820837678021, 1.5873175169952418, 12.566370614359172, -28.274333882308138, false)]
    [InlineData(2.0, 1.5, 0.5, 0.5, 2, 1.9789933506579813, 1.7695751993061088, -0.6982638853148273, 2.188503399953346, true)]
    public void Step_GivenState_MatchesPython(
        double theta1, double theta2, double theta1Dot, double theta2Dot, int action,
        double nextTheta1, double nextTheta2, double nextTheta1Dot, double nextTheta2Dot, bool terminated)
    {
        var (env, observation) = (new Acrobot { State = (theta1, theta2, theta1Dot, theta2Dot) }, new float[6]);
        Assert.Equal(new StepResult(terminated ? 0 : -1, terminated), env.Step([action], observation));
        Agreement.Near(nextTheta1, env.State.Theta1);
        Agreement.Near(nextTheta2, env.State.Theta2);
        Agreement.Near(nextTheta1Dot, env.State.Theta1Dot);
        Agreement.Near(nextTheta2Dot, env.State.Theta2Dot);

        double[] seen = [Math.Cos(nextTheta1), Math.Sin(nextTheta1), Math.Cos(nextTheta2), Math.Sin(nextTheta2), nextTheta1Dot, nextTheta2Dot];
        for (var i = 0; i < 6; i++)
            Assert.Equal(seen[i], observation[i], 1e-6 * Math.Max(1, Math.Abs(seen[i])));
    }

    // The same Python, turning where the joint turns, from [0, 0, 0.01, 0]: step 73 is the last.
    [Fact]
    public void Step_TurningWhereTheJointTurns_SwingsUpAsInPython()
    {
        var (env, steps) = (new Acrobot { State = (0, 0, 0.01, 0) }, 1);
        while (!env.Step([env.State.Theta2Dot >= 0 ? 2 : 0], new float[6]).Terminated)
            steps++;
        Assert.Equal(73, steps);
        Assert.Equal(-1.7983232347421625, env.State.Theta1, 1e-8);   // a chaotic motion: rounding grows
        Assert.Equal(4.041249596389026, env.State.Theta2Dot, 1e-8);
    }

    // Kinetic plus potential energy of two rods stays where it was without a torque, but for the method's error.
    [Fact]
    public void Step_WithoutTorque_KeepsItsEnergy()
    {
        var env = new Acrobot { State = (1.0, -0.5, 0.3, 0.7) };
        var before = Energy(env.State);
        for (var step = 0; step < 20; step++)
            env.Step([1], new float[6]);
        Assert.Equal(before, Energy(env.State), 0.01 * Math.Abs(before));

        static double Energy((double Theta1, double Theta2, double Theta1Dot, double Theta2Dot) s)
        {
            var (first, both) = (s.Theta1Dot, s.Theta1Dot + s.Theta2Dot);
            var kinetic = (0.5 * (1 + 0.25 + 1) * first * first) + (0.5 * (1 + 0.25) * both * both) + (0.5 * Math.Cos(s.Theta2) * first * both);
            return kinetic - (9.8 * ((1.5 * Math.Cos(s.Theta1)) + (0.5 * Math.Cos(s.Theta1 + s.Theta2))));
        }
    }

    // The first four draws of new Rng(42, 0), -0.1 + 0.2 u each, as float32.
    [Fact]
    public void Reset_KnownDraws_AreUniformAndRoundedToFloats()
    {
        var env = new Acrobot();
        env.Reset(new Rng(42), new float[6]);
        Assert.Equal((float)(-0.1 + (0.2 * 0.12487061491907958)), env.State.Theta1);
        Assert.Equal((float)(-0.1 + (0.2 * 0.2948059921612778)), env.State.Theta2);
        Assert.Equal((float)(-0.1 + (0.2 * 0.5655895820032718)), env.State.Theta1Dot);
        Assert.Equal((float)(-0.1 + (0.2 * 0.611795821075038)), env.State.Theta2Dot);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Step_ActionOutsideTheSpace_IsRefused(int action) =>
        Assert.Throws<ArgumentException>(() => new Acrobot().Step([action], new float[6]));

    [Fact]
    public void Spaces_Are_ThoseOfGymnasium()
    {
        var box = Assert.IsType<Box>(new Acrobot().ObservationSpace);
        Assert.Equal([1, 1, 1, 1, 12.566371f, 28.274334f], box.High);
        Assert.Equal([-1, -1, -1, -1, -12.566371f, -28.274334f], box.Low);
        Assert.Equal(3, Assert.IsType<Discrete>(new Acrobot().ActionSpace).N);
    }

    [Fact]
    public void DrawText_Hanging_DrawsTheChainBelowTheLine()
    {
        var lines = new Acrobot().DrawText().Split('\n');
        Assert.Equal(20, lines.Length);
        Assert.Equal(new string('-', 45), lines[5]);   // 1 m, 4.5 rows, above the fixed end in line 10, rounded to even
        Assert.Equal(new string(' ', 22) + "o", lines[10]);
        Assert.All(lines[6..10], Assert.Empty);
        Assert.Equal(new string(' ', 22) + "*", lines[19]);
    }
}
