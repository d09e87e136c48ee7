using RlWn.Agents.A2c;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.A3c;

/// <summary>One of A3C's workers: environments, and a copy of the network, of its own; parameters and the optimizer's statistics shared by all.</summary>
/// <remarks>Mnih et al. 2016, arXiv:1602.01783, algorithm S3. One thread at a time.</remarks>
internal sealed class A3cWorker : IDisposable
{
    private readonly VectorEnv envs;
    private readonly A3cOptions options;
    private readonly ulong seed;            // of the environments
    private readonly Rng random;

    private readonly FlatParameters shared;         // θ; not owned
    private readonly IFlatOptimizer optimizer;      // of θ; not owned
    private readonly ActorCritic network;
    private readonly FlatParameters parameters;     // θ'
    private readonly Acting acting;
    private readonly Collector collector;
    private readonly Rollout rollout;

    private readonly Features features;
    private readonly int[] all;
    private readonly Minibatch batch;
    private readonly A2cGradient gradient;

    public A3cWorker(
        int index, VectorEnv envs, A3cOptions options, NetworkOptions network, ulong seed, FlatParameters shared, IFlatOptimizer optimizer)
    {
        (this.envs, this.options, this.shared, this.optimizer) = (envs, options, shared, optimizer);
        random = new Rng(seed, stream: ulong.MaxValue - (ulong)index);
        this.seed = random.NextUInt64();

        using var scope = NewDisposeScope();
        this.network = ActorCritics.Make(envs, network, seed, shared.Values.device);
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        acting = new Acting(this.network);
        collector = new Collector(envs, acting, random, "a3c", firstEnvironment: index * envs.Count);
        rollout = new Rollout(options.RolloutSteps, envs);

        features = new Features(envs.ObservationSpace);
        all = [.. Enumerable.Range(0, rollout.Count)];
        batch = new Minibatch(rollout.Count, envs.ObservationSpace, envs.ActionSpace, network.ActionBounds);
        gradient = new A2cGradient(this.network, parameters, options, rollout.Count, "a3c");
    }

    /// <summary>Whether it has done a round.</summary>
    public bool HasLearned { get; private set; }

    /// <summary>The share of the last rollout's variance that the values explain.</summary>
    public double ExplainedVariance => Returns.ExplainedVariance(rollout.Values, rollout.Targets);

    /// <summary>Sets a data-dependent scheme's scales in this worker's environments; others stay as they are.</summary>
    /// <param name="target">The shared network.</param>
    public void SetScales(ActorCritic target) => ActorCritics.SetScales(target, envs, collector, seed);

    /// <summary>Starts new episodes.</summary>
    public void Start() => envs.Reset(seed);

    /// <summary>Takes over all of the shared network, what does not learn too. Before the first round.</summary>
    public void Join() => parameters.CopyFrom(shared);

    /// <summary>Takes over the parameters, acts, and applies the gradient of what came of it, all without a lock.</summary>
    /// <param name="learningRate">α.</param>
    /// <param name="steps">Environment steps done, for messages.</param>
    public void Round(double learningRate, long steps)
    {
        using var scope = NewDisposeScope();
        TakeOver();                                      // θ' ← θ
        collector.Collect(rollout, steps);               // T steps under θ'
        rollout.Estimate(options.Gamma, options.Lambda);
        rollout.Gather(all, batch);

        gradient.Forward(features.Read(batch.Observations));
        gradient.Backward(batch, acting.LogStd, steps);  // dθ'
        optimizer.Step(learningRate, parameters.Gradients);   // θ by dθ', whoever else is at it
        HasLearned = true;
    }

    /// <summary>Hands out what was counted since the last call.</summary>
    public IReadOnlyList<Episode> Report(A2cLoss total)
    {
        total.Take(gradient.Loss);
        return collector.Episodes.Take();
    }

    /// <summary>Looks at the layers after the last round.</summary>
    public IReadOnlyList<LayerDiagnostics> Diagnose(double learningRate) =>
        Diagnosis.Of(network, parameters, learningRate, updates: HasLearned ? 1 : 0, features, batch.Observations);

    public void Save(BinaryWriter writer)
    {
        writer.Write(random);
        Resumption.Save(envs, collector.Episodes, writer);
    }

    public void Load(BinaryReader reader, long steps)
    {
        random.State = reader.ReadRng().State;
        Resumption.Load(envs, collector.Episodes, reader, seed, steps);
    }

    // While others write: some numbers may be of before their step and some of after, as the algorithm has it.
    private void TakeOver()
    {
        using var noGrad = no_grad();
        parameters.Values.copy_(shared.Values);
        acting.Refresh();
    }

    public void Dispose()
    {
        acting.Dispose();
        gradient.Dispose();
        parameters.Dispose();
        network.Dispose();
        envs.Dispose();
    }
}
