using System.CommandLine;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Terminal;
using RlWn.Inference;
using Spectre.Console;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn play</c></summary>
internal static class PlayCommand
{
    public const string Examples = """
        rlwn play runs/mine
        rlwn play runs/mine --speed 200 --episodes 3
        rlwn play runs/mine --record episode.png            an animated PNG, for a browser
        """;

    private delegate void Act<TObserved, TAction>(ReadOnlySpan<TObserved> observation, Span<TAction> action);

    public static Command Make()
    {
        var run = Options.Run();
        var env = Options.Env();
        var speed = Options.Number("--speed", "Steps shown in a second.", "50");
        var episodes = Options.Episodes(1);
        var seed = Options.Seed();
        var record = new Option<string?>("--record") { Description = "Write an animated PNG instead of drawing in the terminal.", HelpName = "FILE" };
        var command = new Command("play", "Watch a trained policy act, drawn in the terminal.") { run, env, speed, episodes, seed, record };
        command.SetAction(parsed =>
        {
            var (pace, count, chosen) = (Options.Read(parsed, speed), Options.Read(parsed, episodes), Options.ReadSeed(parsed, seed));
            var recording = parsed.GetValue(record);
            if (recording is not null && !FrameRecorder.Accepts(recording))
                throw new UsageException($"Expected --record to name a file that ends in .png or .apng, as a recording is an animated PNG, got '{recording}'.");

            using var trained = TrainedRun.Load(parsed.GetRequiredValue(run), parsed.GetValue(env));
            return Run(trained, pace, count, chosen ?? TrainedRun.EvaluationSeed(trained.Seed), recording);
        });
        return command;
    }

    private static int Run(TrainedRun trained, int speed, int episodes, ulong seed, string? recording)
    {
        using var stop = new StopSignals();
        var env = trained.Spec.Create();
        using var owned = env as IDisposable;
        if (recording is not null && env.Find<IFrameView>() is null)
            throw new UsageException($"Expected an environment that draws frames, as --record needs, got {trained.Spec.Id}, which draws none. Play it without --record.");
        using var recorder = recording is null ? null : new FrameRecorder(recording, env);
        using var screen = recorder is null && env.Find<ITextView>() is { } view && ProgressLine.IsTerminal ? new Screen(AnsiConsole.Console, view, speed, stop.Token) : null;
        var (policy, state) = (trained.Policy, trained.Policy.NewState());
        var exitCode = env switch
        {
            IEnv<float, int> discrete => Play(discrete, (observation, action) => policy.Act(observation, state, action), state, episodes, seed, screen, recorder, stop.Token),
            IEnv<float, float> continuous => Play(continuous, (observation, action) => policy.Act(observation, state, action), state, episodes, seed, screen, recorder, stop.Token),
            IEnv<byte, int> discrete => Play(discrete, (observation, action) => policy.ActOnBytes(observation, state, action), state, episodes, seed, screen, recorder, stop.Token),
            IEnv<byte, float> continuous => Play(continuous, (observation, action) => policy.ActOnBytes(observation, state, action), state, episodes, seed, screen, recorder, stop.Token),
            _ => throw new NotSupportedException($"Expected an environment with observations of float or byte, as play can show, got {trained.Spec.Id} with {env.ObservationSpace}."),
        };
        if (exitCode == Failures.Done)
            recorder?.Complete();
        return exitCode;
    }

    private static int Play<TObserved, TAction>(
        IEnv<TObserved, TAction> env, Act<TObserved, TAction> act, RecurrentState state, int episodes, ulong seed, Screen? screen, FrameRecorder? recorder, CancellationToken stop)
        where TObserved : unmanaged
        where TAction : unmanaged
    {
        var random = new Rng(seed, stream: 0);
        var observation = new TObserved[env.ObservationSpace.Size];
        var action = new TAction[env.ActionSpace.Size];
        var returns = new List<double>();

        while (returns.Count < episodes)
        {
            env.Reset(random, observation);
            state.Reset();
            recorder?.Capture();
            var (total, steps, hasEnded) = (0.0, 0, false);
            while (!hasEnded)
            {
                act(observation, action);
                var result = env.Step(action, observation);
                (total, steps, hasEnded) = (total + result.Reward, steps + 1, result.Ended);
                recorder?.Capture();
                screen?.Show(string.Create(CultureInfo.InvariantCulture, $"episode {returns.Count + 1} of {episodes}   step {steps}   return {total:0.#}"));
                if (stop.IsCancellationRequested)
                    return Failures.Stopped;
            }

            returns.Add(total);
            screen?.Clear();
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"episode {returns.Count}: return {total:0.##} in {steps} steps"));
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean return {returns.Average():0.##} over {episodes} {(episodes == 1 ? "episode" : "episodes")}, seed {seed}"));
        return Failures.Done;
    }
}
