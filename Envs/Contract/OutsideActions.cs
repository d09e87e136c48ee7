namespace RlWn.Envs;

/// <summary>Actions that do not lie in a space, of every kind that its bounds allow.</summary>
internal static class OutsideActions
{
    public static IReadOnlyList<TAction[]> Of<TAction>(Space<TAction> space) where TAction : unmanaged
    {
        var inside = new TAction[space.Size];
        space.Sample(new Rng(0), inside);

        IEnumerable<TAction[]> actions = [[], [.. inside, inside[0]]];
        for (var i = 0; i < space.Size; i++)
        {
            foreach (var number in Numbers(space, i).Cast<TAction>())
            {
                TAction[] action = [.. inside];
                action[i] = number;
                actions = actions.Append(action);
            }
        }

        return [.. actions.Where(action => !space.Contains(action))];
    }

    private static IEnumerable<object> Numbers(Space space, int i) => space switch
    {
        Discrete discrete => [-1, discrete.N, int.MinValue, int.MaxValue],
        MultiDiscrete several => [-1, several.Choices[i], int.MinValue, int.MaxValue],
        Box box => [float.NaN, MathF.BitDecrement(box.Low[i]), MathF.BitIncrement(box.High[i])],
        ByteBox box => [(byte)Math.Min(byte.MaxValue, box.High + 1)],
        _ => [],
    };
}
