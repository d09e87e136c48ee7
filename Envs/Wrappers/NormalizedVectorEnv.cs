using System.ComponentModel.DataAnnotations;

namespace RlWn.Envs;

/// <summary>What <see cref="NormalizedVectorEnv"/> brings to a common scale, and how.</summary>
public sealed record NormalizationOptions
{
    /// <summary>Whether observations are shifted and scaled to mean 0 and variance 1.</summary>
    public bool Observations { get; init; } = true;

    /// <summary>Whether rewards are divided by the standard deviation of the discounted return.</summary>
    public bool Rewards { get; init; } = true;

    /// <summary>Discount γ of that return per step: the agent's.</summary>
    [Range(0.0, 1.0)] public double Gamma { get; init; } = 0.99;

    /// <summary>Normalized observations beyond ± this are cut off, and rewards where <see cref="RewardClip"/> says nothing else.</summary>
    [Range(1e-3, 1e6)] public float Clip { get; init; } = 10;

    /// <summary>Normalized rewards beyond ± this are cut off; null is <see cref="Clip"/>.</summary>
    [Range(1e-3, 1e6)] public float? RewardClip { get; init; }

    /// <summary>Added to a variance before its root is divided by.</summary>
    [Range(0.0, 1.0)] public double Epsilon { get; init; } = 1e-8;
}

/// <summary>
/// A vector whose observations have, number by number, about mean 0 and variance 1, and whose rewards about the scale of 1, by the statistics of
/// what was seen so far.
/// </summary>
/// <remarks>
/// <para>Observations become (x - mean) / √(variance + ε), rewards r / √(variance of G + ε) with G ← γ G + r the discounted sum so far of each
/// running episode; each is cut off at ± its clip. Rewards are not shifted, which would change what is best. This is what Gymnasium's
/// NormalizeObservation and NormalizeReward and Stable-Baselines3's VecNormalize do. Final observations are normalized by the same numbers, and
/// not counted.</para>
/// <para><see cref="Frozen"/> keeps the statistics as they are, as is right for evaluation. A policy trained on this vector needs
/// <see cref="ObservationStatistics"/> wherever it acts: keep mean and variance with its weights. Returns to report are those of
/// <see cref="Inner"/>, whose buffers hold what the tasks gave.</para>
/// </remarks>
public sealed class NormalizedVectorEnv : VectorEnv
{
    private readonly float[] returns;   // G of each running episode

