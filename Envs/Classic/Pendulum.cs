using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>A pendulum hangs on a motor that is too weak to lift it; swing it up and keep it upright.</summary>
/// <remarks>
/// <para>The constants and the order of operations of Gymnasium's Pendulum-v1: a rod of 1 m and 1 kg under a gravity of 10 m/s². The time
/// limit of 200 steps is not part of the task: <see cref="EnvRegistry"/> adds it, and nothing else ends an episode.</para>
/// <para>Observed are the cosine and the sine of the angle θ from upright and the angular velocity θ̇ (rad/s). The action is the torque u
/// (N m), from -2 to 2. A step gives -(θ² + 0.1 θ̇² + 0.001 u²), of the state before it, θ taken from -π to π.</para>
/// </remarks>
public sealed partial class Pendulum : IEnv<float, float>, ITextView, IFrameView, ISavable
{
    private readonly double[] state = new double[Physics.Size];

    /// <summary>cos θ, sin θ and θ̇ (rad/s), three floats; Box of ±1, ±1 and ±8.</summary>
    public Space<float> ObservationSpace => Physics.Observed;

    /// <summary>The torque, one float in N m; Box of ±2.</summary>
    public Space<float> ActionSpace => Physics.Torque;

    /// <summary>
    /// The whole state, in full precision: angle θ from upright (rad, counter-clockwise, not wrapped) and angular velocity θ̇ (rad/s). Set it
    /// to step from a state of one's own.
    /// </summary>
    public (double Theta, double ThetaDot) State
    {
        get => (state[0], state[1]);
        set => (state[0], state[1]) = value;
    }

    /// <inheritdoc/>
    public void Reset(Random random, Span<float> observation) => OneLane<Physics, float>.Reset(random, state, observation);

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<float> action, Span<float> observation) => Physics.Torque.Contains(action)
        ? OneLane<Physics, float>.Step(action[0], state, observation)
        : throw new ArgumentException($"Expected one action, from -2 to 2, got [{string.Join(", ", action.ToArray())}]. Clip it.", nameof(action));

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write(state);

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random) => reader.Read(state);

    /// <summary>The pendulum's motion, by Euler's method: the angle moves with the new velocity.</summary>
    internal readonly struct Physics : IPhysics<float>
    {
        public const double StepsPerSecond = 1 / Tau;
        public const int Size = 2;
        public static readonly Box Observed = new(low: [-1, -1, -(float)MaxSpeed], high: [1, 1, (float)MaxSpeed]);
        public static readonly Box Torque = new([1], -2, 2);
        private const double Gravity = 10, Length = 1, Mass = 1;   // m/s², m, kg
        private const double Tau = 0.05;                           // s in a step
        private const double MaxSpeed = 8;                         // rad/s

        public static Space<float> ObservationSpace => Observed;

        public static Space<float> ActionSpace => Torque;

        public static int StateSize => Size;

        public static void Draw(Random random, Span<double> state) =>
            (state[0], state[1]) = (random.NextUniform(-Math.PI, Math.PI), random.NextUniform(-1, 1));

        public static uint Advance(Vector512<double> action, Span<Vector512<double>> state, out Vector512<double> reward)
        {
            var (theta, thetaDot) = (state[0], state[1]);
            var wrapped = LaneMath.Wrap(theta);
            reward = -((wrapped * wrapped) + (0.1 * (thetaDot * thetaDot)) + (0.001 * (action * action)));

            // A rod about its end: its moment of inertia is a third of mass times length squared.
            var acceleration = (LaneMath.SinCos(theta).Sin * (3 * Gravity / (2 * Length))) + (action * (3 / (Mass * Length * Length)));
            thetaDot = Vector512.Clamp(thetaDot + (acceleration * Tau), Vector512.Create(-MaxSpeed), Vector512.Create(MaxSpeed));
            (state[0], state[1]) = (theta + (thetaDot * Tau), thetaDot);
            return 0;
        }

        public static void Observe(ReadOnlySpan<Vector512<double>> state, Span<Vector512<double>> observation) =>
            ((observation[1], observation[0]), observation[2]) = (LaneMath.SinCos(state[0]), state[1]);
    }
}
