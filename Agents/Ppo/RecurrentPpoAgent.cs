using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Ppo;

/// <summary>Proximal policy optimization with a memory: an LSTM between the observations and the policy, and one before the value, for tasks that do not show their state.</summary>
/// <remarks>
/// <para>
/// As <see cref="PpoAgent"/>, but for three things. While acting, h and c are kept of each environment, and are zero at the start of each episode. A minibatch is
/// the whole sequences of some environments, from the h and c that the rollout started with, so that gradients flow back through its steps. And the value of a
/// state in which an episode was cut off is that of the state given all that was seen before it.
/// </para>
/// <para>
/// Schulman et al. 2017, arXiv:1707.06347. The LSTM stands before the hidden layers, where Mnih et al. 2016, arXiv:1602.01783, section 5.1, have it after the final
/// one. The details of implementation follow Huang et al. 2022, "The 37 implementation details of PPO", five details of LSTMs.
/// </para>
/// </remarks>
public sealed class RecurrentPpoAgent : IAgent
{
    private readonly VectorEnv envs;
    private readonly PpoOptions options;
    private readonly ulong seed;
    private readonly long totalSteps;
    private readonly Rng random;

    private readonly ActorCritic network;
    private readonly RecurrentActing acting;     // the network as of the last update, with what it remembers, for collecting
    private readonly RecurrentLearning learning;
    private readonly FlatParameters parameters;
    private readonly FlatAdam optimizer;
    private readonly Projection projection;
    private readonly Features features;
    private readonly Rollout rollout;
    private readonly Collector collector;
    private readonly RecurrentState[] startStates;   // what was remembered when the rollout started

    private readonly int[] order;                // the environments, shuffled anew in every epoch
    private readonly int[] indices;              // the minibatch's transitions, [T, N / M]
    private readonly bool[] starts;              // whether an episode starts with each of them
    private readonly RecurrentState[] batchStates;
    private readonly Minibatch batch;
    private readonly PpoLoss loss;
    private readonly float[] output;             // logits or means of the minibatch, [B, K]
    private readonly float[] value;              // V of the minibatch, [B]
    private readonly float[] byOutput;           // ∂L/∂output, [B, K]
    private readonly float[] byValue;            // ∂L/∂V, [B]
    private readonly float[] byLogStd;           // ∂L/∂log σ, [K]

    /// <summary>Makes an agent with fresh networks.</summary>
    /// <param name="envs">The environments to learn in, as many as <see cref="PpoOptions.Environments"/>; not owned.</param>
    /// <param name="options">Settings. Minibatches divide environments.</param>
    /// <param name="network">How the networks are built, <see cref="NetworkOptions.Lstm"/> above 0.</param>
    /// <param name="seed">Decides everything that is random: weights, environments, actions, minibatches.</param>
    /// <param name="device">Where the networks learn.</param>
    /// <param name="totalSteps">When training ends and schedules reach zero, in environment steps; rounded up to whole rollouts.</param>
    /// <exception cref="ArgumentException">The vector's size or spaces do not fit, or the network has no memory.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">The settings contradict each other.</exception>
    public RecurrentPpoAgent(VectorEnv envs, PpoOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(envs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        options.ValidateRecurrent();
        network.Validate();
        if (network.Lstm == 0)
            throw new ArgumentException("Expected network.lstm above 0 for an agent with a memory, got 0. Set it, as network.lstm=64, or take PpoAgent.", nameof(network));
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
        acting = new RecurrentActing(this.network, envs.Count);   // of the projected network, as one that was loaded
        rollout = new Rollout(options.RolloutSteps, envs);
        collector = new Collector(envs, acting, random, "ppo");
        startStates = States(envs.Count);

        order = [.. Enumerable.Range(0, envs.Count)];
        loss = new PpoLoss(options);
        var size = rollout.Count / options.Minibatches;
        learning = new RecurrentLearning(this.network, parameters, size);
        (indices, starts) = (new int[size], new bool[size]);
        batchStates = States(envs.Count / options.Minibatches);
        batch = new Minibatch(size, envs.ObservationSpace, envs.ActionSpace, network.ActionBounds);
        (output, byOutput) = (new float[size * acting.PolicyOutputs], new float[size * acting.PolicyOutputs]);
        (value, byValue) = (new float[size], new float[size]);
        byLogStd = new float[acting.LogStd.Length];
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
            Collect();                       // T steps of the current policy in N environments, and what was remembered before the first
            var metrics = Update();          // K epochs of minibatches, each of some environments' whole sequences

            Steps += rollout.Count;
            yield return new TrainingReport(Steps, Updates, collector.Episodes.Take(), metrics);
        }
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) => PolicySnapshot.Of(network, envs, metadata);

    /// <inheritdoc/>
    /// <remarks>Activations are those of the last minibatch's sequences from an empty memory.</remarks>
    public IReadOnlyList<LayerDiagnostics> Diagnose()
    {
        var learningRate = options.LearningRateSchedule.At(options.LearningRate, (double)(Steps - rollout.Count) / totalSteps);
        return Diagnosis.Of(network, parameters, learningRate, Updates, features, batch.Observations, sequences: batchStates[0].Rows);
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
        foreach (var state in acting.States)
        {
            writer.WriteAll<float>(state.Hidden);
            writer.WriteAll<float>(state.Cell);
        }

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
        reader.ReadAll<int>(order, "the order of a rollout's environments");
        foreach (var state in acting.States)
        {
            reader.ReadAll(state.Hidden, "what is remembered of the running episodes");
            reader.ReadAll(state.Cell, "what is remembered of the running episodes");
            if (!envs.CanSave)
                state.Reset();   // their episodes start anew
        }

        Resumption.Load(envs, collector.Episodes, reader, seed, Steps);
        acting.Refresh();
    }

    private void Start()
    {
        foreach (var state in acting.States)
            state.Reset();
        envs.Reset(seed);
    }

    private void Collect()
    {
        foreach (var (start, now) in startStates.Zip(acting.States))
            start.CopyFrom(now);
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
            var together = order.Length / options.Minibatches;
            for (var start = 0; start < order.Length; start += together)
                Learn(order.AsSpan(start, together), learningRate, clip);
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

    // One optimizer step on the sequences of some environments.
    private void Learn(ReadOnlySpan<int> environments, double learningRate, double clip)
    {
        using var scope = NewDisposeScope();
        GatherSequences(environments);
        if (options.NormalizeAdvantages)
            batch.NormalizeAdvantages();

        learning.Forward(features.Read(batch.Observations), starts, batchStates, output, value);
        loss.Evaluate(output, value, ActorCritics.LogStd(network), batch, clip, new() { Output = byOutput, Value = byValue, LogStd = byLogStd });
        learning.Backward(byOutput, byValue, byLogStd);

        loss.AddGradientNorm(Finite.ClipGradients(parameters, options.MaxGradientNorm, Steps, "ppo"));
        optimizer.Step(learningRate);
        projection.After(++Updates);
    }

    private void GatherSequences(ReadOnlySpan<int> environments)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            var (step, row) = Math.DivRem(i, environments.Length);
            indices[i] = (step * rollout.Environments) + environments[row];
            starts[i] = step > 0 && rollout.Ended(step - 1)[environments[row]];   // before the first, acting has forgotten what ended
        }

        rollout.Gather(indices, batch);
        foreach (var (state, before) in batchStates.Zip(startStates))
            state.CopyRows(before, environments);
    }

    private RecurrentState[] States(int rows) => [.. acting.States.Select(state => new RecurrentState(rows, state.Units))];

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
