using System.Runtime.InteropServices;
using System.Text.Json;

namespace RlWn.Envs;

/// <summary>Environments in Python processes, and the rows that both sides read and write.</summary>
internal sealed unsafe class PythonEnvs : IDisposable
{
    private readonly GymnasiumId id;
    private readonly int count;
    private readonly bool autoreset;
    private readonly BridgeOptions options;
    private readonly SharedMemory? memory;
    private readonly Layout layout;
    private readonly PythonWorker[] workers;
    private readonly byte[] message;
    private State state;

    /// <summary>Starts the processes and waits until they have made their environments.</summary>
    /// <exception cref="GymnasiumException">It cannot be done.</exception>
    public PythonEnvs(GymnasiumId id, int count, bool autoreset, BridgeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        options.Validate();
        (this.id, this.count, this.autoreset, this.options) = (id, count, autoreset, options);
        workers = new PythonWorker[Math.Min(count, options.Processes ?? Environment.ProcessorCount)];
        try
        {
            var greeting = StartWorkers();
            ObservationSpace = GymnasiumSpaces.Read(greeting.GetProperty("observation"));
            ActionSpace = GymnasiumSpaces.Read(greeting.GetProperty("action"));
            if (greeting.TryGetProperty("frame", out var frame))
                (FrameSize, FramesPerSecond) = ((frame[0].GetInt32(), frame[1].GetInt32()), greeting.GetProperty("framesPerSecond").GetDouble());

            layout = new Layout(count, ObservationSpace, ActionSpace);
            message = new byte[1 + (count * Math.Max(sizeof(long), layout.ActionBytes))];
            memory = options.SharedMemory ? SharedMemory.TryCreate(layout.Size) : null;
            if (!ShareMemory())
            {
                memory?.Dispose();
                memory = null;
                ShareMemory();
            }

            Observations = MakeRows(ObservationSpace, layout.Observations);
            FinalObservations = MakeRows(ObservationSpace, layout.Finals);
            Actions = MakeRows(ActionSpace, layout.Actions);
        }
        catch
        {
            End();
            throw;
        }
    }

    private enum State
    {
        Made,
        Running,
        Broken,
    }

    public Space ObservationSpace { get; }

    public Space ActionSpace { get; }

    /// <summary>Rows and columns of a frame; null where the environments were not made to draw any.</summary>
    public (int Height, int Width)? FrameSize { get; }

    public double FramesPerSecond { get; }

    public Batch Observations { get; }

    public Batch FinalObservations { get; }

    public Batch Actions { get; }

    /// <summary>Whether an error ended the processes; a reset starts new ones.</summary>
    public bool IsBroken => state == State.Broken;

    public IReadOnlyList<int> ProcessIds => [.. workers.Select(worker => worker.ProcessId)];

    /// <summary>Whether observations and actions lie in memory that both sides share.</summary>
    public bool IsShared => memory is not null;

    /// <summary>Starts a new episode in every environment.</summary>
    /// <param name="seeds">One for each environment; -1 goes on with the generator that the environment has.</param>
    public void Reset(ReadOnlySpan<long> seeds)
    {
        if (IsBroken)
            Restart();

        try
        {
            foreach (var worker in workers)
            {
                message[0] = (byte)'r';
                MemoryMarshal.AsBytes(seeds.Slice(worker.First, worker.Count)).CopyTo(message.AsSpan(1));
                worker.Send(message.AsSpan(0, 1 + (worker.Count * sizeof(long))));
            }

            foreach (var worker in workers)
            {
                worker.ReceiveOk("reset");
                if (memory is null)
                    worker.Receive(RowsOf(Observations, worker.First, worker.Count), "reset");
            }
        }
        catch
        {
            Break();
            throw;
        }

        state = State.Running;
    }

    /// <summary>Starts the action in the row of <see cref="Actions"/> in each environment.</summary>
    public void Send()
    {
        RequireRunning();
        try
        {
            foreach (var worker in workers)
                SendStep(worker);
        }
        catch
        {
            Break();
            throw;
        }
    }

    /// <summary>Waits for what came of the actions.</summary>
    public void Receive(Span<float> rewards, Span<bool> terminated, Span<bool> truncated)
    {
        RequireRunning();
        try
        {
            foreach (var worker in workers)
            {
                worker.ReceiveOk("step");
                if (memory is null)
                    ReceiveRows(worker, rewards, terminated, truncated);
            }
        }
        catch
        {
            Break();
            throw;
        }

        if (memory is not null)
        {
            new ReadOnlySpan<float>((void*)(memory.Address + layout.Rewards), count).CopyTo(rewards);
            new ReadOnlySpan<bool>((void*)(memory.Address + layout.Terminated), count).CopyTo(terminated);
            new ReadOnlySpan<bool>((void*)(memory.Address + layout.Truncated), count).CopyTo(truncated);
        }
    }

    /// <summary>Draws the first environment.</summary>
    public void DrawFrame(Span<byte> rgb)
    {
        RequireRunning();
        try
        {
            workers[0].Send("d"u8);
            workers[0].ReceiveOk("render");
            var frame = workers[0].ReceiveBlock("render");
            if (frame.Length != rgb.Length)
                throw new GymnasiumException(id.Text, $"Expected a frame of {rgb.Length} bytes from {id.Text}, as before, got {frame.Length}.");
            frame.CopyTo(rgb);
        }
        catch
        {
            Break();
            throw;
        }
    }

