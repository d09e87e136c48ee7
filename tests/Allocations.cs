namespace RlWn.Testing;

/// <summary>What code allocates on the thread that runs it.</summary>
internal static class Allocations
{
    private const int Rounds = 5;

    /// <summary>Bytes allocated in a round, by the round that allocates least: what code allocates it does every time, where the runtime has something to do now and then.</summary>
    /// <param name="round">Warmed up.</param>
    /// <param name="before">What comes before each round and is not counted.</param>
    public static long Of(Action round, Action? before = null)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Rounds && least > 0; i++)
        {
            before?.Invoke();
            var start = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - start);
        }

        return least;
    }

    /// <summary>Asserts that a hundred times in a row, after a first one, allocate nothing.</summary>
    public static void AssertNone(Action act)
    {
        act();
        Xunit.Assert.Equal(0, Of(() =>
        {
            for (var i = 0; i < 100; i++)
                act();
        }));
    }
}
