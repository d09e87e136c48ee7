namespace RlWn.Networks;

/// <summary>What becomes of g, the length of the rows of a weight-normalized layer, in training.</summary>
public enum ScaleMode
{
    /// <summary>g learns, as in Salimans and Kingma 2016.</summary>
    Learnable,

    /// <summary>g stays as it started. It is saved as weight_g all the same, and another initialization may set it.</summary>
    Fixed,

    /// <summary>
    /// There is no g: w = c v / ||v|| with a constant c for the whole layer, the length that the scheme gives its rows. Nothing of it is
    /// saved, so only schemes that derive it from the layer's place will do (<see cref="Init.Scheme.HasOneLength"/>).
    /// </summary>
    Absent,
}
