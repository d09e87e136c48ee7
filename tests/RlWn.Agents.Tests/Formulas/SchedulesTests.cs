using RlWn.Agents.Formulas;

namespace RlWn.Agents.Tests.Formulas;

public class SchedulesTests
{
    [Theory]
    [InlineData(Schedule.Constant, 0.0, 0.2)]
    [InlineData(Schedule.Constant, 1.0, 0.2)]
    [InlineData(Schedule.Linear, 0.0, 0.2)]
    [InlineData(Schedule.Linear, 0.75, 0.05)]
    [InlineData(Schedule.Linear, 1.0, 0.0)]
    public void At_InitialOfOneFifth_MatchesHandCalculation(Schedule schedule, double done, double expected) =>
        Assert.Equal(expected, schedule.At(0.2, done), 12);

    [Fact]
    public void At_UnknownSchedule_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => ((Schedule)7).At(1, 0));
}
