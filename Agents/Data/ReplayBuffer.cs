using System.Runtime.InteropServices;
using RlWn.Envs;

namespace RlWn.Agents.Data;

/// <summary>
/// The last transitions of N environments, to learn from more than once. Every frame is stored once, in the type the environment gave it:
/// a transition takes the bytes of one frame and 17 more (33 with priorities), so that a million of 84x84 take 7.1 GB.
/// </summary>
/// <remarks>
/// <para>
/// Each environment has a ring of slots. A slot holds what was seen and what was done there; an episode's last observation has a slot in
/// which nothing is done. An observation that is a stack of k frames (see <c>FrameStack</c>) is put together again from the slots before it;
/// before an episode's first frame stand copies of that one, as the wrapper has it.
/// </para>
/// <para>
/// A transition looks n steps ahead: rₜ + γ rₜ₊₁ + … , ended by a termination, whose future is worth nothing, and by a truncation, whose
/// future is that of the last observation (Sutton and Barto 2018, eq. 7.1). It can be drawn once its n steps are known.
/// </para>
/// </remarks>
internal sealed unsafe class ReplayBuffer : IDisposable
{
    [Flags]
    private enum Slot : byte
    {
        None = 0,
        First = 1,        // of an episode
        Terminated = 2,   // by what was done here
        Truncated = 4,
        Ready = 8,        // can be drawn
    }

    private readonly int environments;
    private readonly int ring;            // slots of one environment
    private readonly int stack;           // k
    private readonly int steps;           // n
    private readonly double gamma;
    private readonly float rewardScale;
    private readonly int rowBytes;
    private readonly int frameBytes;

    private readonly byte* frames;        // [N, ring, frame]
    private readonly Slot[] slots;        // [N, ring]
    private readonly int[] actions;
    private readonly float[] rewards;
    private readonly SumTree? priorities;

    private readonly int[] head;          // where each environment's present observation is
    private readonly int[] pending;       // transitions before it whose n steps are not over
    private readonly int[] used;          // slots written so far, at most the ring's
    private readonly byte[] present;      // the present observations in full, [N, row]: the next stack must continue them

    /// <summary>Makes an empty buffer.</summary>
    /// <param name="capacity">Slots in all, at least N times n + k + 3.</param>
    /// <param name="envs">The environments whose transitions it will hold.</param>
    /// <param name="stack">k: of how many frames an observation is stacked, the newest last; 1 for none.</param>
    /// <param name="steps">n, at least 1.</param>
    /// <param name="gamma">Discount γ per step.</param>
    /// <param name="rewardScale">What rewards are multiplied by.</param>
    /// <param name="prioritized">Whether transitions are drawn by priority.</param>
    /// <exception cref="ArgumentException">The capacity is too small, or observations cannot be stacks of k.</exception>
    public ReplayBuffer(int capacity, VectorEnv envs, int stack, int steps, double gamma, double rewardScale, bool prioritized)
    {
        (environments, this.stack, this.steps, this.gamma, this.rewardScale) = (envs.Count, stack, steps, gamma, (float)rewardScale);
        rowBytes = envs.Observations.Bytes.Length / environments;
        ring = capacity / environments;
        if (ring < steps + stack + 3)
        {
            throw new ArgumentException(
                $"Expected room for at least {environments * (steps + stack + 3)} transitions: {environments} environments, {steps} steps ahead, "
                + $"stacks of {stack}. Got {capacity}.", nameof(capacity));
        }

        if (stack < 1 || envs.ObservationSpace.Shape[0] % stack != 0)
        {
            throw new ArgumentException(
                $"Expected observations whose first dimension is a multiple of {stack} stacked frames, got {envs.ObservationSpace}.", nameof(stack));
        }

        frameBytes = rowBytes / stack;
        var count = environments * ring;
        frames = (byte*)NativeMemory.Alloc((nuint)count, (nuint)frameBytes);   // the system gives pages when they are first written
        slots = new Slot[count];
        actions = new int[count];
        rewards = new float[count];
        priorities = prioritized ? new SumTree(count) : null;
        head = new int[environments];
        pending = new int[environments];
        used = new int[environments];
        present = new byte[environments * rowBytes];
    }

    /// <summary>How many transitions can be drawn.</summary>
    public int Count { get; private set; }

    /// <summary>The greatest priority that any transition was ever given; new ones get it, so that each is drawn soon.</summary>
    public double GreatestPriority { get; private set; } = 1;

    /// <summary>Takes the first observations, after the environments were reset: what ran before is cut off there.</summary>
    public void Begin(VectorEnv envs)
    {
        for (var i = 0; i < environments; i++)
        {
            if (used[i] > 0)
                Advance(i);
            pending[i] = 0;   // never to be drawn: nobody knows how they went on
            Show(i, Row(envs.Observations, i), Slot.First);
        }
    }

