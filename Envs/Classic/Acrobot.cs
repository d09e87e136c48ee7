using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>Two links hang in a chain, with a motor between them; swing the free end above the line.</summary>
/// <remarks>
/// <para>Sutton 1996, "Generalization in reinforcement learning: successful examples using sparse coarse coding", with the equations of
/// motion of Sutton and Barto's book and the constants and order of operations of Gymnasium's Acrobot-v1. The time limit of 500 steps is not
/// part of the task: <see cref="EnvRegistry"/> adds it.</para>
/// <para>Observed are cosine and sine of the first link's angle θ₁ from hanging, cosine and sine of the second's angle θ₂ from the first, and
/// both angular velocities (rad/s). Actions 0, 1 and 2 are torques of -1, 0 and 1 N m. A step gives -1, or 0 if the free end has come
/// more than 1 m above the fixed one, which ends the episode.</para>
/// </remarks>
public sealed partial class Acrobot : IEnv<float, int>, ITextView, IFrameView, ISavable
{
    private readonly double[] state = new double[Physics.Size];

    /// <summary>cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁ and θ̇₂ (rad/s), six floats; Box of ±1 four times, ±4π and ±9π.</summary>
    public Space<float> ObservationSpace => Physics.Observed;

    /// <summary>0, 1 and 2 are torques of -1, 0 and 1 N m.</summary>
    public Space<int> ActionSpace => Physics.Torques;

    /// <summary>
    /// The whole state, in full precision: angles θ₁ from hanging and θ₂ from the first link (rad) and their velocities (rad/s). Set it to
    /// step from a state of one's own.
    /// </summary>
    public (double Theta1, double Theta2, double Theta1Dot, double Theta2Dot) State
    {
        get => (state[0], state[1], state[2], state[3]);
        set => (state[0], state[1], state[2], state[3]) = value;
    }

