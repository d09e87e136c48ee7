using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>A pole stands on a cart; push the cart left or right so that the pole stays up and the cart on its track.</summary>
/// <remarks>
/// <para>Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning control problems", with the
/// constants and the order of operations of Gymnasium's CartPole-v1. The time limit of 500 steps is not part of the task:
/// <see cref="EnvRegistry"/> adds it.</para>
/// <para>Observed are four numbers: the cart's position (m) and velocity (m/s), the pole's angle from upright (rad, clockwise is
/// positive) and its angular velocity (rad/s). Action 0 pushes left, 1 right. Every step gives reward 1, the one that ends the
/// episode too.</para>
/// <para><see cref="CartPoleVector"/> steps many at once, by the same physics and to the same bits.</para>
/// </remarks>
public sealed partial class CartPole : IEnv<float, int>, ITextView, IFrameView, ISavable
{
    private const double Gravity = 9.8;                     // m/s²
    private const double CartMass = 1.0;                    // kg
    private const double PoleMass = 0.1;                    // kg
    private const double TotalMass = CartMass + PoleMass;
    private const double HalfLength = 0.5;                  // m, from the hinge to the pole's centre
    private const double PoleMassLength = PoleMass * HalfLength;
    private const double Force = 10.0;                      // N
    private const double Tau = 0.02;                        // s in a step
    private const double PositionLimit = 2.4;               // m from the middle of the track
    private const double AngleLimit = 12 * 2 * Math.PI / 360;
    private const double Spread = 0.05;                     // a new episode starts within U(-0.05, 0.05) of rest, in all four numbers

    // Twice the limits, so that the observation of a fallen pole lies within as well.
    internal static readonly Box Observed = new(
        low: [-(float)(2 * PositionLimit), float.NegativeInfinity, -(float)(2 * AngleLimit), float.NegativeInfinity],
        high: [(float)(2 * PositionLimit), float.PositiveInfinity, (float)(2 * AngleLimit), float.PositiveInfinity]);

    internal static readonly Discrete Pushes = new(2);

    /// <summary>Position, velocity, angle and angular velocity, four floats; Box of ±4.8 m, any, ±24° in radians, any.</summary>
    public Space<float> ObservationSpace => Observed;

    /// <summary>0 pushes left, 1 right.</summary>
    public Space<int> ActionSpace => Pushes;

    /// <summary>
    /// The whole state, in full precision: position x (m), velocity ẋ (m/s), angle θ (rad) and angular velocity θ̇ (rad/s). Set it to
    /// step from a state of one's own.
    /// </summary>
    public (double X, double XDot, double Theta, double ThetaDot) State { get; set; }

    /// <inheritdoc/>
    public void Reset(Random random, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        State = Draw(random);
        Observe(State, observation);
    }

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!Pushes.Contains(action))
        {
            throw new ArgumentException(
                $"Expected one action, 0 (left) or 1 (right), got [{string.Join(", ", action.ToArray())}].", nameof(action));
        }

        var state = State;
        var lost = Advance(action[0], ref state);

        State = state;
        Observe(state, observation);
        return new StepResult(Reward: 1, Terminated: lost);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write([State.X, State.XDot, State.Theta, State.ThetaDot]);

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random)
    {
        Span<double> state = stackalloc double[4];
        reader.Read(state);
        State = (state[0], state[1], state[2], state[3]);
    }

    /// <summary>The state that an episode starts from.</summary>
    internal static (double X, double XDot, double Theta, double ThetaDot) Draw(Random random) =>
        (random.NextUniform(-Spread, Spread), random.NextUniform(-Spread, Spread),
         random.NextUniform(-Spread, Spread), random.NextUniform(-Spread, Spread));

    /// <summary>What is seen of a state: the same four numbers, as floats.</summary>
    internal static void Observe((double X, double XDot, double Theta, double ThetaDot) state, Span<float> observation)
    {
        observation[3] = (float)state.ThetaDot;
        observation[2] = (float)state.Theta;
        observation[1] = (float)state.XDot;
        observation[0] = (float)state.X;
    }

    /// <summary>One step of one cart: that of eight, with one lane in use. Returns whether the cart or the pole is lost.</summary>
    internal static bool Advance(int action, ref (double X, double XDot, double Theta, double ThetaDot) state)
    {
        var (x, xDot) = (Vector512.CreateScalar(state.X), Vector512.CreateScalar(state.XDot));
        var (theta, thetaDot) = (Vector512.CreateScalar(state.Theta), Vector512.CreateScalar(state.ThetaDot));

        var lost = Advance(Vector256.CreateScalar(action), ref x, ref xDot, ref theta, ref thetaDot);

        state = (x.ToScalar(), xDot.ToScalar(), theta.ToScalar(), thetaDot.ToScalar());
        return (lost & 1) != 0;
    }

    /// <summary>One step of eight carts, by Euler's explicit method: positions move with the velocities from before the step.</summary>
    /// <param name="actions">0 or 1 for each.</param>
    /// <param name="x">Positions (m), before the step and then after it; likewise the other three.</param>
    /// <param name="xDot">Velocities (m/s).</param>
    /// <param name="theta">Angles (rad).</param>
    /// <param name="thetaDot">Angular velocities (rad/s).</param>
    /// <returns>One bit for each cart: 1 where the pole fell or the cart left its track.</returns>
    /// <remarks>
    /// Florian 2007, "Correct equations for the dynamics of the cart-pole system", without friction; in Gymnasium's order of operations.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Advance(
        Vector256<int> actions,
        ref Vector512<double> x, ref Vector512<double> xDot, ref Vector512<double> theta, ref Vector512<double> thetaDot)
    {
        var wide = Vector512.Create(Vector256.WidenLower(actions), Vector256.WidenUpper(actions));
        var pushedLeft = Vector512.Equals(wide, Vector512<long>.Zero);
        var force = Vector512.ConditionalSelect(pushedLeft.AsDouble(), Vector512.Create(-Force), Vector512.Create(Force));
        var (sin, cos) = LaneMath.SinCos(theta);

        var temp = (force + (PoleMassLength * (thetaDot * thetaDot) * sin)) / TotalMass;
        var thetaAcceleration = ((Gravity * sin) - (cos * temp))
            / (HalfLength * (Vector512.Create(4.0 / 3.0) - (PoleMass * (cos * cos) / TotalMass)));
        var xAcceleration = temp - (PoleMassLength * thetaAcceleration * cos / TotalMass);

        x += Tau * xDot;
        xDot += Tau * xAcceleration;
        theta += Tau * thetaDot;
        thetaDot += Tau * thetaAcceleration;

        var left = Vector512.GreaterThan(Vector512.Abs(x), Vector512.Create(PositionLimit));
        var fell = Vector512.GreaterThan(Vector512.Abs(theta), Vector512.Create(AngleLimit));
        return (uint)(left | fell).ExtractMostSignificantBits();
    }
}
