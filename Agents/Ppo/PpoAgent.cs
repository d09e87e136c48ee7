using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Ppo;

/// <summary>Proximal policy optimization with a clipped objective, on weight-normalized networks.</summary>
/// <remarks>
/// <para>
/// Schulman et al. 2017, arXiv:1707.06347, algorithm 1 and eq. 7 to 9; the details of implementation follow Huang et al. 2022,
/// "The 37 implementation details of PPO". An episode that is cut off is bootstrapped from its last state; one that terminates is not.
/// </para>
/// <para>
/// Continuous actions come from a Gaussian. What the environment gets is clipped to its bounds, or squashed between them by a tanh; what is learned from
/// is the action as drawn, so that log-probabilities and gradients stay those of the Gaussian, or lose by the tanh what a volume around the action does.
/// </para>
/// <para>Small networks are fastest on one torch thread: call <c>torch.set_num_threads(1)</c> first, in the thread that trains.</para>
/// </remarks>
public sealed class PpoAgent : IAgent
{
    private readonly VectorEnv envs;
    private readonly PpoOptions options;
    private readonly ulong seed;
    private readonly long totalSteps;
    private readonly Rng random;

    private readonly ActorCritic network;
    private readonly Acting acting;         // the network as of the last update, for collecting
    private readonly Learning learning;
    private readonly FlatParameters parameters;
    private readonly FlatAdam optimizer;
    private readonly Projection projection;
    private readonly Features features;
    private readonly Rollout rollout;
    private readonly Collector collector;

    private readonly int[] order;           // the rollout's transitions, shuffled anew in every epoch
    private readonly Minibatch batch;
    private readonly PpoLoss loss;
    private readonly float[] output;        // logits or means of the minibatch, [B, K]
    private readonly float[] value;         // V of the minibatch, [B]
    private readonly float[] byOutput;      // ∂L/∂output, [B, K]
    private readonly float[] byValue;       // ∂L/∂V, [B]
    private readonly float[] byLogStd;      // ∂L/∂log σ, [K]

