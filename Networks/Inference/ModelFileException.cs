namespace RlWn.Inference;

/// <summary>A model file is not what it should be: not of the format, cut off, altered, or of other shapes than expected.</summary>
/// <remarks>The message is one line: the file, what was expected, what came, and what to do.</remarks>
public sealed class ModelFileException : IOException
{
    /// <summary>Makes the exception.</summary>
    public ModelFileException() { }

    /// <summary>Makes the exception with a message, whose line breaks become spaces.</summary>
    /// <param name="message">What was expected, what came, what to do.</param>
    /// <param name="innerException">What gave it away, if that was an exception.</param>
    public ModelFileException(string message, Exception? innerException = null) : base(OneLine(message), innerException) { }

    private static string OneLine(string message) => (message ?? "").ReplaceLineEndings(" ");
}
