using System.Globalization;
using System.Text;
using RlWn.Networks;

namespace RlWn.Experiments.Runs;

/// <summary>How a run's layers were doing, as text: one row a layer and diagnosis. A number that is not there is an empty cell.</summary>
internal sealed class DiagnosticsCsv : IDisposable
{
    private readonly AppendLog log;
    private readonly StringBuilder lines = new();

    public DiagnosticsCsv(string path, long? end = null)
    {
        log = new(path, end);
        if (end is null or 0)
            Encoding.UTF8.GetBytes($"steps,layer,{string.Join(',', LayerDiagnostics.Names)}\n", log.Waiting);
    }

    public void Write(long steps, IReadOnlyList<LayerDiagnostics> layers)
    {
        foreach (var layer in layers)
        {
            lines.Append(CultureInfo.InvariantCulture, $"{steps},{layer.Layer}");
            foreach (var number in layer.Numbers)
                lines.Append(CultureInfo.InvariantCulture, $",{number:G9}");
            lines.Append('\n');
        }

        foreach (var chunk in lines.GetChunks())
            Encoding.UTF8.GetBytes(chunk.Span, log.Waiting);
        lines.Clear();
    }

    public AppendLog Log => log;

    public void Dispose() => log.Dispose();
}
