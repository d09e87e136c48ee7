using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Google.Protobuf;
using RlWn.Agents;
using RlWn.Networks;
using Tensorboard;

namespace RlWn.Experiments.Runs;

/// <summary>A run's metrics for TensorBoard: one event a report, with all its numbers.</summary>
/// <remarks>
/// The file is a sequence of TFRecords, each an event in Protocol Buffers. A record is its length (8 bytes), the masked CRC of these
/// bytes (4), the data, and the masked CRC of the data (4), all little-endian; the CRC is CRC-32C (TensorFlow, core/lib/io/record_writer.h).
/// </remarks>
internal sealed class TensorBoardEvents : IDisposable
{
    private const int LengthBytes = sizeof(ulong), CrcBytes = sizeof(uint), HeaderBytes = LengthBytes + CrcBytes;

    private readonly AppendLog log;

    /// <summary>Makes the file, under a name that TensorBoard looks for, or goes on with the one that is there.</summary>
    public TensorBoardEvents(string folder, DateTimeOffset started, long? end = null)
    {
        const string Prefix = "events.out.tfevents.";
        var path = end is not null ? Directory.EnumerateFiles(folder, $"{Prefix}*").Order(StringComparer.Ordinal).FirstOrDefault() : null;
        log = new(path ?? Path.Combine(folder, $"{Prefix}{started.ToUnixTimeSeconds()}.{Environment.MachineName}"), end);
        if (end is null or 0)
            WriteRecord(new Event { WallTime = Now(), FileVersion = "brain.Event:2" }, log.Waiting);
    }

    public void Write(in MetricsRow row) => Write(row.Report.Steps,
    [
        ("train/return_mean", row.ReturnMean), ("train/length_mean", row.LengthMean), ("train/episodes", row.Episodes), ("train/steps_per_second", row.StepsPerSecond),
        .. row.Report.Metrics.Select(metric => ($"agent/{metric.Name}", metric.Value)),
    ]);

    public void Write(long steps, IReadOnlyList<LayerDiagnostics> layers) => Write(steps,
    [
        .. from layer in layers
           from entry in LayerDiagnostics.Names.Zip(layer.Numbers)
           select ($"diagnostics/{layer.Layer}/{entry.First}", entry.Second ?? double.NaN),
    ]);

    public void Write(long steps, EvaluationResult evaluation) =>
        Write(steps, [("evaluation/return_mean", evaluation.Mean), ("evaluation/return_deviation", evaluation.Deviation)]);

    /// <summary>Writes one event.</summary>
    /// <param name="step">How far the run is.</param>
    /// <param name="numbers">Tags, with a group before a slash, and what they are; what is not finite is left out.</param>
    public void Write(long step, IReadOnlyList<(string Tag, double Number)> numbers)
    {
        var summary = new Summary();
        foreach (var (tag, number) in numbers.Where(entry => double.IsFinite(entry.Number)))
            summary.Value.Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)number });
        WriteRecord(new Event { WallTime = Now(), Step = step, Summary = summary }, log.Waiting);
    }

    public AppendLog Log => log;

    public void Dispose() => log.Dispose();

    internal static void WriteRecord(IMessage message, IBufferWriter<byte> output)
    {
        var data = message.ToByteArray();   // TorchSharp's generated classes are too old to write to a span
        var header = output.GetSpan(HeaderBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[LengthBytes..], MaskedCrc(header[..LengthBytes]));
        output.Advance(HeaderBytes);

        output.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(CrcBytes), MaskedCrc(data));
        output.Advance(CrcBytes);
    }

    // Rotated and shifted, so that data that holds CRCs itself has a CRC that means something (core/lib/hash/crc32c.h).
    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        foreach (var rest in data)
            crc = BitOperations.Crc32C(crc, rest);
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    private static double Now() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds;
}
