using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Dqn;

/// <summary>Deep Q-learning on weight-normalized networks, from plain DQN to Rainbow by switches.</summary>
/// <remarks>
/// <para>
/// Mnih et al. 2015, doi:10.1038/nature14236, algorithm 1; the switches are those of Hessel et al. 2018, arXiv:1710.02298, and quantile regression
/// (Dabney et al. 2018, arXiv:1710.10044). <see cref="DqnLoss"/> has each one's equation.
/// </para>
/// <para>An episode that is cut off is bootstrapped from its last observation; one that terminates is not. Nothing is looked ahead across either end.</para>
/// <para>Small networks are fastest on one torch thread: call <c>torch.set_num_threads(1)</c> first, in the thread that trains.</para>
/// </remarks>
public sealed class DqnAgent : IAgent
{
    // Steps between updates up to which the learning network acts too. Weights brought into a form of acting's own pay for themselves from 10 to 12 steps on with two
    // layers of 256 units, from 22 with 120 and from some 50 with MinAtar's network (benchmarks/results/2026-11-24-minatar-dqn.md): either way costs little at 16.
    private const int FewSteps = 16;

    private readonly VectorEnv envs;
    private readonly DqnOptions options;
    private readonly ulong seed;
    private readonly long totalSteps;
    private readonly Rng random;
    private readonly int actions;

    private readonly AgentNetwork network;
    private readonly AgentNetwork target;                 // what the online network was, slower
    private readonly Scheme scheme;
    private readonly FlatParameters parameters;
    private readonly FlatParameters targetParameters;
    private readonly ActingNetwork? acting;               // none where the learning network acts too
    private readonly ActingNetwork targetActing;
    private readonly LearningNetwork learning;
    private readonly SecondThread? second;                // where two threads are asked for and have something to do
    private readonly Action evaluateTarget, evaluateOnline;
    private readonly FlatAdam optimizer;
    private readonly Projection projection;
    private readonly Features features;
    private readonly ReplayBuffer replay;
    private readonly EpisodeStatistics episodes;
    private readonly DqnLoss loss;
    private readonly Tensor targetStep;

    private readonly Transitions batch;
    private readonly int[] drawn;                // where the batch's transitions are, [B]
    private readonly float[] weights;            // [B]
    private readonly double[] errors;            // [B]
    private readonly float[] output;             // of the online network at s, [B, O]
    private readonly float[] byOutput;           // ∂L/∂output, [B, O]
    private readonly float[] nextOutput;         // of the target network at s', [B, O]
    private readonly float[] choosing;           // of the online network at s', [B, O]
    private readonly float[] actingOutput;       // [N, O]
    private readonly float[] values;             // Q(s, ·) of one environment, [A]
    private bool isStale = true;                 // whether weights or noise are others than what acted or was evaluated last
    private bool isStarted;

