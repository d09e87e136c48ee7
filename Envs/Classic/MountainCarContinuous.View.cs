namespace RlWn.Envs;

public sealed partial class MountainCarContinuous
{
    /// <inheritdoc/>
    public (int Height, int Width) FrameSize => MountainCar.Hill.FrameSize;

    /// <summary>30: a step has no length in seconds.</summary>
    public double FramesPerSecond => MountainCar.Hill.FramesPerSecond;

    /// <summary>Draws hill, flag and car, under a line with the state: 17 lines of at most 79 characters.</summary>
    public string DrawText() => MountainCar.Hill.DrawText(State.Position, State.Velocity, GoalPosition);

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb) => MountainCar.Hill.DrawFrame(rgb, State.Position, GoalPosition);
}
