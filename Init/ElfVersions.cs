using System.Buffers.Binary;
using System.Text;

namespace RlWn.Init;

/// <summary>Edits which symbol versions a 64-bit Linux library insists on.</summary>
internal static class ElfVersions
{
    private const uint SectionOfNeededVersions = 0x6FFFFFFE;   // SHT_GNU_verneed
    private const ushort Weak = 0x2;                           // VER_FLG_WEAK

    /// <summary>Marks one needed version as weak, so that the loader accepts a system library that lacks it.</summary>
    /// <param name="elf">The library's bytes, changed in place.</param>
    /// <param name="version">The version's name, as GLIBCXX_3.4.32.</param>
    /// <returns>Whether the library needs that version at all.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a whole 64-bit little-endian ELF file.</exception>
    /// <remarks>System V ABI, ELF-64 object file format; Linux Standard Base 5.0, section 10.7 (symbol versioning).</remarks>
    public static bool MakeWeak(Span<byte> elf, string version)
    {
        if (elf.Length < 64 || !elf.StartsWith((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
            throw new InvalidDataException("Expected a 64-bit little-endian ELF library.");

        try
        {
            return MakeWeakIn(elf, version);
        }
        catch (Exception failure) when (failure is ArgumentOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException($"Expected a whole ELF library, got {elf.Length} bytes that point beyond their end; restore the package again.", failure);
        }
    }

    private static bool MakeWeakIn(Span<byte> elf, string version)
    {
        var sections = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]));
        var sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3A..]);
        var sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3C..]);

        for (var i = 0; i < sectionCount; i++)
        {
            var section = elf[(sections + (i * sectionSize))..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[0x04..]) != SectionOfNeededVersions)
                continue;

            var needed = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(section[0x18..]));
            var namesSection = elf[checked(sections + (Offset(section[0x28..]) * sectionSize))..];
            var names = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(namesSection[0x18..]));
            return MakeWeak(elf, needed, names, version);
        }

        return false;
    }

    // A list of needed files (Verneed), each with a list of the versions needed of it (Vernaux); both are linked by relative offsets.
    private static bool MakeWeak(Span<byte> elf, int needed, int names, string version)
    {
        var name = Encoding.ASCII.GetBytes(version + "\0");
        var found = false;

        for (int file = needed, nextFile = -1; nextFile != 0; file += nextFile)
        {
            nextFile = Offset(elf[(file + 12)..]);
            var entry = file + Offset(elf[(file + 8)..]);

            for (var nextEntry = -1; nextEntry != 0; entry += nextEntry)
            {
                nextEntry = Offset(elf[(entry + 12)..]);
                if (!elf[(names + Offset(elf[(entry + 8)..]))..].StartsWith(name))
                    continue;

                var flags = elf[(entry + 4)..];
                BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | Weak));
                found = true;
            }
        }

        return found;
    }

    // Never negative: every list then ends, at the latest at the end of the file.
    private static int Offset(ReadOnlySpan<byte> field) => checked((int)BinaryPrimitives.ReadUInt32LittleEndian(field));
}
