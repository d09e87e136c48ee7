namespace RlWn.Envs;

/// <summary>The violations found so far, one for each rule.</summary>
internal sealed class Findings
{
    private readonly List<Violation> violations = [];

    public IReadOnlyList<Violation> Violations => violations;

    public bool None => violations.Count == 0;

    public void Add(EnvRule rule, string reason)
    {
        if (!violations.Exists(violation => violation.Rule == rule))
            violations.Add(new Violation(rule, reason));
    }

    public void AddAll(IEnumerable<Violation> others)
    {
        foreach (var (rule, reason) in others)
            Add(rule, reason);
    }

    /// <summary>Runs a check; whatever the task throws in it is a violation too.</summary>
    public void From(Action check)
    {
        try
        {
            check();
        }
        catch (Exception exception)
        {
            var place = exception.StackTrace?.Split('\n')[0].Trim();
            Add(
                EnvRule.RunsThrough,
                $"Expected no exception for actions in the action space, got {exception.GetType().Name}: {exception.Message} ({place})");
        }
    }
}