    /// <summary>Makes the vector around another.</summary>
    /// <param name="inner">The vector, of float observations where those are normalized; disposed together with this one.</param>
    /// <param name="options">What to normalize; null for the defaults.</param>
    /// <exception cref="ArgumentException">Observations are to be normalized and are not floats.</exception>
    public NormalizedVectorEnv(VectorEnv inner, NormalizationOptions? options = null)
        : base(Required(inner, options ??= new()).Count, Normalized(inner.ObservationSpace, options), inner.ActionSpace)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        (Inner, Options) = (inner, options);
        returns = new float[Count];
        ObservationStatistics = new RunningStatistics(inner.ObservationSpace.Size);
    }

    /// <summary>What is normalized, and how.</summary>
    public NormalizationOptions Options { get; }

    /// <summary>The vector inside, whose buffers hold observations and rewards as the tasks gave them.</summary>
    public VectorEnv Inner { get; }

    /// <summary>Mean and variance of each number of the observations.</summary>
    public RunningStatistics ObservationStatistics { get; }

    /// <summary>Mean and variance of the discounted return, over every step of every environment.</summary>
    public RunningStatistics ReturnStatistics { get; } = new(1);

    /// <summary>Whether the statistics stay as they are.</summary>
    public bool Frozen { get; set; }

    /// <inheritdoc/>
    public override bool CanSave => Inner.CanSave;

    /// <inheritdoc/>
    public override void Reset(ulong seed)
    {
        var observations = Observations;
        Inner.Reset(seed);
        Array.Clear(returns);
        CountObservations();
        Normalize(Inner.Observations, observations);
    }

    /// <inheritdoc/>
    public override void Step()
    {
        Send();
        Receive();
    }

    /// <summary>Normalizes one observation, or several, by the present statistics: what a policy does with what it sees elsewhere.</summary>
    /// <param name="from">Observations as a task gives them, row after row.</param>
    /// <param name="to">Receives them normalized; may be the same memory.</param>
    public void NormalizeObservations(ReadOnlySpan<float> from, Span<float> to)
    {
        var mean = ObservationStatistics.Mean;
        var variance = ObservationStatistics.Variance;
        for (var i = 0; i < from.Length; i++)
        {
            var column = i % mean.Length;
            to[i] = Clipped((from[i] - mean[column]) / Math.Sqrt(variance[column] + Options.Epsilon), Options.Clip);
        }
    }

    /// <inheritdoc/>
    protected override void StartStep()
    {
        Actions.Bytes.CopyTo(Inner.Actions.Bytes);
        Inner.Send();
    }

    /// <inheritdoc/>
    protected override void FinishStep()
    {
        Inner.Receive();
        CountObservations();
        Normalize(Inner.Observations, Observations);
        Normalize(Inner.FinalObservations, FinalObservations);
        NormalizeRewards();
        Inner.Terminated.CopyTo(TerminatedToWrite);
        Inner.Truncated.CopyTo(TruncatedToWrite);
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        SaveStatistics(writer);
        foreach (var sum in returns)
            writer.Write(sum);
        Inner.Save(writer);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        LoadStatistics(reader);
        foreach (ref var sum in returns.AsSpan())
            sum = reader.ReadSingle();
        Inner.Load(reader);
    }

    /// <summary>Writes the statistics alone, to be kept with an agent whose environments start anew or cannot be saved.</summary>
    /// <param name="writer">Where to.</param>
    public void SaveStatistics(BinaryWriter writer)
    {
        ObservationStatistics.Save(writer);
        ReturnStatistics.Save(writer);
    }

    /// <summary>Reads what <see cref="SaveStatistics"/> wrote.</summary>
    /// <param name="reader">Where from.</param>
    /// <exception cref="InvalidDataException">What was read cannot be such statistics.</exception>
    public void LoadStatistics(BinaryReader reader)
    {
        ObservationStatistics.Load(reader);
        ReturnStatistics.Load(reader);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Inner.Dispose();
        base.Dispose(disposing);
    }

    private void CountObservations()
    {
        if (Options.Observations && !Frozen)
            ObservationStatistics.Add(Inner.Observations.All<float>());
    }

    private void Normalize(Batch from, Batch to)
    {
        if (Options.Observations)
            NormalizeObservations(from.All<float>(), to.All<float>());
        else
            from.Bytes.CopyTo(to.Bytes);
    }

    private void NormalizeRewards()
    {
        var rewards = RewardsToWrite;
        Inner.Rewards.CopyTo(rewards);
        if (!Options.Rewards)
            return;

        if (!Frozen)
        {
            for (var i = 0; i < Count; i++)
                returns[i] = (float)((returns[i] * Options.Gamma) + rewards[i]);
            ReturnStatistics.Add(returns);
            for (var i = 0; i < Count; i++)
                returns[i] = Inner.Terminated[i] | Inner.Truncated[i] ? 0 : returns[i];
        }

        var scale = 1 / Math.Sqrt(ReturnStatistics.Variance[0] + Options.Epsilon);
        foreach (ref var reward in rewards)
            reward = Clipped(reward * scale, Options.RewardClip ?? Options.Clip);
    }

    // NaN stays NaN, to be found.
    private static float Clipped(double number, float clip) => (float)Math.Clamp(number, -clip, clip);

    private static VectorEnv Required(VectorEnv inner, NormalizationOptions options)
    {
        ArgumentNullException.ThrowIfNull(inner);
        return inner.ObservationSpace is Box || !options.Observations
            ? inner
            : throw new ArgumentException($"Expected observations of floats, got {inner.ObservationSpace}. Pixels are scaled by the network.", nameof(inner));
    }

    private static Space Normalized(Space space, NormalizationOptions options) =>
        options.Observations ? new Box([.. space.Shape], -options.Clip, options.Clip) : space;
}
