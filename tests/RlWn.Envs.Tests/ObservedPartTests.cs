namespace RlWn.Envs.Tests;

public class ObservedPartTests
{
    [Fact]
    public void Step_CartPoleWithoutVelocities_IsCartPoleSeenInPart()
    {
        var (whole, seen) = (new float[4], new float[2]);
        var (task, part) = (new CartPole(), new ObservedPart<int>(new CartPole(), 2, 0));   // in the order asked for
        task.Reset(new Rng(3), whole);
        part.Reset(new Rng(3), seen);
        for (var step = 0; step < 8; step++)
        {
            Assert.Equal([whole[2], whole[0]], seen);
            Assert.Equal(task.Step([step % 2], whole), part.Step([step % 2], seen));
        }

        Assert.Equal(new Box([-0.41887903f, -4.8f], [0.41887903f, 4.8f]).ToString(), part.ObservationSpace.ToString());
    }

    [Fact]
    public void Make_NumbersThatAreNotThere_AreRefused()
    {
        Assert.StartsWith(
            "Expected numbers of an observation to see, each from 0 to 3, got [0, 4].",
            Assert.Throws<ArgumentException>(() => new ObservedPart<int>(new CartPole(), 0, 4)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ObservedPart<int>(new CartPole()));
    }
}
