namespace RlWn.Envs;

/// <summary>The checks of a vector: each of its environments against the same task alone, with the same draws and actions.</summary>
internal sealed class VectorCheck<TObservation, TAction>(
    Func<int, VectorEnv> createVector, Func<IEnv<TObservation, TAction>> create, EnvContractOptions options)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly Findings findings = new();

    /// <summary>Whether the tasks keep out of each other's way in a vector that is known to be right.</summary>
    public IReadOnlyList<Violation> RunForTask()
    {
        findings.From(() => Compare(count: 8));
        findings.From(() => SavedAndLoaded(count: 3));
        return findings.Violations;
    }

    /// <summary>Whether the vector itself is right. Its counts are those where eight at a time leave something over, or nothing.</summary>
    public IReadOnlyList<Violation> RunForVector()
    {
        foreach (var count in (ReadOnlySpan<int>)[1, 3, 8, 21])
        {
            findings.From(() => Compare(count));
            findings.From(() => SavedAndLoaded(count));
        }

        findings.From(StepBeforeReset);
        findings.From(BytesPerStep);
        return findings.Violations;
    }

    private void Compare(int count)
    {
        using var vector = createVector(count);
        var alone = new Player<TObservation, TAction>[count];
        for (var i = 0; i < count; i++)
            alone[i] = new Player<TObservation, TAction>(create());

        try
        {
            // The second round begins with a reset in mid-episode.
            for (ulong round = 0; round < 2; round++)
            {
                if (!Compare(vector, alone, unchecked(options.Seed + round)))
                    return;
            }
        }
        finally
        {
            foreach (var player in alone)
                player.Dispose();
        }
    }

    private bool Compare(VectorEnv vector, Player<TObservation, TAction>[] alone, ulong seed)
    {
        var space = alone[0].Env.ActionSpace;
        var actions = new Rng(seed, stream: ulong.MaxValue);
        var randoms = new Rng[alone.Length];

        vector.Reset(seed);
        for (var i = 0; i < alone.Length; i++)
        {
            alone[i].Reset(randoms[i] = new Rng(seed, (ulong)i));
            if (Differs(vector.Observations, i, "observation", step: 0))
                return false;
        }

        for (var step = 1; step <= Math.Max(1, options.Steps / 2 / alone.Length); step++)
        {
            if (step == 3)
                RefusedAction(vector, space);
            for (var i = 0; i < alone.Length; i++)
                space.Sample(actions, vector.Actions.Row<TAction>(i));

            StepInOneOrTwo(vector, step);
            for (var i = 0; i < alone.Length; i++)
            {
                var expected = alone[i].Step(vector.Actions.Row<TAction>(i));
                expected = expected with { Truncated = expected.Truncated && !expected.Terminated };
                var got = new StepResult(vector.Rewards[i], vector.Terminated[i], vector.Truncated[i]);
                if (BitConverter.SingleToInt32Bits(got.Reward) != BitConverter.SingleToInt32Bits(expected.Reward)
                    || (got.Terminated, got.Truncated) != (expected.Terminated, expected.Truncated))
                {
                    return !Fail($"{expected}, got {got}", i, step);
                }

                if (expected.Ended)
                {
                    if (Differs(vector.FinalObservations, i, "final observation", step))
                        return false;
                    alone[i].Reset(randoms[i]);
                }

                if (Differs(vector.Observations, i, "observation", step))
                    return false;
            }
        }

        return true;

        bool Differs(Batch batch, int i, string what, int step)
        {
            var row = batch.Row<TObservation>(i);
            var index = alone[i].FirstDifference(row);
            return index >= 0 && Fail($"{alone[i].Observation[index]} at index {index} of the {what}, got {row[index]}", i, step);
        }

        bool Fail(string what, int i, int step)
        {
            findings.Add(
                EnvRule.VectorAsAlone,
                $"Expected environment {i} of {alone.Length} to do, with new Rng(seed, {i}), what the task does alone: {what} at step "
                + $"{step}. Tasks must share nothing; an ended one is reset within the step.");
            return true;
        }
    }

    // Step by itself, and now and then as its two halves: they are the same.
    private static void StepInOneOrTwo(VectorEnv vector, int step)
    {
        if (step % 3 != 0)
        {
            vector.Step();
            return;
        }

        vector.Send();
        vector.Receive();
    }

    // The step that is refused must leave no trace: the comparison goes on after it.
    private void RefusedAction(VectorEnv vector, Space<TAction> space)
    {
        foreach (var action in OutsideActions.Of(space).Where(action => action.Length == space.Size))
        {
            for (var i = 0; i < vector.Count; i++)
                space.Sample(new Rng(0), vector.Actions.Row<TAction>(i));
            action.CopyTo(vector.Actions.Row<TAction>(vector.Count - 1));

            try
            {
                vector.Step();
            }
            catch (ArgumentException)
            {
                continue;
            }

            findings.Add(
                EnvRule.OutsideActionRefused,
                $"Expected an ArgumentException for the action [{string.Join(", ", action)}] in row {vector.Count - 1}, which is not in "
                + $"{space}, got none. Look at all actions before the first environment is stepped.");
        }
    }

    // Loaded by a vector that was never reset, and by the saved one further on.
    private void SavedAndLoaded(int count)
    {
        using var saved = createVector(count);
        using var fresh = createVector(count);
        if (!saved.CanSave)
            return;

        saved.Reset(options.Seed);
        Future(saved, steps: 37);
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        saved.Save(writer);
        writer.Flush();

        var observations = saved.Observations.Bytes.ToArray();
        var expected = Future(saved, steps: 300);
        foreach (var vector in (VectorEnv[])[fresh, saved])
        {
            stream.Position = 0;
            using (var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            {
                vector.Load(reader);
            }

            if (stream.Position == stream.Length && vector.Observations.Bytes.SequenceEqual(observations) && Future(vector, steps: 300) == expected)
                continue;

            findings.Add(
                EnvRule.SavedGoesOn,
                $"Expected {(vector == fresh ? "a new vector" : "the same vector, further on")} of {count}, after loading, to go on as the saved one did, got "
                + "another future. Save every field that a step reads, random generators too.");
            return;
        }
    }

    // A hash of all that comes of some steps from here on.
    private ulong Future(VectorEnv vector, int steps)
    {
        var (space, actions) = ((Space<TAction>)vector.ActionSpace, new Rng(options.Seed, stream: ulong.MaxValue - 1));
        var hash = Hash.Start;
        for (var step = 0; step < steps; step++)
        {
            for (var i = 0; i < vector.Count; i++)
                space.Sample(actions, vector.Actions.Row<TAction>(i));
            vector.Step();

            hash = Hash.Of(hash, vector.Observations.Bytes);
            for (var i = 0; i < vector.Count; i++)
                hash = Hash.Of(hash, [], new StepResult(vector.Rewards[i], vector.Terminated[i], vector.Truncated[i]));
        }

        return hash;
    }

    private void StepBeforeReset()
    {
        using var vector = createVector(1);
        try
        {
            vector.Step();
        }
        catch (InvalidOperationException)
        {
            return;
        }

        findings.Add(
            EnvRule.RunsThrough,
            "Expected an InvalidOperationException from a Step before the first Reset, got none. "
            + "Note in a field that Reset was called.");
    }

    private void BytesPerStep()
    {
        using var vector = createVector(8);
        using var task = new Player<TObservation, TAction>(create());
        var (space, actions) = (task.Env.ActionSpace, new Rng(options.Seed, stream: ulong.MaxValue));
        var steps = Math.Min(options.Steps, 1_000);
        vector.Reset(options.Seed);

        // The first passes warm up. A Step that allocates does so in every pass; what a runtime allocates beside it, when other threads make it compile or collect, in few.
        var bytes = long.MaxValue;
        for (var pass = 0; pass < 5 && bytes > 0; pass++)
        {
            bytes = 0;
            for (var step = 0; step < steps; step++)
            {
                for (var i = 0; i < vector.Count; i++)
                    space.Sample(actions, vector.Actions.Row<TAction>(i));
                var before = GC.GetAllocatedBytesForCurrentThread();
                vector.Step();
                bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }

        if (bytes > 0)
        {
            findings.Add(
                EnvRule.StepAllocatesNothing,
                $"Expected a vector's Step, with the resets in it, to allocate nothing, got {bytes} bytes in {steps} steps. "
                + "Keep arrays in fields.");
        }
    }
}
