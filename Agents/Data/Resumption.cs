using RlWn.Envs;

namespace RlWn.Agents.Data;

/// <summary>The environments' part of a saved agent.</summary>
internal static class Resumption
{
    /// <summary>Writes the environments' state where they can, and the running episodes.</summary>
    public static void Save(VectorEnv envs, EpisodeStatistics episodes, BinaryWriter writer)
    {
        writer.Write(envs.CanSave);
        if (envs.CanSave)
            envs.Save(writer);
        else if (envs is NormalizedVectorEnv normalized)
            normalized.SaveStatistics(writer);
        episodes.Save(writer);
    }

    /// <summary>Takes it up. Environments that could not be saved start new episodes, by a seed that no other part of the run has.</summary>
    public static void Load(VectorEnv envs, EpisodeStatistics episodes, BinaryReader reader, ulong seed, long steps)
    {
        var isSaved = reader.ReadBoolean();
        if (isSaved != envs.CanSave)
            throw new InvalidDataException($"Expected a state saved {(envs.CanSave ? "with" : "without")} the environments' own, got one {(isSaved ? "with" : "without")}.");

        if (isSaved)
            envs.Load(reader);
        else if (envs is NormalizedVectorEnv normalized)
            normalized.LoadStatistics(reader);
        if (!isSaved)
            envs.Reset(new Rng(seed, (ulong)steps).NextUInt64());

        episodes.Load(reader);
        if (!isSaved)
            episodes.Reset();
    }
}