    /// <summary>Makes an agent with fresh networks.</summary>
    /// <param name="envs">The environments to learn in, as many as <see cref="PpoOptions.Environments"/>; not owned.</param>
    /// <param name="options">Settings.</param>
    /// <param name="network">How the networks are built.</param>
    /// <param name="seed">Decides everything that is random: weights, environments, actions, minibatches.</param>
    /// <param name="device">Where the networks learn.</param>
    /// <param name="totalSteps">When training ends and schedules reach zero, in environment steps; rounded up to whole rollouts.</param>
    /// <exception cref="ArgumentException">The vector's size or spaces do not fit.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">The settings contradict each other.</exception>
    public PpoAgent(VectorEnv envs, PpoOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(envs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        network.Validate();
        if (envs.Count != options.Environments)
            throw new ArgumentException($"Expected {options.Environments} environments as ppo.environments says, got {envs.Count}.", nameof(envs));

        (this.envs, this.options, this.seed, this.totalSteps) = (envs, options, seed, totalSteps);
        random = new Rng(seed, stream: ulong.MaxValue);   // apart from every environment's stream

        features = new Features(envs.ObservationSpace);
        using var scope = NewDisposeScope();
        this.network = ActorCritics.Make(envs, network, seed, device);
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        optimizer = new FlatAdam(parameters, epsilon: options.AdamEpsilon, scaleLearningRate: network.ScaleLearningRate);
        projection = new Projection(this.network, network.ProjectEvery);
        acting = new Acting(this.network);
        rollout = new Rollout(options.RolloutSteps, envs);
        collector = new Collector(envs, acting, random, "ppo");

        order = [.. Enumerable.Range(0, rollout.Count)];
        loss = new PpoLoss(options);
        var size = rollout.Count / options.Minibatches;
        batch = new Minibatch(size, envs.ObservationSpace, envs.ActionSpace, network.ActionBounds);
        (output, byOutput) = (new float[size * acting.PolicyOutputs], new float[size * acting.PolicyOutputs]);
        (value, byValue) = (new float[size], new float[size]);
        byLogStd = new float[acting.LogStd.Length];
        learning = new Learning(this.network, parameters, size);
    }

    /// <inheritdoc/>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    public bool ResumesExactly => envs.CanSave;

    /// <inheritdoc/>
    /// <remarks>Each report closes one rollout and what was learned from it.</remarks>
    public IEnumerable<TrainingReport> Train()
    {
        if (Steps == 0)
            Start();

        while (Steps < totalSteps)
        {
            Collect();                       // T steps of the current policy in N environments
            var metrics = Update();          // K epochs of minibatches on the clipped objective

            Steps += rollout.Count;
            yield return new TrainingReport(Steps, Updates, collector.Episodes.Take(), metrics);
        }
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) => PolicySnapshot.Of(network, envs, metadata);

    /// <inheritdoc/>
    public IReadOnlyList<LayerDiagnostics> Diagnose()
    {
        var learningRate = options.LearningRateSchedule.At(options.LearningRate, (double)(Steps - rollout.Count) / totalSteps);
        return Diagnosis.Of(network, parameters, learningRate, Updates, features, batch.Observations);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Steps);
        writer.Write(Updates);
        parameters.Save(writer);
        optimizer.Save(writer);
        writer.Write(random);
        writer.WriteAll<int>(order);
        Resumption.Save(envs, collector.Episodes, writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (Steps, Updates) = (reader.ReadInt64(), reader.ReadInt64());
        parameters.Load(reader);
        optimizer.Load(reader);
        random.State = reader.ReadRng().State;
        reader.ReadAll<int>(order, "the order of a rollout's transitions");
        Resumption.Load(envs, collector.Episodes, reader, seed, Steps);
        acting.Refresh();
    }

    private void Start()
    {
        ActorCritics.SetScales(network, envs, collector, seed);
        acting.Refresh();
        envs.Reset(seed);
    }

    private void Collect()
    {
        collector.Collect(rollout, Steps);
        rollout.Estimate(options.Gamma, options.Lambda);
    }

    private Metric[] Update()
    {
        var done = (double)Steps / totalSteps;
        var learningRate = options.LearningRateSchedule.At(options.LearningRate, done);
        var clip = options.ClipSchedule.At(options.Clip, done);

        var epoch = 0;
        do
        {
            loss.Clear();
            random.Shuffle(order);
            for (var start = 0; start < order.Length; start += batch.Size)
                Learn(order.AsSpan(start, batch.Size), learningRate, clip);
        }
        while (++epoch < options.Epochs && !(loss.ApproximateKl > options.TargetKl));

        acting.Refresh();
        Metric[] metrics =
        [
            .. loss.Metrics,   // of the last epoch
            new("learning_rate", learningRate),
            new("clip_range", clip),
            new("epochs", epoch),
        ];
        Finite.Require(metrics, Steps, "ppo");
        return [.. metrics, new("explained_variance", Returns.ExplainedVariance(rollout.Values, rollout.Targets))];
    }

    // One optimizer step on one minibatch.
    private void Learn(ReadOnlySpan<int> indices, double learningRate, double clip)
    {
        using var scope = NewDisposeScope();
        rollout.Gather(indices, batch);
        if (options.NormalizeAdvantages)
            batch.NormalizeAdvantages();

        learning.Forward(features.Read(batch.Observations), output, value);
        loss.Evaluate(output, value, ActorCritics.LogStd(network), batch, clip, new() { Output = byOutput, Value = byValue, LogStd = byLogStd });
        learning.Backward(byOutput, byValue, byLogStd);

        loss.AddGradientNorm(Finite.ClipGradients(parameters, options.MaxGradientNorm, Steps, "ppo"));
        optimizer.Step(learningRate);
        projection.After(++Updates);
    }

    /// <summary>Frees the networks and what was collected; the environments stay.</summary>
    public void Dispose()
    {
        acting.Dispose();
        learning.Dispose();
        optimizer.Dispose();
        projection.Dispose();
        parameters.Dispose();
        network.Dispose();
    }
}
