using Xunit;

namespace RlWn.Inference.Tests;

internal static class Allocations
{
    public static void AssertNone(Action act)
    {
        act();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            act();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
