using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>A trained policy: give it an observation, it gives an action. Needs nothing but this library.</summary>
/// <example>
/// <code>
/// using var policy = Policy.Load("cartpole.safetensors");
/// int action = policy.Act(observation);
/// </code>
/// </example>
/// <remarks>
/// <para>Many threads may act with one policy at once, if each has its own <see cref="Random"/>. Acting allocates nothing.</para>
/// <para>
/// The file is a safetensors file with the tensors' names and shapes of PyTorch, i = 0 for the layer that sees the observation:
/// actor.{i}.weight_g [out, 1], actor.{i}.weight_v [out, in] and actor.{i}.bias [out] of a weight-normalized layer, actor.{i}.weight
/// [out, in] and actor.{i}.bias [out] of a plain one, actor.log_std [A] for continuous actions. Where hidden layers are normalized before their
/// ReLU, actor.{i}_norm.weight [out], and for a layer norm actor.{i}_norm.bias [out]; batch normalization is part of the plain weights.
/// </para>
/// <para>
/// Its metadata says rlwn.format = "1", rlwn.observation_shape = "[4]", rlwn.action = "discrete" or "box", for a box with bounds rlwn.action_low
/// and rlwn.action_high = "[-2, null]", null for none, and rlwn.norm = "layer_norm" or "rms_norm" where hidden layers are normalized, ε = 1e-5.
/// Files without rlwn.norm, as older versions wrote them, have no normalization.
/// </para>
/// <para>
/// Or rlwn.action = "tanh_box": the bounds are finite, and the action is squashed between them by a tanh in place of being clipped. Or "multi_discrete": the
/// outputs are the logits of several choices, one after another, and rlwn.choices = "[3, 2]" says how many each has.
/// </para>
/// <para>
/// Or rlwn.action = "return_distribution": the outputs, [N, M] in a row, are then logits of the return of each of N choices over M = rlwn.atoms atoms
/// from rlwn.return_low to rlwn.return_high, and the choice of the highest mean is taken.
/// </para>
/// <para>
/// Behind a convolutional torso the layers are actor.head.{i}, and the convolutions are actor.torso.{name} with weight_g [out, 1, 1, 1] and weight_v
/// [out, in, k, k], or weight, and bias; metadata then says rlwn.torso = "min_atar", "nature" or "impala", rlwn.torso_depth and rlwn.torso_width.
/// Where the task's observations are bytes, rlwn.observation_high is their greatest value, by which they are divided.
/// </para>
/// <para>
/// Before the layers, which are then actor.head.{i} too, may stand an LSTM of rlwn.lstm = "64" units: actor.lstm.ih.weight [4 H, in] on what it sees and
/// actor.lstm.hh.weight [4 H, H] on what it remembers, or weight_g and weight_v of them, and a bias of each, rows in PyTorch's order of gates: input, forget,
/// candidate, output. Such a policy acts by <see cref="Act(ReadOnlySpan{float}, RecurrentState)"/>.
/// </para>
/// <para>
/// Where observations were normalized in training, actor.obs_mean and actor.obs_var, both [D] of F64, shift and scale each number of them to
/// (x - mean) / √var, and rlwn.observation_clip = "10" is where that is cut off: a policy is always given what the task gives.
/// </para>
/// </remarks>
public sealed partial class Policy : IDisposable
{
    private const int MostOutputs = 16_384;      // of one row, 64 KiB on the stack
    private const int OutputsTogether = 1_024;   // of the rows of a batch that are computed together
    private const int NumbersOnStack = 4_096;    // of one observation that came as bytes

    private readonly PolicyTensors tensors;      // as they came, for saving
    private readonly PolicyNetwork network;
    private readonly ActionHead head;
    private readonly float? byteScale;

