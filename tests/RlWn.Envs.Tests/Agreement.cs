namespace RlWn.Envs.Tests;

internal static class Agreement
{
    /// <summary>To 1e-12 of the number's size, or of one thousandth where a difference of larger terms comes near zero.</summary>
    public static void Near(double expected, double actual) =>
        Assert.InRange(Math.Abs(actual - expected), 0, 1e-12 * Math.Max(Math.Abs(expected), 1e-3));
}
