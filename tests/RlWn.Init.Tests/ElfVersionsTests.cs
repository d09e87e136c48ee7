using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace RlWn.Init.Tests;

/// <remarks>
/// The file is put together by hand: ELF header (64 bytes), string table, .gnu.version_r with two needed files, section table.
/// Verneed is u16 version, u16 count, u32 file, u32 aux, u32 next; Vernaux is u32 hash, u16 flags, u16 other, u32 name, u32 next.
/// </remarks>
public class ElfVersionsTests
{
    private const string Strings = "\0libstdc++.so.6\0GLIBCXX_3.4.21\0GLIBCXX_3.4.32\0libc.so.6\0GLIBC_2.14\0GLIBCXX_3.4.3\0";
    private const int StringsAt = 64;
    private const int NeededAt = 192;
    private const int SectionsAt = NeededAt + (2 * 16) + (4 * 16);
    private const int FileSize = SectionsAt + (4 * 64);

    // Where each Vernaux lies in the file below.
    private const int Glibcxx21 = NeededAt + 16, Glibcxx32 = Glibcxx21 + 16, SecondFile = Glibcxx32 + 16, Glibc14 = SecondFile + 16, Glibcxx3 = Glibc14 + 16;

    [Theory]
    [InlineData("GLIBCXX_3.4.21", Glibcxx21)]   // first of the first file
    [InlineData("GLIBCXX_3.4.32", Glibcxx32)]   // last of the first file
    [InlineData("GLIBC_2.14", Glibc14)]         // first of the second file
    [InlineData("GLIBCXX_3.4.3", Glibcxx3)]     // the beginning of another name
    public void MakeWeak_NeededVersion_SetsItsFlagAndNothingElse(string version, int entry)
    {
        var elf = Library();
        var expected = Library();
        expected[entry + 4] |= 0x2;

        Assert.True(ElfVersions.MakeWeak(elf, version));
        Assert.Equal(expected, elf);
    }

    [Fact]
    public void MakeWeak_OtherFlags_Stay()
    {
        var elf = Library();
        elf[Glibcxx32 + 4] = 0x1;

        ElfVersions.MakeWeak(elf, "GLIBCXX_3.4.32");

        Assert.Equal(0x3, elf[Glibcxx32 + 4]);
    }

    [Theory]
    [InlineData("GLIBCXX_3.4.99")]
    [InlineData("GLIBC_2.1")]                   // only the beginning of a needed one
    [InlineData("libc.so.6")]                   // a file, not a version
    public void MakeWeak_VersionThatIsNotNeeded_ChangesNothing(string version)
    {
        var elf = Library();

        Assert.False(ElfVersions.MakeWeak(elf, version));
        Assert.Equal(Library(), elf);
    }

    [Fact]
    public void MakeWeak_LibraryWithoutNeededVersions_ChangesNothing()
    {
        var elf = Library();
        elf[SectionsAt + (3 * 64) + 4] = 0;     // the section is of another type now

        Assert.False(ElfVersions.MakeWeak(elf, "GLIBCXX_3.4.32"));
    }

    [Fact]
    public void MakeWeak_BytesThatAreNoLibrary_AreRefused()
    {
        Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak([], "GLIBCXX_3.4.32"));
        Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak(new byte[1000], "GLIBCXX_3.4.32"));
        Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak(With(4, 1), "GLIBCXX_3.4.32"));   // 32 bits
        Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak(With(5, 2), "GLIBCXX_3.4.32"));   // big-endian
    }

    [Fact]
    public void MakeWeak_LibraryCutAnywhereBeforeItsLastSection_IsRefused()
    {
        for (var length = 0; length < FileSize - 64; length++)
            Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak(Library().AsSpan(0, length), "GLIBCXX_3.4.32"));
    }

    [Theory]
    [InlineData(0x28)]                          // the section table
    [InlineData(SectionsAt + (3 * 64) + 0x18)]  // .gnu.version_r
    [InlineData(SectionsAt + (3 * 64) + 0x28)]  // the index of its string table
    [InlineData(SectionsAt + (2 * 64) + 0x18)]  // the string table
    [InlineData(NeededAt + 8)]                  // the first file's versions
    [InlineData(NeededAt + 12)]                 // the next file
    [InlineData(Glibcxx21 + 8)]                 // a name
    [InlineData(Glibcxx21 + 12)]                // the next version
    public void MakeWeak_OffsetBeyondTheFileOrBackwards_IsRefused(int at)
    {
        foreach (var offset in (ReadOnlySpan<uint>)[FileSize, 0x7FFF_FFFF, 0xFFFF_FFF0])   // the last is -16 to whoever reads it as signed
        {
            var elf = Library();
            BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(at), offset);
            Assert.Throws<InvalidDataException>(() => ElfVersions.MakeWeak(elf, "GLIBCXX_3.4.99"));
        }
    }

    [Fact]
    public void MakeWeak_TorchSharpsOwnLibrary_ChangesOneFlag()
    {
        var path = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") is string folders
            ? folders.Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "libLibTorchSharp.so")).FirstOrDefault(File.Exists)
            : null;
        Assert.SkipWhen(path is null, "TorchSharp's Linux library is not beside this test.");
        var (original, changed) = (File.ReadAllBytes(path), File.ReadAllBytes(path));

        Assert.True(ElfVersions.MakeWeak(changed, "GLIBCXX_3.4.32"));
        Assert.Equal([0x2], original.Zip(changed, (before, after) => before ^ after).Where(difference => difference != 0));
    }

    private static byte[] With(int at, byte value)
    {
        var elf = Library();
        elf[at] = value;
        return elf;
    }

    private static byte[] Library()
    {
        var elf = new byte[FileSize];
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(elf);
        U64(0x28, SectionsAt);
        U16(0x3A, 64);
        U16(0x3C, 4);

        Assert.True(Encoding.ASCII.GetBytes(Strings, elf.AsSpan(StringsAt)) <= NeededAt - StringsAt);

        File(NeededAt, "libstdc++.so.6", 2, next: SecondFile - NeededAt);
        Version(Glibcxx21, "GLIBCXX_3.4.21", next: 16);
        Version(Glibcxx32, "GLIBCXX_3.4.32", next: 0);
        File(SecondFile, "libc.so.6", 2, next: 0);
        Version(Glibc14, "GLIBC_2.14", next: 16);
        Version(Glibcxx3, "GLIBCXX_3.4.3", next: 0);

        Section(1, 1 /* SHT_PROGBITS */, 0, 0);
        Section(2, 3 /* SHT_STRTAB */, StringsAt, 0);
        Section(3, 0x6FFFFFFE /* SHT_GNU_verneed */, NeededAt, 2);
        return elf;

        void File(int at, string name, ushort count, uint next)
        {
            U16(at, 1);
            U16(at + 2, count);
            U32(at + 4, Name(name));
            U32(at + 8, 16);
            U32(at + 12, next);
        }

        void Version(int at, string name, uint next)
        {
            U32(at, 0x12345678);
            U16(at + 6, 5);
            U32(at + 8, Name(name));
            U32(at + 12, next);
        }

        void Section(int index, uint type, ulong offset, uint link)
        {
            U32(SectionsAt + (index * 64) + 0x04, type);
            U64(SectionsAt + (index * 64) + 0x18, offset);
            U32(SectionsAt + (index * 64) + 0x28, link);
        }

        uint Name(string name) => (uint)(Strings.IndexOf($"\0{name}\0", StringComparison.Ordinal) + 1);
        void U16(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(at), value);
        void U32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(at), value);
        void U64(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(elf.AsSpan(at), value);
    }
}