    private Policy(IReadOnlyList<TensorData> all, IReadOnlyDictionary<string, string> metadata)
    {
        Metadata = metadata.ToDictionary();
        var format = new PolicyFormat(Metadata);
        format.RequireFormat();
        tensors = new PolicyTensors(all);
        network = PolicyNetwork.Of(format, tensors);
        try
        {
            ObservationShape = format.ObservationShape(network.InputSize);
            byteScale = format.ByteScale();
            head = format.Head(network.OutputSize, tensors);
            if (network.OutputSize > MostOutputs)
                throw new ArgumentException($"Expected a policy of at most {MostOutputs} outputs, got {network.OutputSize}.");
            tensors.RequireAllTaken();
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Length of each dimension of an observation.</summary>
    public IReadOnlyList<int> ObservationShape { get; }

    /// <summary>D: how many numbers an observation has.</summary>
    public int ObservationSize => network.InputSize;

    /// <summary>What kind of action the policy chooses.</summary>
    public ActionKind Kind => head.Kind;

    /// <summary>N: how many choices a discrete policy has.</summary>
    /// <exception cref="InvalidOperationException">The policy is of another kind.</exception>
    public int ActionCount => RequireDiscrete().Choices;

    /// <summary>How many choices each number of a discrete action has: [N], or of several at once [N₁, N₂, …]; empty for continuous policies.</summary>
    public IReadOnlyList<int> ActionCounts => head switch
    {
        ChoiceHead one => [one.Choices],
        MultiCategoricalHead several => several.Counts,
        _ => [],
    };

    /// <summary>A: how many numbers an action of a continuous policy has, or of one of several choices at once.</summary>
    /// <exception cref="InvalidOperationException">The policy is of one choice.</exception>
    public int ActionSize => head is ChoiceHead ? RequireContinuous().ActionSize : head.ActionSize;

    /// <summary>The least value of each number of a continuous action, -∞ where unbounded; empty for discrete policies.</summary>
    public IReadOnlyList<float> ActionLow => (head as ContinuousHead)?.Low ?? [];

    /// <summary>The greatest value of each number of a continuous action, ∞ where unbounded; empty for discrete policies.</summary>
    public IReadOnlyList<float> ActionHigh => (head as ContinuousHead)?.High ?? [];

    /// <summary>The texts that came with the policy: those of the format, and what the training added, as the task.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The convolutions before the layers; null where there are none.</summary>
    internal FoldedTorso? Convolutions => network.Convolutions;

    /// <summary>The LSTM before the layers; null where there is none.</summary>
    internal FoldedLstm? Memory => network.Memory;

    /// <summary>The layers.</summary>
    internal FoldedMlp Layers => network.Layers;

    /// <summary>What normalizes observations; null where nothing does.</summary>
    internal ObservationScale? Scale => network.Scale;

    /// <summary>What observations of bytes are multiplied by; null where they are numbers.</summary>
    internal float? ByteScale => byteScale;

    /// <summary>What the outputs of the layers stand for.</summary>
    internal ActionHead Head => head;

    /// <summary>Reads a policy from a file.</summary>
    /// <param name="path">A safetensors file as <see cref="Save"/> or the training writes it. Tensors beside the actor are ignored.</param>
    /// <exception cref="ModelFileException">The file is not a policy, is cut off, or was altered.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static Policy Load(string path)
    {
        var (tensors, metadata) = Safetensors.Read(path);
        try
        {
            return FromTensors(tensors, metadata);
        }
        catch (ArgumentException exception)
        {
            throw new ModelFileException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Makes a policy from its tensors.</summary>
    /// <param name="tensors">Tensors with the names, types and shapes of the file; those beside the actor are ignored.</param>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> makes, and any other texts.</param>
    /// <exception cref="ArgumentException">Something is missing, superfluous or of the wrong shape, or a number is not finite.</exception>
    public static Policy FromTensors(IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        return new Policy(tensors, metadata);
    }

    /// <summary>The metadata of a policy of discrete actions, to which other texts can be added.</summary>
    /// <param name="observationShape">Length of each dimension of an observation.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    public static Dictionary<string, string> DiscreteMetadata(ReadOnlySpan<int> observationShape, RowNorm norm = RowNorm.None) =>
        PolicyFormat.Discrete(observationShape, norm);

    /// <summary>The metadata of a policy of several choices at once, to which other texts can be added.</summary>
    /// <param name="observationShape">Length of each dimension of an observation.</param>
    /// <param name="choices">How many each choice has, at least 1.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    public static Dictionary<string, string> MultiDiscreteMetadata(ReadOnlySpan<int> observationShape, ReadOnlySpan<int> choices, RowNorm norm = RowNorm.None) =>
        PolicyFormat.MultiDiscrete(observationShape, choices, norm);

    /// <summary>The metadata of a policy of continuous actions, to which other texts can be added.</summary>
    /// <param name="observationShape">Length of each dimension of an observation.</param>
    /// <param name="low">The least value of each number of an action; negative infinity for none.</param>
    /// <param name="high">The greatest value of each number of an action; infinity for none.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    public static Dictionary<string, string> BoxMetadata(
        ReadOnlySpan<int> observationShape, ReadOnlySpan<float> low, ReadOnlySpan<float> high, RowNorm norm = RowNorm.None) =>
        PolicyFormat.Box(observationShape, low, high, norm);

    /// <summary>Adds to metadata that observations are bytes, which are divided by their greatest value.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="high">The greatest value; 0 counts as 1.</param>
    public static void AddBytes(IDictionary<string, string> metadata, byte high)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddBytes(metadata, high);
    }

    /// <summary>Says in metadata that continuous actions are squashed between their bounds by a tanh, and not clipped to them. See <see cref="TanhGaussian"/>.</summary>
    /// <param name="metadata">What <see cref="BoxMetadata"/> made, of finite bounds.</param>
    public static void AddTanh(IDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddTanh(metadata);
    }

    /// <summary>Says in metadata that each choice has a distribution of its return: logits over atoms that lie evenly between two bounds.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> made.</param>
    /// <param name="atoms">M, from 2 to 1,000.</param>
    /// <param name="low">The lowest atom.</param>
    /// <param name="high">The highest, above <paramref name="low"/>.</param>
    public static void AddReturnDistribution(IDictionary<string, string> metadata, int atoms, double low, double high)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddReturnDistribution(metadata, atoms, low, high);
    }

    /// <summary>Adds to metadata that observations are normalized, by the tensors actor.obs_mean and actor.obs_var.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="clip">Normalized numbers beyond ± this are cut off; above 0.</param>
    public static void AddObservationScale(IDictionary<string, string> metadata, double clip)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddObservationScale(metadata, clip);
    }

