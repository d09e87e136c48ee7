namespace RlWn.Envs;

/// <summary>Something that crosses Seaquest's sea: a bullet, a fish, a submarine or a diver. What a kind has no use for is 0.</summary>
internal struct Mover
{
    /// <summary>Column, row, whether it moves right; how many steps until it moves and until it shoots.</summary>
    public int X, Y, Timer, ShotTimer;

    public bool Right;

    /// <summary>The column behind it.</summary>
    public readonly int Behind => Right ? X - 1 : X + 1;

    public void Advance() => X += Right ? 1 : -1;

    public readonly bool IsAt(int x, int y) => X == x && Y == y;
}

/// <summary>Movers in the order in which they came, as a Python list holds them; nothing is allocated after the start.</summary>
/// <param name="name">What they are, for errors.</param>
/// <param name="capacity">More than there can ever be at once.</param>
internal sealed class Movers(string name, int capacity)
{
    private readonly Mover[] items = new Mover[capacity];

    public int Count { get; private set; }

    public ref Mover this[int index] => ref items.AsSpan(0, Count)[index];

    public ReadOnlySpan<Mover> All => items.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Add(Mover mover)
    {
        if (Count == items.Length)
        {
            throw new InvalidOperationException(
                $"Expected at most {items.Length} {name} at once, got one more. Only a state that no game reaches can lead there.");
        }

        items[Count++] = mover;
    }

    /// <summary>The first one in a cell, or -1.</summary>
    public int FirstAt(int x, int y)
    {
        for (var i = 0; i < Count; i++)
        {
            if (items[i].IsAt(x, y))
                return i;
        }

        return -1;
    }

    public void RemoveAt(int index)
    {
        items.AsSpan(index + 1, Count - index - 1).CopyTo(items.AsSpan(index));
        Count--;
    }

    public void Visit(StateFields fields, int greatestTimer, int greatestShotTimer)
    {
        var count = Count;
        fields.Number(ref count, 0, items.Length, $"number of {name}");
        Count = count;
        foreach (ref var mover in items.AsSpan(0, Count))
        {
            fields.Number(ref mover.X, 0, 9, $"column of {name}");
            fields.Number(ref mover.Y, 0, 8, $"row of {name}");
            fields.Flag(ref mover.Right, $"direction of {name}");
            fields.Number(ref mover.Timer, 0, greatestTimer, $"timer of {name}");
            fields.Number(ref mover.ShotTimer, 0, greatestShotTimer, $"shot timer of {name}");
        }
    }
}
