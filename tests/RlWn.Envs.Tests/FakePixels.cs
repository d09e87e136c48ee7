namespace RlWn.Envs.Tests;

/// <summary>Shows the frames that it was given, one after another; frame k rewards k, and the last ends the episode.</summary>
internal sealed class FakePixels(int[] shape, params byte[][] frames) : IEnv<byte, int>, ISavable
{
    private int frame;

    public Space<byte> ObservationSpace { get; } = new ByteBox(shape);

    public Space<int> ActionSpace { get; } = new Discrete(2);

    public int Resets { get; private set; }

    public void Reset(Random random, Span<byte> observation)
    {
        Resets++;
        frame = 0;
        frames[0].CopyTo(observation);
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        frame++;
        frames[frame].CopyTo(observation);
        return new StepResult(frame, Terminated: frame == frames.Length - 1);
    }

    public void Save(BinaryWriter writer) => writer.Write(frame);

    public void Load(BinaryReader reader, Random random) => frame = reader.ReadInt32();
}
