namespace RlWn.Envs;

/// <summary>FNV-1a over what comes of steps, by which two long trajectories are compared.</summary>
internal static class Hash
{
    public const ulong Start = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    public static ulong Of(ulong hash, ReadOnlySpan<byte> bytes, StepResult result = default)
    {
        foreach (var value in bytes)
            hash = (hash ^ value) * Prime;
        hash = (hash ^ BitConverter.SingleToUInt32Bits(result.Reward)) * Prime;
        return (hash ^ (result.Terminated ? 1u : 0) ^ (result.Truncated ? 2u : 0)) * Prime;
    }
}