    /// <inheritdoc/>
    public void Reset(Random random, Span<float> observation) => OneLane<Physics, int>.Reset(random, state, observation);

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation) => Physics.Torques.Contains(action)
        ? OneLane<Physics, int>.Step(action[0], state, observation)
        : throw new ArgumentException($"Expected one action, 0, 1 or 2 (torques of -1, 0, 1 N m), got [{string.Join(", ", action.ToArray())}].", nameof(action));

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write(state);

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random) => reader.Read(state);

    /// <summary>The links' motion, by one step of the classical Runge-Kutta method of fourth order.</summary>
    internal readonly struct Physics : IPhysics<int>
    {
        public const double StepsPerSecond = 1 / Tau;
        public const int Size = 4;
        public static readonly Box Observed = new(
            low: [-1, -1, -1, -1, -(float)MaxSpeed1, -(float)MaxSpeed2], high: [1, 1, 1, 1, (float)MaxSpeed1, (float)MaxSpeed2]);
        public static readonly Discrete Torques = new(3);

        private const double Mass = 1, Length = 1, ToCentre = 0.5, Inertia = 1, Gravity = 9.8;   // kg, m, m, kg m², m/s²; both links alike
        private const double Tau = 0.2;                                                          // s in a step
        private const double MaxSpeed1 = 4 * Math.PI, MaxSpeed2 = 9 * Math.PI;                   // rad/s
        private const double Spread = 0.1;   // a new episode starts within U(-0.1, 0.1) of hanging at rest, in all four numbers

        public static Space<float> ObservationSpace => Observed;

        public static Space<int> ActionSpace => Torques;

        public static int StateSize => Size;

        public static void Draw(Random random, Span<double> state)
        {
            foreach (ref var number in state)
                number = (float)random.NextUniform(-Spread, Spread);
        }

        public static uint Advance(Vector512<double> action, Span<Vector512<double>> state, out Vector512<double> reward)
        {
            var torque = action - Vector512<double>.One;
            var start = new Links(state[0], state[1], state[2], state[3]);

            var k1 = Derivative(start, torque);
            var k2 = Derivative(start.Plus(Tau / 2, k1), torque);
            var k3 = Derivative(start.Plus(Tau / 2, k2), torque);
            var k4 = Derivative(start.Plus(Tau, k3), torque);

            var theta1 = LaneMath.Wrap(Sum(start.Theta1, k1.Theta1, k2.Theta1, k3.Theta1, k4.Theta1));
            var theta2 = LaneMath.Wrap(Sum(start.Theta2, k1.Theta2, k2.Theta2, k3.Theta2, k4.Theta2));
            state[0] = theta1;
            state[1] = theta2;
            state[2] = Within(MaxSpeed1, Sum(start.Theta1Dot, k1.Theta1Dot, k2.Theta1Dot, k3.Theta1Dot, k4.Theta1Dot));
            state[3] = Within(MaxSpeed2, Sum(start.Theta2Dot, k1.Theta2Dot, k2.Theta2Dot, k3.Theta2Dot, k4.Theta2Dot));

            var height = -LaneMath.SinCos(theta1).Cos - LaneMath.SinCos(theta2 + theta1).Cos;
            var isThere = Vector512.GreaterThan(height, Vector512<double>.One);
            reward = Vector512.AndNot(Vector512.Create(-1.0), isThere);
            return (uint)isThere.ExtractMostSignificantBits();
        }

        public static void Observe(ReadOnlySpan<Vector512<double>> state, Span<Vector512<double>> observation)
        {
            (observation[1], observation[0]) = LaneMath.SinCos(state[0]);
            (observation[3], observation[2]) = LaneMath.SinCos(state[1]);
            (observation[4], observation[5]) = (state[2], state[3]);
        }

        // Sutton and Barto's equations, in which the second link feels the first one's turning (the conference paper leaves that term out).
        private static Links Derivative(in Links links, Vector512<double> torque)
        {
            const double Coupling = Mass * Length * ToCentre;
            var (theta1, theta2, theta1Dot, theta2Dot) = (links.Theta1, links.Theta2, links.Theta1Dot, links.Theta2Dot);
            var (sin2, cos2) = LaneMath.SinCos(theta2);

            var d1 = (2 * Coupling * cos2)
                + Vector512.Create((Mass * ToCentre * ToCentre) + (Mass * ((Length * Length) + (ToCentre * ToCentre))) + Inertia + Inertia);
            var d2 = (Coupling * cos2) + Vector512.Create((Mass * ToCentre * ToCentre) + Inertia);
            var phi2 = Mass * ToCentre * Gravity * CosFromLevel(theta1 + theta2);
            var phi1 = (-Coupling * (theta2Dot * theta2Dot) * sin2)
                - (2 * Coupling * theta2Dot * theta1Dot * sin2)
                + (((Mass * ToCentre) + (Mass * Length)) * Gravity * CosFromLevel(theta1))
                + phi2;

            var theta2Acceleration = (torque + (d2 / d1 * phi1) - (Coupling * (theta1Dot * theta1Dot) * sin2) - phi2)
                / (Vector512.Create((Mass * ToCentre * ToCentre) + Inertia) - (d2 * d2 / d1));
            var theta1Acceleration = -((d2 * theta2Acceleration) + phi1) / d1;
            return new Links(theta1Dot, theta2Dot, theta1Acceleration, theta2Acceleration);
        }

        private static Vector512<double> CosFromLevel(Vector512<double> angle) => LaneMath.SinCos(angle - Vector512.Create(Math.PI / 2)).Cos;

        private static Vector512<double> Sum(
            Vector512<double> start, Vector512<double> k1, Vector512<double> k2, Vector512<double> k3, Vector512<double> k4) =>
            start + (Tau / 6 * (k1 + (2 * k2) + (2 * k3) + k4));

        private static Vector512<double> Within(double limit, Vector512<double> numbers) =>
            Vector512.Clamp(numbers, Vector512.Create(-limit), Vector512.Create(limit));

        /// <summary>Eight states, or how fast each of their numbers changes (per second).</summary>
        private readonly record struct Links(
            Vector512<double> Theta1, Vector512<double> Theta2, Vector512<double> Theta1Dot, Vector512<double> Theta2Dot)
        {
            public Links Plus(double seconds, in Links change) => new(
                Theta1 + (seconds * change.Theta1), Theta2 + (seconds * change.Theta2),
                Theta1Dot + (seconds * change.Theta1Dot), Theta2Dot + (seconds * change.Theta2Dot));
        }
    }
}
