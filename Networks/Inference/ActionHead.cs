namespace RlWn.Inference;

/// <summary>What the outputs of a policy's network stand for, and how an action is chosen by them. Nothing here allocates once it is made.</summary>
internal abstract class ActionHead
{
    /// <summary>What kind of action it chooses.</summary>
    public abstract ActionKind Kind { get; }

    /// <summary>How many numbers an action has.</summary>
    public abstract int ActionSize { get; }

    /// <summary>The action in a few words, for errors: "3 choices".</summary>
    public abstract string Description { get; }
}

/// <summary>A head whose actions are numbers of one type.</summary>
/// <typeparam name="T">int for choices, float for numbers.</typeparam>
internal abstract class ActionHead<T> : ActionHead where T : unmanaged
{
    /// <summary>Chooses the action of one row.</summary>
    /// <param name="outputs">What the network gave, [K], finite.</param>
    /// <param name="random">The source of randomness; null for the most probable action.</param>
    /// <param name="action">Receives the action, as many numbers as <see cref="ActionHead.ActionSize"/> says.</param>
    public abstract void Choose(ReadOnlySpan<float> outputs, Random? random, Span<T> action);
}

/// <summary>A head that chooses one of N.</summary>
/// <param name="choices">N.</param>
internal abstract class ChoiceHead(int choices) : ActionHead<int>
{
    /// <summary>N: how many choices there are.</summary>
    public int Choices => choices;

    public override ActionKind Kind => ActionKind.Discrete;

    public override int ActionSize => 1;

    public override string Description => $"{choices} choices";
}