    /// <summary>Takes a step of every environment: what was done, what came of it, and what is seen now.</summary>
    public void Add(VectorEnv envs)
    {
        var choices = envs.Actions.All<int>();
        for (var i = 0; i < environments; i++)
        {
            var slot = At(i, head[i]);
            (actions[slot], rewards[slot]) = (choices[i], rewardScale * envs.Rewards[i]);
            pending[i]++;

            if (envs.Terminated[i] | envs.Truncated[i])
            {
                slots[slot] |= envs.Terminated[i] ? Slot.Terminated : Slot.Truncated;
                while (pending[i] > 0)
                    MakeReady(At(i, Back(head[i], --pending[i])));
                Advance(i);
                Show(i, Row(envs.FinalObservations, i), Slot.None);
                Advance(i);
                Show(i, Row(envs.Observations, i), Slot.First);
            }
            else
            {
                if (pending[i] == steps)
                    MakeReady(At(i, Back(head[i], --pending[i])));
                Advance(i);
                Show(i, Row(envs.Observations, i), Slot.None);
            }
        }
    }

    /// <summary>Draws transitions, each as probable as any other.</summary>
    /// <param name="random">The source of randomness.</param>
    /// <param name="indices">Receives where they are, [B].</param>
    public void Draw(Rng random, Span<int> indices)
    {
        RequireAny();
        for (var i = 0; i < indices.Length; i++)
        {
            do
                indices[i] = random.Next(slots.Length);
            while (!slots[indices[i]].HasFlag(Slot.Ready));
        }
    }

    /// <summary>Draws transitions in proportion to their priorities: one from each of B equal parts of the whole.</summary>
    /// <param name="random">The source of randomness.</param>
    /// <param name="beta">β, in [0, 1]: 0 leaves the bias that drawing by priority brings, 1 takes it away.</param>
    /// <param name="indices">Receives where they are, [B].</param>
    /// <param name="weights">Receives (count P)^-β over the greatest of the batch, [B].</param>
    /// <remarks>Schaul et al. 2016, arXiv:1511.05952, section 3.4 and algorithm 1.</remarks>
    public void DrawByPriority(Rng random, double beta, Span<int> indices, Span<float> weights)
    {
        RequireAny();
        var tree = priorities!;
        var part = tree.Total / indices.Length;
        var greatest = 0.0;
        Span<double> raw = indices.Length <= 1024 ? stackalloc double[indices.Length] : new double[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = tree.Find((i + random.NextDouble()) * part);
            raw[i] = Math.Pow(Count * tree[indices[i]] / tree.Total, -beta);
            greatest = Math.Max(greatest, raw[i]);
        }

        for (var i = 0; i < indices.Length; i++)
            weights[i] = (float)(raw[i] / greatest);
    }

