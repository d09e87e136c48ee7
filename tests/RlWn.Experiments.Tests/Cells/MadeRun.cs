using System.Globalization;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests.Cells;

/// <summary>The files of a supervised run that ended, without the run.</summary>
internal static class MadeRun
{
    public static void Done(Cell cell, double test, params double[] validation) => Write(cell, """{ "state": "done", "wallSeconds": 2.5 }""", validation, test);

    public static void Diverged(Cell cell, string reason, params double[] validation) =>
        Write(cell, $$"""{ "state": "diverged", "reason": "{{reason}}", "wallSeconds": 1 }""", validation, test: null);

    private static void Write(Cell cell, string status, double[] validation, double? test)
    {
        var folder = RunFolder.Create(cell.Folder);
        folder.WriteJson(RunFolder.Settings, cell.ResolveSupervised().ToJson());
        File.WriteAllText(folder[RunFolder.Status], status);
        File.WriteAllLines(
            folder[RunFolder.Metrics],
            validation.Select((accuracy, i) => string.Create(CultureInfo.InvariantCulture, $"{i + 1},1,0.5,1,{accuracy},0.1,1,1,0")).Prepend("epoch,train_loss,train_accuracy,validation_loss,validation_accuracy"));
        if (test is not null)
            File.WriteAllText(folder[RunFolder.Evaluation], string.Create(CultureInfo.InvariantCulture, $$"""{ "accuracy": {{test}} }"""));
    }
}
