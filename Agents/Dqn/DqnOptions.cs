using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Formulas;
using RlWn.Networks;

namespace RlWn.Agents.Dqn;

/// <summary>What a Q-network says of an action's return.</summary>
public enum ReturnModel
{
    /// <summary>Its mean: one number an action (Mnih et al. 2015).</summary>
    Mean,

    /// <summary>The probability of each of a row of fixed atoms: C51 (Bellemare, Dabney and Munos 2017).</summary>
    Categorical,

    /// <summary>Its quantiles: QR-DQN (Dabney et al. 2018).</summary>
    Quantile,
}

/// <summary>What an error of the mean costs.</summary>
public enum ErrorLoss
{
    /// <summary>½ e² up to 1, and beyond it a line of slope 1.</summary>
    Huber,

    /// <summary>½ e².</summary>
    Squared,
}

/// <summary>Settings of <see cref="DqnAgent"/>. The defaults are plain DQN's for classic control; each part of Rainbow is a switch of its own.</summary>
public sealed record DqnOptions
{
    /// <summary>N: how many environments are stepped together.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 1;

    /// <summary>Discount γ per step. Nearer 1 looks further ahead: 0.99 looks about 100 steps.</summary>
    [Range(0.0, 1.0)] public double Gamma { get; init; } = 0.99;

    /// <summary>
    /// What rewards are multiplied by before they are learned from; reports keep the task's own. Hidden biases start at zero and Adam moves each by
    /// about α an update: values of about 1 are in reach at once, values of 100 are not.
    /// </summary>
    [Range(1e-9, 1e9)] public double RewardScale { get; init; } = 1;

    /// <summary>α: Adam's learning rate at the start.</summary>
    [Range(0.0, 1.0)] public double LearningRate { get; init; } = 2.5e-4;

    /// <summary>How the learning rate changes over the run.</summary>
    public Schedule LearningRateSchedule { get; init; } = Schedule.Constant;

    /// <summary>ε of Adam.</summary>
    [Range(1e-12, 1.0)] public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>The gradient's norm is scaled down to this.</summary>
    [Range(1e-6, 1e9)] public double MaxGradientNorm { get; init; } = 10;

    /// <summary>Transitions that are kept, over all environments; an episode's last observation takes a place too.</summary>
    [Range(1, 100_000_000)] public int BufferSize { get; init; } = 10_000;

    /// <summary>B: transitions in an update.</summary>
    [Range(1, 65_536)] public int BatchSize { get; init; } = 128;

    /// <summary>Environment steps before the first update.</summary>
    [Range(1, 1_000_000_000)] public long LearningStarts { get; init; } = 10_000;

    /// <summary>Environment steps from one round of updates to the next.</summary>
    [Range(1, 1_000_000)] public int TrainEvery { get; init; } = 10;

    /// <summary>Updates in a round.</summary>
    [Range(1, 1_000_000)] public int UpdatesPerRound { get; init; } = 1;

    /// <summary>Environment steps from one moving of the target network to the next.</summary>
    [Range(1, 1_000_000_000)] public int SyncTargetEvery { get; init; } = 500;

    /// <summary>How far the target network moves towards the online one each time: 1 copies it, 0.005 every step is the soft update of DDPG.</summary>
    [Range(1e-6, 1.0)] public double TargetStep { get; init; } = 1;

    /// <summary>ε at the start: the probability of an action by chance.</summary>
    [Range(0.0, 1.0)] public double EpsilonStart { get; init; } = 1;

    /// <summary>ε once exploration has come down.</summary>
    [Range(0.0, 1.0)] public double EpsilonEnd { get; init; } = 0.05;

    /// <summary>The share of the run over which ε falls linearly.</summary>
    [Range(0.0, 1.0)] public double ExplorationFraction { get; init; } = 0.5;

    /// <summary>
    /// Whether the fully connected layers have noise that is learned (Fortunato et al. 2018). Exploration then comes from it alone, and the three
    /// settings of ε have no effect.
    /// </summary>
    public bool Noisy { get; init; }

    /// <summary>σ₀: the noise of a weight starts at this over the root of the layer's inputs.</summary>
    [Range(1e-6, 100.0)] public double NoiseStart { get; init; } = 0.5;

    /// <summary>What an error costs, for the return model mean; quantile has Huber's with the slope of its quantile.</summary>
    public ErrorLoss Loss { get; init; } = ErrorLoss.Huber;

    /// <summary>Whether the online network chooses the next action and the target network judges it (van Hasselt et al. 2016).</summary>
    public bool DoubleQ { get; init; }

    /// <summary>Whether the network says the value of a state and the advantages of actions apart (Wang et al. 2016).</summary>
    public bool Dueling { get; init; }

    /// <summary>n: rewards that are looked ahead before the value is asked (Sutton 1988; Hessel et al. 2018).</summary>
    [Range(1, 1000)] public int Steps { get; init; } = 1;

    /// <summary>Whether transitions of which more is to be learned are drawn more often (Schaul et al. 2016).</summary>
    public bool Prioritized { get; init; }

    /// <summary>ω: how much priorities count, 0 not at all.</summary>
    [Range(0.0, 1.0)] public double PriorityExponent { get; init; } = 0.5;

    /// <summary>β at the start, growing linearly to 1: how much of the bias that priorities bring is taken away.</summary>
    [Range(0.0, 1.0)] public double ImportanceStart { get; init; } = 0.4;

    /// <summary>What the network says of an action's return.</summary>
    public ReturnModel Returns { get; init; } = ReturnModel.Mean;

    /// <summary>M: atoms or quantiles, for the return models that have some.</summary>
    [Range(2, 1000)] public int Atoms { get; init; } = 51;

    /// <summary>The lowest atom of the categorical return model, in units of the return.</summary>
    [Range(-1e9, 1e9)] public double ValueMin { get; init; } = -10;

    /// <summary>The highest atom of the categorical return model.</summary>
    [Range(-1e9, 1e9)] public double ValueMax { get; init; } = 10;

    /// <summary>k: of how many frames an observation is stacked, so that the replay keeps each frame once; 1 keeps observations whole.</summary>
    [Range(1, 64)] public int FrameStack { get; init; } = 1;

    /// <summary>Whether a checkpoint holds the replay too; without it a resumed run collects anew before it learns on.</summary>
    public bool SaveReplay { get; init; } = true;

    /// <summary>Environment steps from one report to the next.</summary>
    [Range(1, 1_000_000_000)] public int ReportEvery { get; init; } = 500;

    /// <summary>Checks the ranges of single settings, and what they cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of its range, or settings contradict each other.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "dqn");
        if (Returns == ReturnModel.Categorical && !(ValueMin < ValueMax))
            throw new ValidationException($"Expected dqn.valueMin below dqn.valueMax, got {ValueMin} and {ValueMax}. Choose bounds that returns stay between.");
        if (LearningStarts > BufferSize)
        {
            throw new ValidationException(
                $"Expected dqn.learningStarts of at most dqn.bufferSize {BufferSize}, got {LearningStarts}. Make the buffer larger or start earlier.");
        }
    }
}