    /// <summary>Makes an agent with fresh networks and an empty replay.</summary>
    /// <param name="envs">The environments to learn in, as many as <see cref="DqnOptions.Environments"/>; not owned.</param>
    /// <param name="options">Settings.</param>
    /// <param name="network">How the network is built; policy settings are without effect, the value's go for the Q-values.</param>
    /// <param name="seed">Decides everything that is random: weights, environments, actions, batches.</param>
    /// <param name="device">Where the network learns.</param>
    /// <param name="totalSteps">When training ends and schedules reach their end, in environment steps; rounded up to whole steps of the vector.</param>
    /// <exception cref="ArgumentException">The vector's size or spaces do not fit.</exception>
    /// <exception cref="ValidationException">The settings contradict each other, or batches of one are to be normalized.</exception>
    public DqnAgent(VectorEnv envs, DqnOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(envs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        network.Validate();
        if (options.BatchSize < 2 && (network.Scheme.HasBatchNorm || network.NormPartner == NormPartner.BatchNorm))
            throw new ValidationException($"Expected dqn.batchSize of at least 2 with batch normalization, got {options.BatchSize}: one row has no variance. Take a larger batch or another network.scheme.");
        if (envs.Count != options.Environments)
            throw new ArgumentException($"Expected {options.Environments} environments as dqn.environments says, got {envs.Count}.", nameof(envs));
        actions = envs.ActionSpace is Discrete discrete
            ? discrete.N
            : throw new ArgumentException($"Expected actions in a Discrete, got {envs.ActionSpace}: a Q-network judges each action by itself. Take ppo.", nameof(envs));

        (this.envs, this.options, this.seed, this.totalSteps, scheme) = (envs, options, seed, totalSteps, network.Scheme);
        random = new Rng(seed, stream: ulong.MaxValue);   // apart from every environment's stream
        features = new Features(envs.ObservationSpace);
        replay = new ReplayBuffer(options.BufferSize, envs, options.FrameStack, options.Steps, options.Gamma, options.RewardScale, options.Prioritized);
        episodes = new EpisodeStatistics(envs.Count);
        loss = new DqnLoss(options, actions);

        using var generator = new Generator(unchecked((ulong)(long)seed));
        using var scope = NewDisposeScope();
        this.network = MakeNetwork();
        target = MakeNetwork();
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        targetParameters = new FlatParameters(target, scalesLast: network.ScaleLearningRate != 1);
        targetActing = new ActingNetwork(target);
        (evaluateTarget, evaluateOnline) = (EvaluateTarget, EvaluateOnline);
        projection = new Projection(this.network, network.ProjectEvery);
        targetStep = tensor((float)options.TargetStep, device: device).DetachFromDisposeScope();

        var actsByLearning = options.Noisy || options.TrainEvery <= FewSteps * envs.Count;
        second = network.Threads > 1 && targetActing.IsPlainCSharp ? new SecondThread() : null;   // which starts with its first piece of work
        learning = new LearningNetwork(this.network, parameters, actsByLearning ? Math.Max(options.BatchSize, envs.Count) : options.BatchSize, second);
        if (!learning.IsPlainCSharp)
        {
            second?.Dispose();
            second = null;
        }

        if (!learning.IsPlainCSharp || !actsByLearning)
            acting = new ActingNetwork(this.network);
        optimizer = new FlatAdam(parameters, epsilon: options.AdamEpsilon, scaleLearningRate: network.ScaleLearningRate, second: second);
        CopyToTarget(share: null);

        var (size, outputs) = (options.BatchSize, loss.Outputs);
        batch = new Transitions(size, envs.ObservationSpace);
        (drawn, weights, errors) = (new int[size], new float[size], new double[size]);
        (output, byOutput) = (new float[size * outputs], new float[size * outputs]);
        (nextOutput, choosing) = (new float[size * outputs], new float[size * outputs]);
        actingOutput = new float[envs.Count * outputs];
        values = new float[actions];
        Array.Fill(weights, 1);

        AgentNetwork MakeNetwork() => AgentNetwork.Make(
            envs.ObservationSpace.Shape.AsSpan(), loss.Outputs, network, network.ValueOutput, network.ValueScale, new Initializer(generator, Device: device),
            options.Noisy ? options.NoiseStart : 0);
    }

    /// <inheritdoc/>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    public bool ResumesExactly => envs.CanSave && options.SaveReplay;

    private double Done => Math.Min(1, (double)Steps / totalSteps);

    private double Epsilon => options.Noisy ? 0
        : options.ExplorationFraction > Done ? options.EpsilonStart + ((options.EpsilonEnd - options.EpsilonStart) * Done / options.ExplorationFraction)
        : options.EpsilonEnd;

    /// <inheritdoc/>
    /// <remarks>A report comes every <see cref="DqnOptions.ReportEvery"/> steps, and at the end.</remarks>
    public IEnumerable<TrainingReport> Train()
    {
        if (!isStarted)
            Start();

        while (Steps < totalSteps)
        {
            Act();
            envs.Step();
            Keep();

            for (var round = Crossed(options.TrainEvery); round > 0 && Steps >= options.LearningStarts && replay.Count > 0; round--)
            {
                for (var update = 0; update < options.UpdatesPerRound; update++)
                    Learn();
            }

            if (Crossed(options.SyncTargetEvery) > 0)
                CopyToTarget(options.TargetStep == 1 ? null : targetStep);
            if (Crossed(options.ReportEvery) > 0 || Steps >= totalSteps)
                yield return Report();
        }
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) =>
        PolicySnapshot.OfValues(network, loss, envs, metadata);

    /// <inheritdoc/>
    public IReadOnlyList<LayerDiagnostics> Diagnose()
    {
        network.ClearNoise();
        return Diagnosis.Of(network, parameters, options.LearningRateSchedule.At(options.LearningRate, Done), Updates, features, batch.Observations);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Steps);
        writer.Write(Updates);
        parameters.Save(writer);
        targetParameters.Save(writer);
        optimizer.Save(writer);
        writer.Write(random);
        writer.Write(options.SaveReplay);
        if (options.SaveReplay)
            replay.Save(writer);
        Resumption.Save(envs, episodes, writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (Steps, Updates) = (reader.ReadInt64(), reader.ReadInt64());
        parameters.Load(reader);
        targetParameters.Load(reader);
        optimizer.Load(reader);
        random.State = reader.ReadRng().State;
        var hasReplay = reader.ReadBoolean();
        if (hasReplay)
            replay.Load(reader);
        Resumption.Load(envs, episodes, reader, seed, Steps);
        if (!hasReplay || !envs.CanSave)
            replay.Begin(envs);

        isStarted = true;
        isStale = true;
        targetActing.Refresh();
    }

    private void Start()
    {
        envs.Reset(seed);
        Finite.RequireObservations(envs, steps: 0, "dqn");
        replay.Begin(envs);
        isStarted = true;
    }

    // How often a count of steps was passed by the last step of the vector.
    private long Crossed(int every) => (Steps / every) - ((Steps - envs.Count) / every);

    // With probability ε by chance, else the action of the highest value; with noisy layers always that, of a fresh sample.
    private void Act()
    {
        var choices = envs.Actions.All<int>();
        var epsilon = Epsilon;
        var isEvaluated = false;
        for (var i = 0; i < envs.Count; i++)
        {
            if (random.NextDouble() < epsilon)
            {
                choices[i] = random.Next(actions);
                continue;
            }

            if (!isEvaluated)
                EvaluateAll();
            isEvaluated = true;
            loss.Values(actingOutput.AsSpan(i * loss.Outputs, loss.Outputs), values);
            choices[i] = Categorical.Greedy(values);
        }
    }

    private void EvaluateAll()
    {
        if (options.Noisy)
        {
            network.DrawNoise(random);
            isStale = true;
        }

        var observations = features.Read(envs.Observations);
        if (acting is null)
        {
            learning.Forward(observations, actingOutput, sameWeights: !isStale);
        }
        else
        {
            if (isStale)
                acting.Refresh();
            acting.Forward(observations, envs.Count, actingOutput);
        }

        isStale = false;
        Finite.Require(actingOutput, "Q-value", envs.Count, Steps, "dqn");
    }

    // Checked before: what is in the replay would be drawn again and again, and be in every checkpoint from then on.
    private void Keep()
    {
        Finite.Require(envs.Rewards, "reward", envs.Count, Steps + envs.Count, "dqn");
        Finite.RequireObservations(envs, Steps + envs.Count, "dqn");
        replay.Add(envs);
        episodes.Record(envs);
        Steps += envs.Count;
    }

    // One optimizer step on one batch out of the replay.
    private void Learn()
    {
        using var scope = NewDisposeScope();
        Draw();
        if (Updates == 0 && scheme.NeedsBatch)
            NormalizeOnBatch();

        Evaluate();
        loss.Evaluate(output, nextOutput, options.DoubleQ ? choosing : nextOutput, batch, weights, byOutput, errors);
        learning.Backward(byOutput);

        loss.AddGradientNorm(Finite.ClipGradients(parameters, options.MaxGradientNorm, Steps, "dqn"));
        optimizer.Step(options.LearningRateSchedule.At(options.LearningRate, Done));
        projection.After(++Updates);
        isStale = true;
        if (options.Prioritized)
            Prioritize();
    }

    // Both networks on the batch. Of noisy ones each pass has a sample of its own (Fortunato et al. 2018, section 3.1).
    private void Evaluate()
    {
        if (options.Noisy)
        {
            target.DrawNoise(random);
            targetActing.Refresh();
        }

        if (second is not null)
        {
            second.Run(evaluateTarget, evaluateOnline);
            return;
        }

        EvaluateTarget();
        EvaluateOnline();
    }

    private void EvaluateTarget() => targetActing.Forward(features.Read(batch.NextObservations), batch.Size, nextOutput);

    private void EvaluateOnline()
    {
        if (options.DoubleQ)
        {
            using var noGrad = no_grad();
            DrawNoise();
            Evaluate(batch.NextObservations, choosing);
        }

        DrawNoise();
        Evaluate(batch.Observations, output);
    }

    private void DrawNoise()
    {
        network.DrawNoise(random);
        isStale |= options.Noisy;
    }

    // What acts too has these weights already, if it acted since the last update.
    private void Evaluate(Batch observations, Span<float> outputs)
    {
        learning.Forward(features.Read(observations), outputs, sameWeights: acting is null && !isStale);
        if (acting is null)
            isStale = false;
    }

    private void Draw()
    {
        if (options.Prioritized)
            replay.DrawByPriority(random, options.ImportanceStart + ((1 - options.ImportanceStart) * Done), drawn, weights);
        else
            replay.Draw(random, drawn);
        replay.Gather(drawn, batch);
    }

    // p = (error + ε)^ω: how much the transition was not expected (Schaul et al. 2016, section 3.3).
    private void Prioritize()
    {
        const double Least = 1e-6;
        Finite.Require([new("loss", errors.Sum())], Steps, "dqn");
        foreach (ref var error in errors.AsSpan())
            error = Math.Pow(error + Least, options.PriorityExponent);

        replay.SetPriorities(drawn, errors);
    }

    // A data-dependent scheme takes its scales from the first batch, before the first update.
    private void NormalizeOnBatch()
    {
        network.ClearNoise();
        Initialization.ApplyScales(network, scheme, Diagnosis.Input(features, batch.Observations));
        isStale = true;
        CopyToTarget(share: null);
    }

    private void CopyToTarget(Tensor? share)
    {
        targetParameters.CopyFrom(parameters, share);
        targetActing.Refresh();
    }

    private TrainingReport Report()
    {
        Metric[] metrics =
        [
            .. loss.Metrics,
            new("epsilon", Epsilon),
            new("learning_rate", options.LearningRateSchedule.At(options.LearningRate, Done)),
            new("replay", replay.Count),
            .. Noise,
        ];
        if (loss.Batches > 0)
            Finite.Require(metrics, Steps, "dqn");

        loss.Clear();
        return new TrainingReport(Steps, Updates, episodes.Take(), metrics);
    }

    // How large the noise has become, over all layers; its start is 1.
    private IEnumerable<Metric> Noise => options.Noisy ? [new("noise", network.Head.Noises.Average(noise => noise.RelativeSize))] : [];

    /// <summary>Frees the networks and the replay; the environments stay.</summary>
    public void Dispose()
    {
        acting?.Dispose();
        targetActing.Dispose();
        learning.Dispose();
        second?.Dispose();
        optimizer.Dispose();
        projection.Dispose();
        parameters.Dispose();
        targetParameters.Dispose();
        network.Dispose();
        target.Dispose();
        replay.Dispose();
        targetStep.Dispose();
    }
}
