using System.CommandLine;
using System.Globalization;
using RlWn.Agents;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn evaluate</c></summary>
internal static class EvaluateCommand
{
    public const string Examples = """
        rlwn evaluate runs/mine
        rlwn evaluate policy.safetensors --env CartPole-v1 --episodes 1000 --seed 7
        """;

    public static Command Make()
    {
        var run = Options.Run();
        var env = Options.Env();
        var episodes = Options.Episodes(TrainingRun.EvaluationEpisodes);
        var seed = Options.Seed();
        var command = new Command("evaluate", "Play episodes with a trained policy, without exploration, and say how it does.") { run, env, episodes, seed };
        command.SetAction(parsed =>
        {
            var (count, chosen) = (Options.Read(parsed, episodes), Options.ReadSeed(parsed, seed));
            using var trained = TrainedRun.Load(parsed.GetRequiredValue(run), parsed.GetValue(env));
            return Run(trained, count, chosen ?? TrainedRun.EvaluationSeed(trained.Seed));
        });
        return command;
    }

    private static int Run(TrainedRun trained, int episodes, ulong seed)
    {
        using var envs = trained.Spec.CreateVector(Math.Min(episodes, TrainingRun.EvaluationEpisodes));
        var result = Evaluation.Run(trained.Policy, envs, episodes, seed);
        var verdict = trained.Spec.RewardThreshold is not { } threshold ? ""
            : string.Create(CultureInfo.InvariantCulture, $", {(result.Mean >= threshold ? "solved" : "not solved")} ({threshold} is asked for)");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{trained.Spec.Id}: mean return {result.Mean:0.0} ± {result.Deviation:0.0} over {episodes} episodes, least {result.Min:0.0}, greatest {result.Max:0.0}, seed {seed}{verdict}"));
        return Failures.Done;
    }
}
