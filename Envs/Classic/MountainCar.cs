using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>A car in a valley is too weak for the hill before it; swing it back and forth until it reaches the flag.</summary>
/// <remarks>
/// <para>Moore 1990, "Efficient memory-based learning for robot control", with the constants and the order of operations of Gymnasium's
/// MountainCar-v0. The time limit of 200 steps is not part of the task: <see cref="EnvRegistry"/> adds it.</para>
/// <para>Observed are position and velocity. Action 0 pushes left, 1 not at all, 2 right. Every step gives reward -1, the one that reaches
/// the flag too.</para>
/// </remarks>
public sealed partial class MountainCar : IEnv<float, int>, ITextView, IFrameView, ISavable
{
    private const double GoalPosition = 0.5;
    private readonly double[] state = new double[Physics.Size];

    /// <summary>Position and velocity, two floats; Box of -1.2 to 0.6 and ±0.07.</summary>
    public Space<float> ObservationSpace => Physics.Observed;

    /// <summary>0 pushes left, 1 not at all, 2 right.</summary>
    public Space<int> ActionSpace => Physics.Pushes;

    /// <summary>The whole state, in full precision: position and velocity per step. Set it to step from a state of one's own.</summary>
    public (double Position, double Velocity) State
    {
        get => (state[0], state[1]);
        set => (state[0], state[1]) = value;
    }

    /// <inheritdoc/>
    public void Reset(Random random, Span<float> observation) => OneLane<Physics, int>.Reset(random, state, observation);

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation) => Physics.Pushes.Contains(action)
        ? OneLane<Physics, int>.Step(action[0], state, observation)
        : throw new ArgumentException($"Expected one action, 0 (left), 1 (none) or 2 (right), got [{string.Join(", ", action.ToArray())}].", nameof(action));

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write(state);

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random) => reader.Read(state);

    /// <summary>The car's motion. Position is along the track's shadow on the ground, velocity per step.</summary>
    internal readonly struct Physics : IPhysics<int>
    {
        public const int Size = 2;
        public static readonly Discrete Pushes = new(3);
        private const double Force = 0.001;

        // What the continuous task shares: the hill, its ends, and where the car starts.
        internal const double Gravity = 0.0025, MinPosition = -1.2, MaxPosition = 0.6, MaxSpeed = 0.07;
        internal static readonly Box Observed = new(
            low: [(float)MinPosition, -(float)MaxSpeed], high: [(float)MaxPosition, (float)MaxSpeed]);

        public static Space<float> ObservationSpace => Observed;

        public static Space<int> ActionSpace => Pushes;

        public static int StateSize => Size;

        public static void Draw(Random random, Span<double> state) => (state[0], state[1]) = (random.NextUniform(-0.6, -0.4), 0);

        public static uint Advance(Vector512<double> action, Span<Vector512<double>> state, out Vector512<double> reward)
        {
            var (position, velocity) = (state[0], state[1]);
            velocity += ((action - Vector512<double>.One) * Force) + (LaneMath.SinCos(3 * position).Cos * -Gravity);
            Move(ref position, ref velocity);

            (state[0], state[1]) = (position, velocity);
            reward = Vector512.Create(-1.0);
            return (uint)IsThere(position, velocity, GoalPosition).ExtractMostSignificantBits();
        }

        public static void Observe(ReadOnlySpan<Vector512<double>> state, Span<Vector512<double>> observation) => state.CopyTo(observation);

        /// <summary>Moves by the velocity, within the limits of both; the wall on the left stops the car.</summary>
        internal static void Move(ref Vector512<double> position, ref Vector512<double> velocity)
        {
            velocity = Vector512.Clamp(velocity, Vector512.Create(-MaxSpeed), Vector512.Create(MaxSpeed));
            position = Vector512.Clamp(position + velocity, Vector512.Create(MinPosition), Vector512.Create(MaxPosition));
            var isAtWall = Vector512.Equals(position, Vector512.Create(MinPosition)) & Vector512.LessThan(velocity, Vector512<double>.Zero);
            velocity = Vector512.ConditionalSelect(isAtWall, Vector512<double>.Zero, velocity);
        }

        /// <summary>All bits of a lane where the car has reached the flag and does not roll back.</summary>
        internal static Vector512<double> IsThere(Vector512<double> position, Vector512<double> velocity, double goal) =>
            Vector512.GreaterThanOrEqual(position, Vector512.Create(goal)) & Vector512.GreaterThanOrEqual(velocity, Vector512<double>.Zero);
    }
}
