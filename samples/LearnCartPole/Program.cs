using RlWn.Agents;
using RlWn.Agents.Formulas;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;

var device = TorchDevice.Choose("auto");                // CUDA where there is one
TorchSharp.torch.set_num_threads(1);                    // small networks are fastest so

var options = new PpoOptions { Environments = 8, RolloutSteps = 64, Epochs = 8, LearningRate = 3e-3, ClipSchedule = Schedule.Linear, EntropyWeight = 0 };
using var envs = EnvRegistry.MakeVector("CartPole-v1", options.Environments);
using var agent = new PpoAgent(envs, options, new NetworkOptions(), seed: 1, device, totalSteps: 100_000);

foreach (var report in agent.Train())                   // the loop is yours: log, save, stop as you like
{
    if (report.Updates % 1024 == 0 && report.Episodes.Count > 0)
        Console.WriteLine($"{report.Steps,7} steps: return {report.Episodes.Average(episode => episode.Return):F0}");
}

agent.SnapshotPolicy().Save("cartpole.safetensors");    // readable by Python's safetensors

using var policy = Policy.Load("cartpole.safetensors"); // acts without libtorch, in a fraction of a microsecond
var result = Evaluation.Run(policy, envs, episodes: 100, seed: 1_000);
Console.WriteLine($"Mean return over 100 episodes: {result.Mean:F1} ± {result.Deviation:F1}");
