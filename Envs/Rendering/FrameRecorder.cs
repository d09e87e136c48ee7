namespace RlWn.Envs;

/// <summary>Records what a task shows as an animated PNG: call <see cref="Capture"/> after each reset and step, and <see cref="Complete"/> at the end.</summary>
/// <remarks>
/// <para>It plays in the task's own time: where a step does an action four times, a frame is shown four times as long.</para>
/// <para>The file appears whole under its name, or not at all: until it is complete it has a temporary one beside it.</para>
/// </remarks>
/// <example>
/// <code>
/// using var recorder = new FrameRecorder("episode.png", env);
/// recorder.Capture();    // after the reset, and after each step
/// recorder.Complete();
/// </code>
/// </example>
public sealed class FrameRecorder : IDisposable
{
    private readonly IFrameView view;
    private readonly string path;
    private readonly string temporaryPath;
    private readonly FileStream file;
    private readonly AnimatedPng animation;
    private readonly byte[] frame;

    /// <summary>Begins a recording.</summary>
    /// <param name="path">The file, in a folder that exists; its name ends in .png or .apng. One that is there is replaced at the end.</param>
    /// <param name="env">The task that is recorded, in its wrappers; it or one of them is an <see cref="IFrameView"/>.</param>
    /// <exception cref="ArgumentException">The name has another ending, or the task draws no frames.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public FrameRecorder(string path, IEnv env)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(env);
        view = env.Find<IFrameView>() ?? throw new ArgumentException(
            $"Expected a task that draws frames, got {env.GetType().Name} with no {nameof(IFrameView)} in it. Implement that in the task.", nameof(env));
        if (!Accepts(path))
            throw new ArgumentException($"Expected a file name that ends in .png or .apng, as a recording is an animated PNG, got '{path}'.", nameof(path));

        this.path = Path.GetFullPath(path);
        if (!Directory.Exists(Path.GetDirectoryName(this.path)))
            throw new DirectoryNotFoundException($"Expected the folder of '{path}' to exist, to record into. Make it first.");
        if (Directory.Exists(path))
            throw new IOException($"Expected a file to record into, got the folder '{path}'. Name a file in it.");

        var (height, width) = view.FrameSize;
        frame = new byte[height * width * 3];
        temporaryPath = $"{this.path}.{Guid.NewGuid():N}.tmp";
        file = new FileStream(temporaryPath, FileMode.CreateNew, FileAccess.Write);
        animation = new AnimatedPng(file, view.FrameSize, env.StepsPerSecond()!.Value);
    }

    /// <summary>Whether a recording's file may have this name: it ends in .png or .apng.</summary>
    /// <param name="path">The name.</param>
    public static bool Accepts(string path) => Path.GetExtension(path).ToUpperInvariant() is ".PNG" or ".APNG";

    /// <summary>Adds what the task shows now.</summary>
    public void Capture()
    {
        view.DrawFrame(frame);
        animation.Add(frame);
    }

    /// <summary>Ends the recording and gives the file its name.</summary>
    /// <exception cref="InvalidOperationException">Nothing was captured.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Complete()
    {
        animation.Complete();
        file.Flush(flushToDisk: true);
        file.Dispose();
        File.Move(temporaryPath, path, overwrite: true);
    }

    /// <summary>Removes what was not completed.</summary>
    public void Dispose()
    {
        animation.Dispose();
        file.Dispose();
        File.Delete(temporaryPath);
    }
}
