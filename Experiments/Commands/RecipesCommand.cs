using System.CommandLine;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn recipes</c></summary>
internal static class RecipesCommand
{
    public const string Examples = """
        rlwn recipes                                        all recipes
        rlwn recipes cartpole-ppo                           every setting of one, with its range
        """;

    public static Command Make()
    {
        var name = new Argument<string?>("RECIPE") { Description = "Shows every setting of this recipe, or of a .json file.", DefaultValueFactory = _ => null };
        var command = new Command("recipes", "List the recipes, or show all settings of one.") { name };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(name) is { } one && RecipeShelf.Supervised.Names.Contains(one))
                ShowSupervised(Recipe.Load(one, RecipeShelf.Supervised));
            else if (parsed.GetValue(name) is { } other)
                Show(Recipe.Load(other));
            else
                List();
            return Failures.Done;
        });
        return command;
    }

    private static void List() => Listing.Write(
        ["recipe", "environment", "agent", "steps", "what it does"],
        from recipe in Recipe.Names.Select(Recipe.Load)
        select new[] { recipe.Name, recipe["env"], recipe["agent"], recipe["steps"], recipe["description"] });

    private static void Show(Recipe recipe)
    {
        var settings = RunSettings.Resolve(recipe.Assignments);
        Show(settings, Setting.All.Where(setting => setting.IsOf(settings.Agent)));
    }

    private static void ShowSupervised(Recipe recipe) => Show(SupervisedSettings.Resolve(recipe.Assignments), SupervisedSettings.All);

    private static void Show(object settings, IEnumerable<Setting> all)
    {
        var summaries = new Summaries();
        Listing.Write(
            ["setting", "value", "may be", "what it is"],
            from setting in all
            select new[] { setting.Path, Setting.Text(setting.Get(settings)), setting.Kind, summaries.Of(setting.Property) });
    }
}
