using RlWn.Envs;

var spec = EnvRegistry.Register("Elevator-v0", () => new Elevator(), maxSteps: 50, rewardThreshold: 5, description: "Bring an elevator to who waits.");

var violations = EnvContract.Check(spec);               // spaces, seeds, resets, allocations, saving: with reasons
foreach (var violation in violations)
    Console.Error.WriteLine(violation);
if (violations.Count > 0)
    return 1;

using var envs = EnvRegistry.MakeVector("Elevator-v0", count: 8);
var statistics = new EpisodeStatistics(envs.Count);
envs.Reset(seed: 1);
for (var step = 0; step < 1_000; step++)
{
    for (var i = 0; i < envs.Count; i++)
    {
        var (floor, wanted) = (envs.Observations.Row<float>(i)[0], envs.Observations.Row<float>(i)[1]);
        envs.Actions.Row<int>(i)[0] = 1 + Math.Sign(wanted - floor);
    }

    envs.Step();                                        // ended episodes start again within the step
    statistics.Record(envs);
}

var episodes = statistics.Take();
Console.WriteLine($"{episodes.Count} episodes, mean return {episodes.Average(episode => episode.Return):F2}");
return 0;
