using System.Runtime.InteropServices;

namespace RlWn.Inference;

/// <summary>Memory for one call: the stack's, or where that is too small, the heap's beside the managed one.</summary>
internal unsafe ref struct Room
{
    private readonly void* rented;

    public Room(int count, Span<float> stack)
    {
        if (count <= stack.Length)
        {
            Numbers = stack[..count];
            return;
        }

        rented = NativeMemory.Alloc((nuint)count, sizeof(float));
        Numbers = new(rented, count);
    }

    public Span<float> Numbers { get; }

    public readonly void Dispose() => NativeMemory.Free(rented);
}
