namespace NumSharp;

public enum NPTypeCode
{
    Empty = 0,
    Boolean = 3,
    Byte = 6,
    Int32 = 9,
    Int64 = 11,
    Single = 13,
    Double = 14,
    String = 18,
}

public struct Shape(params int[] dims)
{
    public readonly int[] Dimensions => dims ?? [];
}

/// <summary>An array that, like NumSharp's, is read as the type that it has: another one is nonsense, and here an exception.</summary>
public sealed class NDArray(Array values, Shape shape = default, char order = 'C')
{
    public NPTypeCode typecode => (NPTypeCode)(int)Type.GetTypeCode(values.GetType().GetElementType());

    public int size => values.Length;

    public int[] shape { get; } = shape.Dimensions.Length > 0 || values.Length == 1 ? shape.Dimensions : [values.Length];

    public char Order => order;

    public static implicit operator NDArray(Array array) => new(array);

    public T GetAtIndex<T>(int index) where T : unmanaged => ((T[])values)[index];
}
