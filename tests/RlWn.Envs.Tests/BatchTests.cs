using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RlWn.Envs.Tests;

public class BatchTests
{
    [Fact]
    public unsafe void Of_Floats_AreZeroAlignedAndInRows()
    {
        var batch = Batch.Of<float>(rows: 3, width: 5);
        Assert.Equal((3, 5, typeof(float)), (batch.Rows, batch.Width, batch.ElementType));
        Assert.Equal(new float[15], batch.All<float>().ToArray());
        Assert.Equal(60, batch.Bytes.Length);
        Assert.Equal(0u, (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.All<float>())) % 64);

        batch.Row<float>(1).Fill(1);
        Assert.Equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], batch.All<float>().ToArray());
    }

    [Fact]
    public void Of_Space_HasItsTypeAndSize()
    {
        var batch = Batch.Of(new ByteBox([2, 3]), rows: 4);
        Assert.Equal((4, 6, typeof(byte)), (batch.Rows, batch.Width, batch.ElementType));
    }

    [Fact]
    public void All_OtherType_IsRefused()
    {
        var batch = Batch.Of<float>(1, 1);
        var exception = Assert.Throws<InvalidOperationException>(() => batch.All<int>().Length);
        Assert.Contains("Single, which this batch holds, got Int32", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Row_OutOfRange_IsRefused()
    {
        var batch = Batch.Of<float>(2, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Row<float>(2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Row<float>(-1).Length);
    }

    [Fact]
    public void Of_NoRowsOrTooMany_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Batch.Of<float>(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Batch.Of<float>(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Batch.Of<float>(int.MaxValue, 1));
    }
}
