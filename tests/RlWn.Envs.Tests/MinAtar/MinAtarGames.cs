namespace RlWn.Envs.Tests;

/// <summary>The five games by name, and states of one's own for them.</summary>
internal static class MinAtarGames
{
    /// <summary>Every action as chosen.</summary>
    public static readonly MinAtarOptions AsChosen = new() { StickyProbability = 0 };

    public static TheoryData<string> Names => ["Breakout", "Asterix", "Freeway", "Seaquest", "SpaceInvaders"];

    public static MinAtarGame Create(string name, MinAtarOptions? options = null) => name switch
    {
        "Breakout" => new Breakout(options),
        "Asterix" => new Asterix(options),
        "Freeway" => new Freeway(options),
        "Seaquest" => new Seaquest(options),
        "SpaceInvaders" => new SpaceInvaders(options),
        _ => throw new ArgumentException($"Expected one of the five games, got {name}.", nameof(name)),
    };

    /// <summary>A game that goes on from a state: the numbers that it saves after the last action and whether it has ended.</summary>
    /// <param name="game">The game.</param>
    /// <param name="random">What it draws from.</param>
    /// <param name="state">The game's own fields, in the order of its VisitState.</param>
    public static MinAtarGame In(MinAtarGame game, Random random, params IEnumerable<int> state)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        foreach (var number in (IEnumerable<int>)[0, 0, .. state])
            writer.Write(number);

        stream.Position = 0;
        game.Load(new BinaryReader(stream), random);
        Assert.Equal(stream.Length, stream.Position);
        return game;
    }

    /// <summary>The game's own fields, likewise.</summary>
    public static int[] StateOf(MinAtarGame game)
    {
        var bytes = BytesOf(game);
        return [.. Enumerable.Range(2, (bytes.Length / 4) - 2).Select(i => BitConverter.ToInt32(bytes, 4 * i))];
    }

    public static byte[] BytesOf(MinAtarGame game)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        game.Save(writer);
        return stream.ToArray();
    }

    /// <summary>Where a channel has flags after a step or reset: (x, y), row by row.</summary>
    public static (int X, int Y)[] Cells(ReadOnlySpan<byte> observation, int channel)
    {
        var flags = observation.Slice(channel * 100, 100).ToArray();
        return [.. Enumerable.Range(0, 100).Where(i => flags[i] == 1).Select(i => (i % 10, i / 10))];
    }

    /// <summary>Does an action and gives the result and the observation.</summary>
    public static (StepResult Result, byte[] Observation) Do(MinAtarGame game, MinAtarAction action)
    {
        var observation = new byte[game.ObservationSpace.Size];
        return (game.Step([game.Actions.IndexOf(action)], observation), observation);
    }
}

/// <summary>A random source of which every draw is the same: NextDouble gives the number, an integer is the least one.</summary>
internal sealed class SameDraws(double number) : Random(0)
{
    public override double NextDouble() => number;

    public override int Next(int maxValue) => 0;

    public override int Next(int minValue, int maxValue) => minValue;
}
