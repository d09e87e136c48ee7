namespace RlWn.Envs.Tests;

public class NearestTests
{
    [Theory]
    [InlineData("gama", "gamma")]        // one letter missing
    [InlineData("lamda", "lambda")]
    [InlineData("CLIPS", "clip")]        // another case, one letter too many
    [InlineData("gamma", "gamma")]
    [InlineData("epoch", "epochs")]
    [InlineData("xyz", null)]
    [InlineData("", null)]
    public void Of_Word_IsTheCandidateOfFewestEdits(string word, string? nearest) =>
        Assert.Equal(nearest, Nearest.Of(word, ["gamma", "lambda", "clip", "epochs"]));

    [Fact]
    public void Of_EquallyNear_IsTheFirst() => Assert.Equal("ac", Nearest.Of("ad", ["xyz", "ac", "ab"]));

    [Fact]
    public void Of_NoCandidates_IsNull() => Assert.Null(Nearest.Of("gamma", []));
}
