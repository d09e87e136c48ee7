using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>As <see cref="MountainCar"/>, with a push of any strength that costs its square.</summary>
/// <remarks>
/// <para>The constants and the order of operations of Gymnasium's MountainCarContinuous-v0, which keeps its state as float32 after every
/// step. The time limit of 999 steps is not part of the task: <see cref="EnvRegistry"/> adds it.</para>
/// <para>Observed are position and velocity. The action is the push a, from -1 (left) to 1 (right). A step gives -0.1 a², and 100 more when it
/// reaches the flag.</para>
/// </remarks>
public sealed partial class MountainCarContinuous : IEnv<float, float>, ITextView, IFrameView, ISavable
{
    private const double GoalPosition = 0.45;
    private readonly double[] state = new double[MountainCar.Physics.Size];

    /// <summary>Position and velocity, two floats; Box of -1.2 to 0.6 and ±0.07.</summary>
    public Space<float> ObservationSpace => Physics.ObservationSpace;

    /// <summary>The push, one float; Box of ±1.</summary>
    public Space<float> ActionSpace => Physics.Push;

    /// <summary>
    /// The whole state: position and velocity per step, in full precision until the first step and rounded to float32 by each. Set it to step
    /// from a state of one's own.
    /// </summary>
    public (double Position, double Velocity) State
    {
        get => (state[0], state[1]);
        set => (state[0], state[1]) = value;
    }

    /// <inheritdoc/>
    public void Reset(Random random, Span<float> observation) => OneLane<Physics, float>.Reset(random, state, observation);

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<float> action, Span<float> observation) => Physics.Push.Contains(action)
        ? OneLane<Physics, float>.Step(action[0], state, observation)
        : throw new ArgumentException($"Expected one action, from -1 to 1, got [{string.Join(", ", action.ToArray())}]. Clip it.", nameof(action));

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write(state);

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random) => reader.Read(state);

    /// <summary>The car's motion on the hill of <see cref="MountainCar"/>.</summary>
    internal readonly struct Physics : IPhysics<float>
    {
        public static readonly Box Push = new([1], -1, 1);
        private const double Power = 0.0015;

        public static Space<float> ObservationSpace => MountainCar.Physics.Observed;

        public static Space<float> ActionSpace => Push;

        public static int StateSize => MountainCar.Physics.Size;

        public static void Draw(Random random, Span<double> state) => MountainCar.Physics.Draw(random, state);

        public static uint Advance(Vector512<double> action, Span<Vector512<double>> state, out Vector512<double> reward)
        {
            var (position, velocity) = (state[0], state[1]);
            velocity += (action * Power) - (MountainCar.Physics.Gravity * LaneMath.SinCos(3 * position).Cos);
            MountainCar.Physics.Move(ref position, ref velocity);

            var isThere = MountainCar.Physics.IsThere(position, velocity, GoalPosition);
            reward = (isThere & Vector512.Create(100.0)) - (action * action * 0.1);
            (state[0], state[1]) = (Rounded(position), Rounded(velocity));
            return (uint)isThere.ExtractMostSignificantBits();
        }

        public static void Observe(ReadOnlySpan<Vector512<double>> state, Span<Vector512<double>> observation) => state.CopyTo(observation);

        private static Vector512<double> Rounded(Vector512<double> numbers)
        {
            var floats = Vector512.Narrow(numbers, numbers).GetLower();
            return Vector512.Create(Vector256.WidenLower(floats), Vector256.WidenUpper(floats));
        }
    }
}
