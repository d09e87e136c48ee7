using RlWn.Experiments.Runs;
using RlWn.Init;

namespace RlWn.Experiments.Tests;

public sealed class RecipeTests : IDisposable
{
    private readonly Scratch scratch = new();

    public static TheoryData<string> Names => [.. Recipe.Names];

    public void Dispose() => scratch.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_EveryRecipe_ResolvesAndDescribesItself(string name)
    {
        var recipe = Recipe.Load(name);

        Assert.Equal(name, RunSettings.Resolve(recipe.Assignments).Recipe);
        Assert.NotEmpty(recipe["description"]);
        Assert.NotEmpty(recipe["steps"]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_EveryRecipe_SaysOnlyWhatDiffersFromTheDefaults(string name)
    {
        var defaults = new RunSettings();
        var settings = RunSettings.Resolve(Recipe.Load(name).Assignments);

        foreach (var said in Recipe.Load(name).Assignments.Where(said => said.Path is not ("agent" or "steps")))
            Assert.NotEqual(Setting.Text(Setting.Find(said).Get(defaults)), Setting.Text(Setting.Find(said).Get(settings)));
    }

    [Fact]
    public void Load_RecipeThatExtends_IsTheOtherButForWhatItSays()
    {
        var plain = RunSettings.Resolve(Recipe.Load("cartpole-ppo").Assignments);
        var settings = RunSettings.Resolve(Load("""{ "extends": "cartpole-ppo", "description": "mine", "ppo": { "gamma": 0.9 } }""").Assignments);

        Assert.Equal(
            (plain with { Recipe = "mine", Description = "mine", Ppo = plain.Ppo with { Gamma = 0.9 } }).ToJson().ToJsonString(), settings.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("cartpole-ppo-no-wn", "he-no-wn")]
    [InlineData("cartpole-ppo-pytorch-wn", "he-pytorch-default")]
    public void Load_ComparedRecipe_DiffersInItsSchemeAlone(string name, string scheme)
    {
        var plain = RunSettings.Resolve(Recipe.Load("cartpole-ppo").Assignments);
        var settings = RunSettings.Resolve(Recipe.Load(name).Assignments);

        Assert.Equal(
            (plain with { Recipe = name, Description = settings.Description, Network = plain.Network with { Scheme = Scheme.Parse(scheme) } }).ToJson().ToJsonString(),
            settings.ToJson().ToJsonString());
        Assert.NotEqual(plain.Description, settings.Description);
    }

    [Fact]
    public void Load_File_IsNamedByIt() => Assert.Equal("mine", RunSettings.Resolve(Load("""{ "env": "CartPole-v1", "ppo": { "gamma": 0.9, }, } // comments are fine""").Assignments).Recipe);

    [Fact]
    public void Load_SettingsOfARun_RepeatTheRun()
    {
        var settings = RunSettings.Resolve([new("env", "CartPole-v1", ""), new("seed", "7", ""), new("network.hidden", "[16]", ""), new("recipe", "first", "")]);
        var written = settings.ToJson();
        written[Origin.Member] = "not a setting";

        var again = RunSettings.Resolve(Load(written.ToJsonString()).Assignments);

        Assert.Equal(settings.ToJson().ToJsonString(), again.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("""{ "env": "CartPole-v1", "ppo": { "gama": 0.9 } }""", "got 'ppo.gama' (recipe 'mine'). Did you mean 'ppo.gamma'?")]
    [InlineData("""{ "env": "CartPole-v1", "pop": { "gamma": 0.9 } }""", "got 'pop.gamma' (recipe 'mine'). Did you mean 'ppo.gamma'?")]
    [InlineData("""{ "env": "CartPole-v1", "ppo": { "gamma": 2 } }""", "Expected ppo.gamma to be a number from 0 to 1, got '2' (recipe 'mine').")]
    [InlineData("""{ "env": "CartPole-v1", "env": "CartPole-v1" }""", "Expected JSON in recipe 'mine', got:")]
    [InlineData("""{ "env": """, "Expected JSON in recipe 'mine', got:")]
    [InlineData("""{ "extends": "mine" }""", "Expected the name of a recipe after extends in recipe 'mine', got \"mine\". Recipes are: ")]
    [InlineData("""{ "extends": ["cartpole-ppo"] }""", "Expected the name of a recipe after extends in recipe 'mine', got [")]
    [InlineData("""[1]""", "Expected an object { … } in recipe 'mine', got Array.")]
    public void Load_WrongFile_SaysWhatWasExpected(string json, string message) =>
        Assert.Contains(message, Assert.Throws<UsageException>(() => RunSettings.Resolve(Load(json).Assignments)).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_UnknownName_NamesTheNearest() => Assert.Equal(
        $"Expected a recipe or the path of a .json file, got 'cartpole-ppx'. Did you mean 'cartpole-ppo'? Recipes are: {string.Join(", ", Recipe.Names)}.",
        Assert.Throws<UsageException>(() => Recipe.Load("cartpole-ppx")).Message);

    private Recipe Load(string json)
    {
        File.WriteAllText(scratch["mine.json"], json);
        return Recipe.Load(scratch["mine.json"]);
    }
}
