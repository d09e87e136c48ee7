using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace RlWn.Envs.Tests;

/// <summary>
/// Replays games that a second model, in Python, played (reference/minatar_rules.py; make_traces.py tells the format), draw by draw, and
/// compares every reward, end and observation. The model was written after the C# games, by the same hand, from the same list of MinAtar's
/// rules and not from them: an agreement shows that the list was read alike twice. It is not the reference implementation, which was not at hand; where the list
/// itself should be wrong, both are.
/// </summary>
public class MinAtarTraceTests
{
    private const int ResetMark = 255;

    [Theory]
    [InlineData("Breakout", 4, 8_000)]
    [InlineData("Asterix", 8, 16_000)]
    [InlineData("Freeway", 4, 13_200)]
    [InlineData("Seaquest", 9, 20_000)]
    [InlineData("SpaceInvaders", 8, 16_000)]
    public void Step_RecordedDraws_DoesWhatTheModelDid(string game, int traces, int acts)
    {
        var (replayed, replayedActs) = (0, 0);
        var packed = typeof(MinAtarTraceTests).Assembly.GetManifestResourceStream($"{game}.trace.gz")!;
        using var stream = new BinaryReader(new GZipStream(packed, CompressionMode.Decompress));
        while (ReadHeader(stream) is { } header)
            replayedActs += Replay(game, replayed++, header, stream);

        Assert.Equal((traces, acts), (replayed, replayedActs));
    }

    private static int Replay(string name, int number, JsonNode header, BinaryReader stream)
    {
        (int Low, int High)?[] ranges = [null, .. header["ranges"]!.AsArray().Select(range => ((int)range![0]!, (int)range[1]!))];
        var (drawCount, count) = ((int)header["draws"]!, (int)header["acts"]!);
        var (kinds, values) = (stream.ReadBytes(drawCount), stream.ReadBytes(drawCount));
        var (acts, rewards, ends) = (stream.ReadBytes(count), stream.ReadBytes(count), stream.ReadBytes(count));
        var hashes = stream.ReadBytes(2 * count);

        var draws = new RecordedDraws([.. kinds.Zip(values, (kind, value) => new Draw(ranges[kind], kind == 0 ? value / 256.0 : value))]);
        var game = MinAtarGames.Create(
            name, new MinAtarOptions { Ramping = (bool)header["ramping"]!, StickyProbability = (double)header["sticky"]! });
        var observation = new byte[game.ObservationSpace.Size];
        var hash = 2166136261;
        for (var act = 0; act < count; act++)
        {
            var result = default(StepResult);
            if (acts[act] == ResetMark)
                game.Reset(draws, observation);
            else
                result = game.Step([acts[act]], observation);

            hash = Hash(hash, observation);
            var expected = (rewards[act], ends[act] == 1, BitConverter.ToUInt16(hashes, 2 * act));
            var got = ((byte)result.Reward, result.Terminated, (ushort)(hash ^ (hash >> 16)));
            Assert.True(expected == got, $"Expected {expected}, got {got} in {name}, trace {number}, act {act}:\n{game.DrawText()}");
            Assert.False(result.Truncated);
        }

        Assert.Equal(drawCount, draws.Used);
        return count;
    }

    private static uint Hash(uint hash, ReadOnlySpan<byte> observation)
    {
        for (var i = 0; i < observation.Length; i++)
        {
            if (observation[i] != 0)
                hash = (hash ^ (uint)i) * 16777619;
        }

        return (hash ^ 65535) * 16777619;
    }

    private static JsonNode? ReadHeader(BinaryReader stream)
    {
        var line = new StringBuilder();
        for (int read; (read = stream.BaseStream.ReadByte()) is not (-1 or '\n');)
            line.Append((char)read);
        return line.Length == 0 ? null : JsonNode.Parse(line.ToString());
    }
}