    /// <summary>Sets the priorities of transitions that were just drawn.</summary>
    /// <param name="indices">Where they are, [B].</param>
    /// <param name="values">Their priorities, above 0, [B].</param>
    public void SetPriorities(ReadOnlySpan<int> indices, ReadOnlySpan<double> values)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            priorities![indices[i]] = values[i];
            GreatestPriority = Math.Max(GreatestPriority, values[i]);
        }
    }

    /// <summary>Copies transitions out.</summary>
    /// <param name="indices">Where they are, [B].</param>
    /// <param name="batch">Receives them, [B].</param>
    public void Gather(ReadOnlySpan<int> indices, Transitions batch)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            var slot = indices[i];
            var (environment, position) = Math.DivRem(slot, ring);
            Unstack(environment, position, Row(batch.Observations, i));

            var (sum, discount) = (0.0, 1.0);
            for (var step = 0; step < steps; step++)
            {
                var at = At(environment, position);
                sum += discount * rewards[at];
                discount *= gamma;
                position = Forward(position);
                if (slots[at].HasFlag(Slot.Terminated))
                    discount = 0;
                if ((slots[at] & (Slot.Terminated | Slot.Truncated)) != 0)
                    break;
            }

            batch.Actions[i] = actions[slot];
            batch.Rewards[i] = (float)sum;
            batch.Discounts[i] = (float)discount;
            Unstack(environment, position, Row(batch.NextObservations, i));
        }
    }

    /// <summary>Writes everything that is in the buffer.</summary>
    public void Save(BinaryWriter writer)
    {
        writer.WriteAll<int>(head);
        writer.WriteAll<int>(pending);
        writer.WriteAll<int>(used);
        writer.WriteAll<byte>(present);
        writer.Write(GreatestPriority);
        for (var i = 0; i < environments; i++)
        {
            writer.WriteAll<byte>(MemoryMarshal.AsBytes(slots.AsSpan(At(i, 0), used[i])));
            writer.WriteAll<int>(actions.AsSpan(At(i, 0), used[i]));
            writer.WriteAll<float>(rewards.AsSpan(At(i, 0), used[i]));
            for (var position = 0; position < used[i]; position++)
            {
                if (priorities is not null)
                    writer.Write(priorities[At(i, position)]);
                writer.Write(Frame(At(i, position)));
            }
        }
    }

    /// <summary>Takes up what a buffer made alike has saved.</summary>
    public void Load(BinaryReader reader)
    {
        reader.ReadAll<int>(head, "the replay buffer's heads");
        reader.ReadAll<int>(pending, "the replay buffer's pending transitions");
        reader.ReadAll<int>(used, "the replay buffer's used slots");
        reader.ReadAll<byte>(present, "the replay buffer's present observations");
        if (used.Any(count => count < 0 || count > ring) || head.Any(position => position < 0 || position >= ring))
            throw new InvalidDataException($"Expected positions within the {ring} slots of each environment's replay, got others.");

        GreatestPriority = reader.ReadDouble();
        Array.Clear(slots);
        for (var i = 0; i < environments; i++)
        {
            reader.ReadAll(MemoryMarshal.AsBytes(slots.AsSpan(At(i, 0), used[i])), "the replay buffer's slots");
            reader.ReadAll(actions.AsSpan(At(i, 0), used[i]), "the replay buffer's actions");
            reader.ReadAll(rewards.AsSpan(At(i, 0), used[i]), "the replay buffer's rewards");
            for (var position = 0; position < used[i]; position++)
            {
                if (priorities is not null)
                    priorities[At(i, position)] = reader.ReadDouble();
                reader.BaseStream.ReadExactly(Frame(At(i, position)));
            }

            for (var position = used[i]; priorities is not null && position < ring; position++)
                priorities[At(i, position)] = 0;   // what this buffer held there before is not to be drawn
        }

        Count = slots.Count(slot => slot.HasFlag(Slot.Ready));
    }

    /// <summary>Frees the frames.</summary>
    public void Dispose() => NativeMemory.Free(frames);

    private static Span<byte> Row(Batch batch, int row)
    {
        var bytes = batch.Bytes.Length / batch.Rows;
        return batch.Bytes.Slice(row * bytes, bytes);
    }

    private int At(int environment, int position) => (environment * ring) + position;

    private int Forward(int position) => position + 1 == ring ? 0 : position + 1;

    private int Back(int position, int by) => position >= by ? position - by : position - by + ring;

    private Span<byte> Frame(int slot) => new(frames + ((nint)slot * frameBytes), frameBytes);

    private void Advance(int environment) => head[environment] = Forward(head[environment]);

    // Writes what is seen now into the slot at the head, over what was there.
    private void Show(int environment, ReadOnlySpan<byte> row, Slot flags)
    {
        var position = head[environment];
        Overwrite(environment, position);
        var slot = At(environment, position);
        slots[slot] = flags;
        row[^frameBytes..].CopyTo(Frame(slot));
        used[environment] = Math.Max(used[environment], position + 1);
        if (stack > 1)
            RequireStack(environment, row, flags.HasFlag(Slot.First));
    }

    // With a frame go the observations that it was a part of.
    private void Overwrite(int environment, int position)
    {
        MakeUnready(At(environment, position));
        for (var later = 1; later < stack; later++)
        {
            position = Forward(position);
            var slot = At(environment, position);
            if (slots[slot].HasFlag(Slot.First))
                break;
            MakeUnready(slot);
        }
    }

    private void MakeReady(int slot)
    {
        slots[slot] |= Slot.Ready;
        Count++;
        if (priorities is not null)
            priorities[slot] = GreatestPriority;
    }

    private void MakeUnready(int slot)
    {
        if (!slots[slot].HasFlag(Slot.Ready))
            return;

        slots[slot] &= ~Slot.Ready;
        Count--;
        if (priorities is not null)
            priorities[slot] = 0;
    }

    private void Unstack(int environment, int position, Span<byte> row)
    {
        for (var k = stack - 1; k >= 0; k--)
        {
            var slot = At(environment, position);
            Frame(slot).CopyTo(row[(k * frameBytes)..]);
            if (!slots[slot].HasFlag(Slot.First))
                position = Back(position, 1);
        }
    }

    // Storing a frame once is only right where stacks move by one frame a step: it is looked at, since what else comes back would be made up.
    private void RequireStack(int environment, ReadOnlySpan<byte> row, bool isFirst)
    {
        var before = present.AsSpan(environment * rowBytes, rowBytes);
        var isStack = isFirst
            ? row[..^frameBytes].SequenceEqual(row[frameBytes..])
            : row[..^frameBytes].SequenceEqual(before[frameBytes..]);
        if (!isStack)
        {
            throw new InvalidOperationException(
                $"Expected observations of {stack} stacked frames, the newest last and copies of the first at an episode's start, got another in "
                + $"environment {environment}. Set dqn.frameStack to 1, or to the number of frames that the environment stacks.");
        }

        row.CopyTo(before);
    }

    private void RequireAny()
    {
        if (Count == 0)
            throw new InvalidOperationException("Expected transitions to draw from, got an empty replay buffer. Collect some before learning.");
    }
}