    public void Dispose()
    {
        End();
        memory?.Dispose();
        state = State.Broken;
    }

    private JsonElement StartWorkers()
    {
        for (var i = 0; i < workers.Length; i++)
        {
            var (first, end) = (i * count / workers.Length, (i + 1) * count / workers.Length);
            workers[i] = new PythonWorker(id, first, end - first, autoreset, options);
        }

        return workers.Select(worker => worker.ReadGreeting(options.StepTimeout)).ToArray()[0];
    }

    // False where a process cannot reach the memory.
    private bool ShareMemory()
    {
        foreach (var worker in workers)
            worker.SendJson(memory is null ? layout.Alone(worker.Count) : layout.Within(memory.Path, worker.First));
        return workers.Select(worker => worker.TryReceiveOk("make")).ToArray().All(isThere => isThere);
    }

    private void Restart()
    {
        try
        {
            StartWorkers();
            if (!ShareMemory())
                throw new GymnasiumException(id.Text, $"Expected the memory of {id.Text} to be shared with a new process, as with the one before, got a refusal.");
        }
        catch
        {
            Break();
            throw;
        }
    }

    private void RequireRunning()
    {
        if (state == State.Broken)
            throw new InvalidOperationException($"Expected running environments, got some that failed or were disposed. Reset starts the Python processes of {id.Text} anew.");
        if (state == State.Made)
            throw new InvalidOperationException("Expected a Reset before the first Step or frame. Call it once to start every episode.");
    }

    private void SendStep(PythonWorker worker)
    {
        message[0] = (byte)'s';
        var length = 1;
        if (memory is null)
        {
            var actions = RowsOf(Actions, worker.First, worker.Count);
            actions.CopyTo(message.AsSpan(1));
            length += actions.Length;
        }

        worker.Send(message.AsSpan(0, length));
    }

    private void ReceiveRows(PythonWorker worker, Span<float> rewards, Span<bool> terminated, Span<bool> truncated)
    {
        var (first, end) = (worker.First, worker.First + worker.Count);
        worker.Receive(MemoryMarshal.AsBytes(rewards[first..end]), "step");
        worker.Receive(MemoryMarshal.AsBytes(terminated[first..end]), "step");
        worker.Receive(MemoryMarshal.AsBytes(truncated[first..end]), "step");
        worker.Receive(RowsOf(Observations, first, worker.Count), "step");
        for (var i = first; i < end && autoreset; i++)
        {
            if (terminated[i] | truncated[i])
                worker.Receive(RowsOf(FinalObservations, i, 1), "step");
        }
    }

    private Batch MakeRows(Space space, int offset) =>
        memory is null ? Batch.Of(space, count) : Batch.Over(space, count, memory.Address + offset, memory.Owner);

    private Span<byte> RowsOf(Batch batch, int first, int rows)
    {
        var width = batch.Bytes.Length / count;
        return batch.Bytes.Slice(first * width, rows * width);
    }

    // One process failed: what the others did in this step is lost with it.
    private void Break()
    {
        state = State.Broken;
        foreach (var worker in workers)
            worker?.Kill();
        End();
    }

    private void End()
    {
        foreach (var worker in workers)
            worker?.Close();
        foreach (var worker in workers)
            worker?.Dispose();
    }

    /// <summary>Where each kind of row begins in the memory of so many environments, each at a multiple of 64 bytes.</summary>
    private readonly struct Layout
    {
        private readonly Space observationSpace;
        private readonly Space actionSpace;

        public Layout(int count, Space observationSpace, Space actionSpace)
        {
            (this.observationSpace, this.actionSpace) = (observationSpace, actionSpace);
            (ObservationBytes, ActionBytes) = (observationSpace.Size * Batch.ElementSize(observationSpace), actionSpace.Size * Batch.ElementSize(actionSpace));
            var end = 0;
            Observations = Next(ObservationBytes);
            Finals = Next(ObservationBytes);
            Actions = Next(ActionBytes);
            Rewards = Next(sizeof(float));
            Terminated = Next(sizeof(bool));
            Truncated = Next(sizeof(bool));
            Size = end;

            int Next(int width)
            {
                var start = end;
                end = checked(end + (((width * count) + 63) / 64 * 64));
                return start;
            }
        }

        public int ObservationBytes { get; }

        public int ActionBytes { get; }

        public int Observations { get; }

        public int Finals { get; }

        public int Actions { get; }

        public int Rewards { get; }

        public int Terminated { get; }

        public int Truncated { get; }

        public int Size { get; }

        /// <summary>What a process is told that has rows of this memory from one on.</summary>
        public object Within(string path, int first) => Describe(path, first);

        /// <summary>What a process is told that has memory of its own, and no rows of another's.</summary>
        public object Alone(int count) => new Layout(count, observationSpace, actionSpace).Describe(path: "", first: 0);

        private object Describe(string path, int first) => new
        {
            path,
            size = Size,
            observations = Observations + (first * ObservationBytes),
            finals = Finals + (first * ObservationBytes),
            actions = Actions + (first * ActionBytes),
            rewards = Rewards + (first * sizeof(float)),
            terminated = Terminated + first,
            truncated = Truncated + first,
            observationBytes = ObservationBytes,
            actionBytes = ActionBytes,
        };
    }
}
