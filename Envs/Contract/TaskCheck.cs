using System.Runtime.CompilerServices;

namespace RlWn.Envs;

/// <summary>The checks of one task, one method a check.</summary>
internal sealed class TaskCheck<TObservation, TAction>(Func<IEnv<TObservation, TAction>> create, EnvContractOptions options)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly Findings findings = new();
    private readonly int fewSteps = Math.Min(options.Steps, 1_000);

    public IReadOnlyList<Violation> Run()
    {
        findings.From(TwoTasksSideBySide);
        findings.From(UsedTaskBesideNewOne);
        findings.From(SeveralSeeds);
        findings.From(ActionsOutsideTheSpace);
        findings.From(RandomOfEarlierResets);
        findings.From(BytesPerStep);
        findings.From(Text);
        findings.From(Frames);
        findings.From(SavedAndLoaded);
        if (findings.None)   // else the vector would only repeat it
            findings.AddAll(new VectorCheck<TObservation, TAction>(InVector, create, options).RunForTask());
        return findings.Violations;
    }

    private SyncVectorEnv<TObservation, TAction> InVector(int count) => new(create, count);

    private void TwoTasksSideBySide()
    {
        using var one = NewPlayer(mark: 0xA5);
        using var two = NewPlayer(mark: 0x5A);
        var (observationSpace, actionSpace) = (one.Env.ObservationSpace, one.Env.ActionSpace);
        var (action, actions) = (new TAction[actionSpace.Size], Actions());
        var (randomOne, randomTwo) = (Random(), Random());

        one.Reset(randomOne);
        two.Reset(randomTwo);
        if (!Look("Reset"))
            return;

        for (var step = 1; step <= options.Steps; step++)
        {
            actionSpace.Sample(actions, action);
            var (resultOne, resultTwo) = (one.Step(action), two.Step(action));
            if (!float.IsFinite(resultOne.Reward))
            {
                findings.Add(
                    EnvRule.RewardFinite,
                    $"Expected a finite reward, got {resultOne.Reward} at step {step}. Look for a division by zero.");
            }

            if (!Look($"step {step}"))
                return;

            if (!Same(resultOne, resultTwo))
            {
                findings.Add(
                    EnvRule.SameSeedSameTrajectory,
                    $"Expected two tasks with one seed and the same actions to agree, got {resultOne} and {resultTwo} at step {step}. "
                    + $"{OnlyThatSource}");
                return;
            }

            if (resultOne.Ended)
            {
                one.Reset(randomOne);
                two.Reset(randomTwo);
                if (!Look($"the reset after step {step}"))
                    return;
            }
        }

        bool Look(string when)
        {
            if (!ReferenceEquals(one.Env.ObservationSpace, observationSpace) || !ReferenceEquals(one.Env.ActionSpace, actionSpace))
            {
                findings.Add(
                    EnvRule.SpacesStay,
                    $"Expected each space to be one object for the task's whole life, got another after {when}. "
                    + "Make it once, in a field.");
            }

            var index = one.FirstDifference(two.Observation);
            if (index >= 0 && one.IsMarked(index) && two.IsMarked(index))
            {
                findings.Add(
                    EnvRule.ObservationWrittenWhole,
                    $"Expected all {observationSpace.Size} numbers of the observation to be written, got none at index {index} at "
                    + $"{when}. Write zeros too: the span holds whatever was there before.");
                return false;
            }

            if (!observationSpace.Contains(one.Observation))
            {
                findings.Add(
                    EnvRule.ObservationInSpace,
                    $"Expected every observation to lie in {observationSpace}, got {Outside(observationSpace, one.Observation)} at "
                    + $"{when}. Widen the bounds or clip the value.");
            }

            if (index >= 0)
            {
                findings.Add(
                    EnvRule.SameSeedSameTrajectory,
                    $"Expected two tasks with one seed and the same actions to agree, got observations {one.Observation[index]} and "
                    + $"{two.Observation[index]} at index {index} at {when}. {OnlyThatSource}");
            }

            return index < 0;
        }
    }

    private void UsedTaskBesideNewOne()
    {
        using var used = NewPlayer();
        foreach (var stepsBefore in (ReadOnlySpan<int>)[1, 7, 50])
        {
            Play(used, stepsBefore, Random(seedOffset: 1), (_, _) => true);   // and leave it in mid-episode

            using var fresh = NewPlayer();
            var (freshAction, freshActions, freshRandom) = (new TAction[fresh.Env.ActionSpace.Size], Actions(), Random());
            fresh.Reset(freshRandom);

            Play(used, fewSteps, Random(), (step, result) =>
            {
                if (step > 0)
                {
                    fresh.Env.ActionSpace.Sample(freshActions, freshAction);
                    var expected = fresh.Step(freshAction);
                    if (!Same(result, expected))
                        return Fail($"{expected}, got {result}", step);
                }

                if (used.FirstDifference(fresh.Observation) is >= 0 and var index)
                    return Fail($"{fresh.Observation[index]} at index {index} of the observation, got {used.Observation[index]}", step);
                if (result.Ended)
                    fresh.Reset(freshRandom);
                return true;
            });

            bool Fail(string what, int step)
            {
                findings.Add(
                    EnvRule.ResetStartsAfresh,
                    $"Expected a task that was reset after {stepsBefore} steps to do what a new one does: {what} at step {step}. "
                    + "Set every field in Reset.");
                return false;
            }
        }
    }

    private void SeveralSeeds()
    {
        var trajectories = new HashSet<ulong>();
        long draws = 0;
        for (ulong offset = 0; offset < 4; offset++)
        {
            using var player = NewPlayer();
            var random = Random(offset);
            var hash = Hash.Start;
            Play(player, fewSteps, random, (_, result) =>
            {
                hash = Hash.Of(hash, player.Bytes, result);
                return true;
            });
            trajectories.Add(hash);
            draws += random.Draws;
        }

        if (draws > 0 && trajectories.Count == 1)
        {
            findings.Add(
                EnvRule.SeedMatters,
                $"Expected the random draws to matter, got one trajectory of {fewSteps} steps under four seeds, in spite of {draws} "
                + "draws. Use the numbers drawn, or do not draw them.");
        }
    }

    private void ActionsOutsideTheSpace()
    {
        foreach (var action in OutsideActions.Of(NewSpace()))
        {
            using var player = NewPlayer();
            player.Reset(Random());
            string came;
            try
            {
                player.Step(action);
                came = "no exception";
            }
            catch (ArgumentException)
            {
                continue;
            }
            catch (Exception exception)
            {
                came = exception.GetType().Name;
            }

            findings.Add(
                EnvRule.OutsideActionRefused,
                $"Expected an ArgumentException for the action [{string.Join(", ", action)}], which is not in {player.Env.ActionSpace}, "
                + $"got {came}. Begin Step with: if (!ActionSpace.Contains(action)) throw new ArgumentException(...).");
        }
    }

    private void RandomOfEarlierResets()
    {
        using var player = NewPlayer();
        var (action, actions) = (new TAction[player.Env.ActionSpace.Size], Actions());
        var source = new Rng(options.Seed);
        WatchedRandom? earlier = null;

        for (var episode = 0; episode < 10; episode++)
        {
            var current = new WatchedRandom(source);
            var before = earlier?.Draws;
            player.Reset(current);
            for (var (step, ended) = (0, false); step < 100 && !ended; step++)
            {
                player.Env.ActionSpace.Sample(actions, action);
                ended = player.Step(action).Ended;
            }

            if (earlier is not null && earlier.Draws > before)
            {
                findings.Add(
                    EnvRule.EarlierRandomForgotten,
                    $"Expected draws only from the Random that the last Reset was handed, got {earlier.Draws - before} from that of an "
                    + "earlier one. Set the field at every Reset.");
                return;
            }

            earlier ??= current;   // the first is the one that a task would keep by mistake
        }
    }

    private void BytesPerStep()
    {
        using var player = NewPlayer();
        // The first passes warm up. A Step that allocates does so in every pass; what a runtime allocates beside it, when other threads make it compile or collect, in few.
        var bytes = long.MaxValue;
        for (var pass = 0; pass < 5 && bytes > 0; pass++)
        {
            bytes = 0;
            var (action, actions, random) = (new TAction[player.Env.ActionSpace.Size], Actions(), Random());
            player.Reset(random);
            for (var step = 0; step < fewSteps; step++)
            {
                player.Env.ActionSpace.Sample(actions, action);
                var before = GC.GetAllocatedBytesForCurrentThread();
                var ended = player.Step(action).Ended;
                bytes += GC.GetAllocatedBytesForCurrentThread() - before;
                if (ended)
                    player.Reset(random);
            }
        }

        if (bytes > 0)
        {
            findings.Add(
                EnvRule.StepAllocatesNothing,
                $"Expected Step to allocate nothing, got {bytes} bytes in {fewSteps} steps. "
                + "Keep arrays in fields; avoid LINQ, closures and boxing in Step.");
        }
    }

    private void Text()
    {
        using var player = NewPlayer();
        if (player.Env.Find<ITextView>() is not { } view)
            return;

        Play(player, Math.Min(fewSteps, 100), Random(), (step, _) =>
        {
            var longest = view.DrawText().Split('\n').Max(line => line.Length);
            if (longest is > 0 and <= 80)
                return true;

            findings.Add(
                EnvRule.TextFits,
                $"Expected a text of lines of 1 to 80 characters, got a longest line of {longest} at step {step}. "
                + "Draw to a smaller scale.");
            return false;
        });
    }

    // A task that is drawn at every step beside one that never is.
    private void Frames()
    {
        using var drawn = NewPlayer();
        using var other = NewPlayer();
        if (drawn.Env.Find<IFrameView>() is not { } view)
            return;

        var (height, width) = view.FrameSize;
        if (height < 1 || width < 1 || !(view.FramesPerSecond > 0))
        {
            findings.Add(
                EnvRule.FrameDrawsTheState,
                $"Expected frames of at least 1 by 1 pixel and more than 0 in a second, got {height} by {width} and {view.FramesPerSecond}.");
            return;
        }

        var (one, two) = (new byte[height * width * 3], new byte[height * width * 3]);
        var (action, actions, randomOne, randomTwo) = (new TAction[drawn.Env.ActionSpace.Size], Actions(), Random(), Random());
        drawn.Reset(randomOne);
        other.Reset(randomTwo);
        for (var step = 0; step < Math.Min(fewSteps, 20); step++)
        {
            Array.Fill(one, (byte)0xA5);
            Array.Fill(two, (byte)0x5A);
            view.DrawFrame(one);
            view.DrawFrame(two);
            if (!one.AsSpan().SequenceEqual(two))
            {
                findings.Add(
                    EnvRule.FrameDrawsTheState,
                    $"Expected two frames of one state to be the same, got others from byte {one.AsSpan().CommonPrefixLength(two)} on at step {step}. "
                    + "Write every byte, background too, and draw nothing but the state.");
                return;
            }

            drawn.Env.ActionSpace.Sample(actions, action);
            var (resultOne, resultTwo) = (drawn.Step(action), other.Step(action));
            if (!Same(resultOne, resultTwo) || drawn.FirstDifference(other.Observation) >= 0)
            {
                findings.Add(
                    EnvRule.FrameDrawsTheState,
                    $"Expected drawing to change nothing, got another step {step + 1} than without it. Only read fields in DrawFrame, and draw no random numbers.");
                return;
            }

            if (resultOne.Ended)
            {
                drawn.Reset(randomOne);
                other.Reset(randomTwo);
            }
        }
    }

    // Saved in mid-episode; loaded by a new task, and by one that was somewhere else.
    private void SavedAndLoaded()
    {
        using var saved = NewPlayer();
        if (saved.Env.AsSavable() is not { } state)
            return;

        foreach (var stepsBefore in (ReadOnlySpan<int>)[0, 1, 7, 50])
        {
            var random = new Rng(options.Seed);
            Play(saved, stepsBefore, random, (_, _) => true);

            using var stream = new MemoryStream();
            using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            {
                state.Save(writer);
            }

            var generator = random.State;
            var expected = Future(saved, random);

            using var fresh = NewPlayer();
            foreach (var (player, who) in ((Player<TObservation, TAction>, string)[])[(fresh, "a new task"), (saved, "the same task, further on")])
            {
                stream.Position = 0;
                var loaded = new Rng(0) { State = generator };
                using (var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true))
                {
                    player.Env.RequireSavable().Load(reader, loaded);
                }

                var left = stream.Length - stream.Position;
                if (left == 0 && Future(player, loaded) == expected)
                    continue;

                findings.Add(
                    EnvRule.SavedGoesOn,
                    $"Expected {who}, after loading what was saved {stepsBefore} steps after a reset, to go on as the saved one did, got "
                    + (left == 0 ? "another future. Save every field that a step reads, and keep the Random that Load is handed." : $"{left} bytes left over. Read in Load what Save writes."));
                return;
            }
        }
    }

    // A hash of all that comes of some steps from here on.
    private ulong Future(Player<TObservation, TAction> player, Rng random)
    {
        var (action, actions) = (new TAction[player.Env.ActionSpace.Size], new Rng(options.Seed, stream: ulong.MaxValue - 1));
        var hash = Hash.Start;
        for (var step = 0; step < Math.Min(fewSteps, 300); step++)
        {
            player.Env.ActionSpace.Sample(actions, action);
            var result = player.Step(action);
            hash = Hash.Of(hash, player.Bytes, result);
            if (result.Ended)
                player.Reset(random);
        }

        return hash;
    }

    // Resets and does so many random actions, over as many episodes as that takes. Calls `seen` after the first reset, with step 0,
    // and after each step; stops when it returns false.
    private void Play(Player<TObservation, TAction> player, int steps, Random random, Func<int, StepResult, bool> seen)
    {
        var (action, actions) = (new TAction[player.Env.ActionSpace.Size], Actions());
        player.Reset(random);
        var going = seen(0, default);
        for (var step = 1; step <= steps && going; step++)
        {
            player.Env.ActionSpace.Sample(actions, action);
            var result = player.Step(action);
            going = seen(step, result);
            if (result.Ended)
                player.Reset(random);
        }
    }

    private const string OnlyThatSource = "Draw from the Random handed to Reset and from nothing else, and share no state between tasks.";

    private Player<TObservation, TAction> NewPlayer(byte mark = 0) => new(create(), mark);

    private Space<TAction> NewSpace()
    {
        using var player = NewPlayer();
        return player.Env.ActionSpace;
    }

    private WatchedRandom Random(ulong seedOffset = 0) => new(new Rng(unchecked(options.Seed + seedOffset)));

    // A stream of its own, so that actions and draws have nothing in common.
    private Rng Actions() => new(options.Seed, stream: ulong.MaxValue);

    // To the bit: NaN is the same as NaN, 0 is not the same as -0.
    private static bool Same(StepResult one, StepResult two) =>
        BitConverter.SingleToInt32Bits(one.Reward) == BitConverter.SingleToInt32Bits(two.Reward)
        && one.Terminated == two.Terminated && one.Truncated == two.Truncated;

    private static string Outside(Space<TObservation> space, ReadOnlySpan<TObservation> value)
    {
        for (var i = 0; i < value.Length; i++)
        {
            var number = value[i];
            var inside = space switch
            {
                Box box => Unsafe.BitCast<TObservation, float>(number) is var single && single >= box.Low[i] && single <= box.High[i],
                MultiDiscrete several => (uint)Unsafe.BitCast<TObservation, int>(number) < (uint)several.Choices[i],
                ByteBox box => Unsafe.BitCast<TObservation, byte>(number) <= box.High,
                _ => false,
            };
            if (!inside)
                return $"{number} at index {i}";
        }

        return $"[{string.Join(", ", value.ToArray())}]";
    }
}
