namespace RlWn.Envs;

/// <summary>A state that is being saved or loaded, field by field: one list of the fields serves both ways, and neither can miss one.</summary>
internal readonly struct StateFields
{
    private readonly BinaryWriter? writer;
    private readonly BinaryReader? reader;

    public StateFields(BinaryWriter writer) => this.writer = writer;

    public StateFields(BinaryReader reader) => this.reader = reader;

    /// <summary>Saves or loads an integer, four bytes.</summary>
    /// <param name="value">The field.</param>
    /// <param name="least">The least value that it can have.</param>
    /// <param name="greatest">The greatest value that it can have.</param>
    /// <param name="name">What to call it in an error.</param>
    /// <exception cref="InvalidDataException">What was loaded lies outside.</exception>
    public void Number(ref int value, int least, int greatest, string name)
    {
        writer?.Write(value);
        if (reader is null)
            return;

        var read = reader.ReadInt32();
        value = read >= least && read <= greatest
            ? read
            : throw new InvalidDataException(
                $"Expected {name} of {least} to {greatest} in the saved state of a game, got {read}. It was saved by another game or is damaged.");
    }

    /// <summary>Saves or loads a flag, as the number 0 or 1.</summary>
    public void Flag(ref bool value, string name)
    {
        var number = value ? 1 : 0;
        Number(ref number, 0, 1, name);
        value = number == 1;
    }
}