    /// <summary>Adds to metadata which convolutional torso stands before the layers.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="torso">Which; Mlp adds nothing.</param>
    /// <param name="depth">Of <see cref="Torso.Impala"/>, as 15.</param>
    /// <param name="width">What the channels are multiplied by.</param>
    public static void AddTorso(IDictionary<string, string> metadata, Torso torso, int depth, int width)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddTorso(metadata, torso, depth, width);
    }

    /// <summary>Adds to metadata that an LSTM stands before the layers.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="units">H, from 1 to 65,536.</param>
    public static void AddLstm(IDictionary<string, string> metadata, int units)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        PolicyFormat.AddLstm(metadata, units);
    }

    /// <summary>Writes the policy to a file, in one step: an existing file is replaced by a whole new one or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Save(string path) => Safetensors.Write(path, tensors.All, Metadata);

    /// <summary>The most probable action of a discrete policy.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="ArgumentException">The observation is not of D numbers, or holds NaN or overflowing numbers.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous, or recurrent, and so acts with a state alone.</exception>
    public int Act(ReadOnlySpan<float> observation)
    {
        RequireDiscrete();
        var action = 0;
        Act(observation, 1, new Span<int>(ref action));
        return action;
    }

    /// <summary>The most probable action of a discrete policy of a task whose observations are bytes.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="InvalidOperationException">The policy is continuous or recurrent, or its observations are no bytes.</exception>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception[@cref='T:System.ArgumentException']"/>
    [SkipLocalsInit]
    public int ActOnBytes(ReadOnlySpan<byte> observation)
    {
        RequireDiscrete();
        Span<float> room = stackalloc float[NumbersOnStack];
        using var rented = new Room(ObservationSize, room);
        return Act(Scaled(observation, rented.Numbers));
    }

    /// <summary>The most probable action of a continuous policy of a task whose observations are bytes: the mean, within the bounds.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete or recurrent, or its observations are no bytes.</exception>
    [SkipLocalsInit]
    public void ActOnBytes(ReadOnlySpan<byte> observation, Span<float> action)
    {
        RequireContinuous();
        Span<float> room = stackalloc float[NumbersOnStack];
        using var rented = new Room(ObservationSize, room);
        Act(Scaled(observation, rented.Numbers), action);
    }

    /// <summary>The most probable action of a policy of several choices at once, or of one.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong, or the observation holds NaN or overflowing numbers.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous, or recurrent, and so acts with a state alone.</exception>
    public void Act(ReadOnlySpan<float> observation, Span<int> action) => Act(observation, 1, action);

    /// <summary>The most probable action of a policy of several choices at once, or of one, of a task whose observations are bytes.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous or recurrent, or its observations are no bytes.</exception>
    [SkipLocalsInit]
    public void ActOnBytes(ReadOnlySpan<byte> observation, Span<int> action)
    {
        RequireChoices();
        Span<float> room = stackalloc float[NumbersOnStack];
        using var rented = new Room(ObservationSize, room);
        Act(Scaled(observation, rented.Numbers), action);
    }

    /// <summary>The most probable actions of a discrete policy, or one of several choices, for each observation.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="actions">Receives the actions, [N], or [N, A] where there are several choices.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{int})" path="/exception"/>
    public void Act(ReadOnlySpan<float> observations, int batch, Span<int> actions) => Choose(RequireChoices(), observations, batch, state: null, random: null, actions);

    /// <summary>The most probable action of a continuous policy: the mean, within the bounds.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong, or the observation holds NaN or overflowing numbers.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete, or recurrent, and so acts with a state alone.</exception>
    public void Act(ReadOnlySpan<float> observation, Span<float> action) => Act(observation, 1, action);

    /// <summary>The most probable actions of a continuous policy, one for each observation: the means, within the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Act(ReadOnlySpan<float> observations, int batch, Span<float> actions) => Choose(RequireContinuous(), observations, batch, state: null, random: null, actions);

    /// <summary>Draws an action of a discrete policy.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="random">The source of randomness.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception"/>
    public int Sample(ReadOnlySpan<float> observation, Random random)
    {
        RequireDiscrete();
        var action = 0;
        Sample(observation, 1, random, new Span<int>(ref action));
        return action;
    }

    /// <summary>Draws an action of a policy of several choices at once, or of one.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{int})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observation, Random random, Span<int> action) => Sample(observation, 1, random, action);

    /// <summary>Draws actions of a discrete policy, or one of several choices, for each observation.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N], or [N, A] where there are several choices.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{int})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, int batch, Random random, Span<int> actions)
    {
        ArgumentNullException.ThrowIfNull(random);
        Choose(RequireChoices(), observations, batch, state: null, random, actions);
    }

    /// <summary>Draws an action of a continuous policy, within the bounds.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observation, Random random, Span<float> action) => Sample(observation, 1, random, action);

    /// <summary>Draws actions of a continuous policy, one for each observation, within the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, int batch, Random random, Span<float> actions)
    {
        ArgumentNullException.ThrowIfNull(random);
        Choose(RequireContinuous(), observations, batch, state: null, random, actions);
    }

    /// <summary>Frees the network's memory.</summary>
    public void Dispose() => network.Dispose();

    /// <summary>Actions for all rows: drawn, or the most probable where there is no random source. The state goes on with all rows or with none.</summary>
    [SkipLocalsInit]
    private void Choose<T>(ActionHead<T> by, ReadOnlySpan<float> observations, int batch, RecurrentState? state, Random? random, Span<T> actions) where T : unmanaged
    {
        RequireState(state);
        var (inputs, size) = (network.InputSize, by.ActionSize);
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        if (observations.Length != (long)batch * inputs || actions.Length != (long)batch * size)
            ThrowLengths(observations.Length, batch, size, actions.Length);
        if (state is null || !IsRecurrent)
        {
            ChooseInBlocks(by, observations, batch, default, default, random, actions);
            return;
        }

        Span<float> hidden = state.Hidden, cell = state.Cell, room = stackalloc float[NumbersOnStack];
        using var before = new Room(checked(2 * hidden.Length), room);
        hidden.CopyTo(before.Numbers);
        cell.CopyTo(before.Numbers[hidden.Length..]);
        try
        {
            ChooseInBlocks(by, observations, batch, hidden, cell, random, actions);
        }
        catch
        {
            before.Numbers[..hidden.Length].CopyTo(hidden);
            before.Numbers[hidden.Length..].CopyTo(cell);
            throw;
        }
    }

    [SkipLocalsInit]
    private void ChooseInBlocks<T>(
        ActionHead<T> by, ReadOnlySpan<float> observations, int batch, Span<float> hidden, Span<float> cell, Random? random, Span<T> actions) where T : unmanaged
    {
        var (inputs, outputs, size) = (network.InputSize, network.OutputSize, by.ActionSize);
        var blockRows = Math.Min(batch, Math.Max(1, OutputsTogether / outputs));
        Span<float> room = stackalloc float[blockRows * outputs];
        for (var done = 0; done < batch; done += blockRows)
        {
            var rows = Math.Min(batch - done, blockRows);
            var block = room[..(rows * outputs)];
            network.Forward(observations.Slice(done * inputs, rows * inputs), rows, Rows(hidden, done, rows), Rows(cell, done, rows), block);
            RequireFinite(block, done);
            for (var row = 0; row < rows; row++)
                by.Choose(block.Slice(row * outputs, outputs), random, actions.Slice((done + row) * size, size));
        }
    }

    private Span<float> Scaled(ReadOnlySpan<byte> observation, Span<float> numbers)
    {
        if (byteScale is not { } scale)
            throw new InvalidOperationException("Expected a policy whose metadata says rlwn.observation_high, to act on bytes, got one without. Give it numbers.");
        if (observation.Length != ObservationSize)
            throw new ArgumentException($"Expected an observation of {ObservationSize} bytes, got {observation.Length}.");

        for (var i = 0; i < observation.Length; i++)
            numbers[i] = observation[i] * scale;
        return numbers;
    }

    /// <summary>The weights are finite, so it is the observation if an output is not.</summary>
    private void RequireFinite(ReadOnlySpan<float> outputs, int firstRow)
    {
        for (var i = 0; i < outputs.Length; i++)
        {
            if (!float.IsFinite(outputs[i]))
            {
                throw new ArgumentException(
                    $"Expected observations of finite numbers, got some in row {firstRow + (i / network.OutputSize)} that give {outputs[i]}. Look for NaN, " +
                    "infinite or huge numbers in it.");
            }
        }
    }

    private ChoiceHead RequireDiscrete() => head as ChoiceHead ?? throw new InvalidOperationException(
        $"Expected a policy of discrete actions, got one of {head.Description}. Use the methods that write the action to a span of {(head is MultiCategoricalHead ? "int" : "float")}.");

    private ActionHead<int> RequireChoices() => head as ActionHead<int> ?? throw new InvalidOperationException(
        $"Expected a policy of choices, got one of {head.Description}. Use the methods that write the action to a span of float.");

    private ActionHead<float> RequireContinuous() => head as ActionHead<float> ?? throw new InvalidOperationException(
        $"Expected a policy of continuous actions, got one of {head.Description}. Use the methods that give choices as int.");

    private void ThrowLengths(int observations, int batch, int actionSize, int actions) => throw new ArgumentException(
        $"Expected observations of [{batch}, {ObservationSize}] and actions of [{batch}, {actionSize}] numbers, got {observations} and {actions}.");
}
