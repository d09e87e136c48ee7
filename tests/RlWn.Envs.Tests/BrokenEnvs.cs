namespace RlWn.Envs.Tests;

internal sealed class ThrowsAtStepFive : SoundEnv
{
    protected override float Reward() => Steps < 5 ? 0 : throw new NotSupportedException("five");
}

internal sealed class MakesSpacesAnew : SoundEnv
{
    public override Space<float> ObservationSpace => new Box([2], -100, 100);
}

internal sealed class LeavesANumberUnwritten : SoundEnv
{
    protected override void Write(Span<float> observation) => observation[0] = Position;
}

internal sealed class LeavesANumberUnwrittenAtReset : SoundEnv
{
    protected override void Write(Span<float> observation)
    {
        observation[0] = Position;
        if (Steps > 0)
            observation[1] = Steps;
    }
}

internal sealed class ObservesBeyondItsBox : SoundEnv
{
    protected override void Write(Span<float> observation) => (observation[0], observation[1]) = (Position, 1000);
}

internal sealed class ObservesNaN : SoundEnv
{
    protected override void Write(Span<float> observation) => (observation[0], observation[1]) = (Position, Steps == 7 ? float.NaN : 0);
}

internal sealed class RewardsInfinity : SoundEnv
{
    protected override float Reward() => 1f / (Steps - 3);
}

internal sealed class DrawsFromElsewhere : SoundEnv
{
    public override void Reset(Random random, Span<float> observation) => base.Reset(System.Random.Shared, observation);
}

internal sealed class CarriesOverEpisodes : SoundEnv
{
    private int total;

    public override StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        total++;
        return base.Step(action, observation);
    }

    protected override float Reward() => total;
}

internal sealed class IgnoresItsSeed : SoundEnv
{
    public override void Reset(Random random, Span<float> observation)
    {
        random.NextDouble();
        base.Reset(new Rng(1), observation);
    }
}

internal sealed class AcceptsEveryAction : SoundEnv
{
    private static readonly int[] Right = [1];

    public override StepResult Step(ReadOnlySpan<int> action, Span<float> observation) => base.Step(Right, observation);
}

internal sealed class FailsOnAForeignAction : SoundEnv
{
    public override StepResult Step(ReadOnlySpan<int> action, Span<float> observation) =>
        ActionSpace.Contains(action) ? base.Step(action, observation) : throw new NotSupportedException();
}

internal sealed class KeepsItsFirstRandom : SoundEnv
{
    private Random? first;

    public override void Reset(Random random, Span<float> observation)
    {
        base.Reset(random, observation);
        first ??= random;
    }

    protected override float Reward() => first!.NextSingle();
}

internal sealed class Allocates : SoundEnv
{
    private object? last;

    protected override float Reward()
    {
        last = new object();
        return last.GetHashCode() > 0 ? 1 : 1;
    }
}

internal sealed class DrawsTooWide : SoundEnv, ITextView
{
    public string DrawText() => new('-', 81);
}

/// <summary>Tasks made one after another are alike only while one of them is in use.</summary>
internal sealed class SharesState : SoundEnv
{
    [ThreadStatic]
    private static int resetsInARow;

    public override void Reset(Random random, Span<float> observation)
    {
        base.Reset(random, observation);
        resetsInARow++;
    }

    public override StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        var result = base.Step(action, observation);
        if (resetsInARow > 4)   // four tasks and more were reset together
            result = result with { Reward = -1 };
        resetsInARow = 0;
        return result;
    }
}

/// <summary>Keeps every rule, saving and frames included; the classes below break one.</summary>
internal class SavableEnv : SoundEnv, ISavable, IFrameView
{
    public virtual (int Height, int Width) FrameSize => (2, 3);

    public double FramesPerSecond => 30;

    public virtual void DrawFrame(Span<byte> rgb) => rgb.Fill((byte)Steps);

    public virtual void Save(BinaryWriter writer)
    {
        writer.Write(Position);
        writer.Write(Steps);
    }

    public virtual void Load(BinaryReader reader, Random random)
    {
        (Position, Steps) = (reader.ReadSingle(), reader.ReadInt32());
        TakeRandom(random);
    }
}

internal sealed class SavesHalf : SavableEnv
{
    public override void Save(BinaryWriter writer) => writer.Write(Position);

    public override void Load(BinaryReader reader, Random random)
    {
        Position = reader.ReadSingle();
        TakeRandom(random);
    }
}

internal sealed class LoadsLessThanItSaves : SavableEnv
{
    public override void Save(BinaryWriter writer)
    {
        base.Save(writer);
        writer.Write(0);
    }
}

internal sealed class ForgetsTheRandomItLoads : SavableEnv
{
    public override void Load(BinaryReader reader, Random random) => base.Load(reader, new Rng(0));
}

internal sealed class LeavesPixelsUnwritten : SavableEnv
{
    public override void DrawFrame(Span<byte> rgb) => rgb[..9].Clear();
}

internal sealed class MovesWhenDrawn : SavableEnv
{
    public override void DrawFrame(Span<byte> rgb)
    {
        rgb.Clear();
        Position += 0.001f;
    }
}

internal sealed class HasNoFrame : SavableEnv
{
    public override (int Height, int Width) FrameSize => (0, 3);
}
