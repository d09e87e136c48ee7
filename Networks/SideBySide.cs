namespace RlWn.Networks;

/// <summary>Runs a policy's and a value's pass side by side, on the caller's thread and one of the pool. Which thread does what changes no bit of the results.</summary>
/// <remarks>Both passes are plain C#: libtorch's settings belong to a thread.</remarks>
internal static unsafe class SideBySide
{
    public delegate void ForwardPass(Observations observations, Span<float> output);

    public delegate void BackwardPass(ReadOnlySpan<float> byOutput);

    /// <summary>Runs two forward passes over the same observations.</summary>
    public static void Run(Observations observations, Span<float> policy, Span<float> values, ForwardPass ofPolicy, ForwardPass ofValue)
    {
        var (numbers, scale, areBytes) = (observations.Length, observations.Scale, observations.AreBytes);
        var count = values.Length;
        fixed (float* floats = observations.Numbers, outputs = values)
        fixed (byte* bytes = observations.Bytes)
        {
            var (x, seen, y) = ((nint)floats, (nint)bytes, (nint)outputs);
            var beside = Task.Run(() => ofValue(
                areBytes ? new(new ReadOnlySpan<byte>((byte*)seen, numbers), scale) : new(new ReadOnlySpan<float>((float*)x, numbers)), new((float*)y, count)));
            try
            {
                ofPolicy(observations, policy);
            }
            finally
            {
                beside.GetAwaiter().GetResult();   // before what it writes to may move; here, if no thread has taken it up yet
            }
        }
    }

    /// <summary>Runs two backward passes.</summary>
    public static void Run(ReadOnlySpan<float> byPolicy, ReadOnlySpan<float> byValue, BackwardPass ofPolicy, BackwardPass ofValue)
    {
        var count = byValue.Length;
        fixed (float* gradients = byValue)
        {
            var by = (nint)gradients;
            var beside = Task.Run(() => ofValue(new((float*)by, count)));
            try
            {
                ofPolicy(byPolicy);
            }
            finally
            {
                beside.GetAwaiter().GetResult();
            }
        }
    }
}

/// <summary>Outputs of a network that is policy and value at once: K of the policy in each row, then V.</summary>
internal static class SharedOutputs
{
    /// <summary>Takes them apart; what there is no room for is left out.</summary>
    public static void Split(ReadOnlySpan<float> both, int choices, Span<float> policy, Span<float> values)
    {
        for (var row = 0; row < both.Length / (choices + 1); row++)
        {
            var own = both.Slice(row * (choices + 1), choices + 1);
            if (!values.IsEmpty)
                values[row] = own[choices];
            if (!policy.IsEmpty)
                own[..choices].CopyTo(policy[(row * choices)..]);
        }
    }

    /// <summary>Puts them together.</summary>
    public static void Join(ReadOnlySpan<float> policy, ReadOnlySpan<float> values, int choices, Span<float> both)
    {
        for (var row = 0; row < values.Length; row++)
        {
            var own = both.Slice(row * (choices + 1), choices + 1);
            policy.Slice(row * choices, choices).CopyTo(own);
            own[choices] = values[row];
        }
    }
}
