using System.Globalization;
using Gym.Collections;
using NumSharp;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using GymStep = Gym.Observations.Step;

namespace RlWn.Envs.GymNet;

/// <summary>An environment of RlWn as one of Gym.NET; made by <see cref="GymNetConvert.ToGymNet"/>.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <remarks>
/// Gym.NET knows one end of an episode: <c>Done</c>. Which of the two it was stands in <c>Information</c>, under <c>terminated</c> and <c>truncated</c>.
/// </remarks>
public sealed class RlWnGymEnv<TObservation, TAction> : Gym.Envs.Env
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly IEnv<TObservation, TAction> env;
    private readonly TAction[] action;
    private Rng random = new(0);
    private bool isRunning;
    private bool isClosed;

    internal RlWnGymEnv(IEnv<TObservation, TAction> env)
    {
        this.env = env;
        action = new TAction[env.ActionSpace.Size];
        ObservationSpace = ToGym(env.ObservationSpace);
        ActionSpace = ToGym(env.ActionSpace);
        RewardRange = (float.NegativeInfinity, float.PositiveInfinity);
        Metadata = new Dict();
    }

    /// <summary>Decides every draw from the next reset on. Without it the seed is 0.</summary>
    /// <param name="seed">Any number.</param>
    public override void Seed(int seed) => random = new Rng(unchecked((uint)seed));

    /// <summary>Starts a new episode.</summary>
    /// <returns>The first observation, in the space's shape; a new array.</returns>
    public override NDArray Reset()
    {
        ObjectDisposedException.ThrowIf(isClosed, this);
        var observation = new TObservation[env.ObservationSpace.Size];
        env.Reset(random, observation);
        isRunning = true;
        return Shaped(observation);
    }

    /// <summary>Does one action.</summary>
    /// <param name="action">An int for one choice; else an NDArray or an array of the action's numbers.</param>
    /// <returns>What came of it; the observation is a new array.</returns>
    /// <exception cref="ArgumentException">It is none of these, or not in the action space.</exception>
    /// <exception cref="InvalidOperationException">No episode is running.</exception>
    public override GymStep Step(object action)
    {
        if (!isRunning)
            throw new InvalidOperationException("Expected a Reset before the first Step of an episode.");

        ReadAction(action);
        var observation = new TObservation[env.ObservationSpace.Size];
        var result = env.Step(this.action, observation);
        isRunning = !result.Ended;
        var information = new Dict { ["terminated"] = result.Terminated, ["truncated"] = result.Truncated && !result.Terminated };
        return new GymStep(Shaped(observation), result.Reward, result.Ended, information);
    }

    /// <summary>Draws the current state.</summary>
    /// <param name="mode">Is not looked at: there is no window.</param>
    /// <exception cref="NotSupportedException">The environment draws no frames.</exception>
    public override Image Render(string mode = "human")
    {
        var view = env.Find<IFrameView>() ?? throw new NotSupportedException($"Expected an environment that draws frames, got {env.GetType().Name}, which is not {nameof(IFrameView)}.");
        var (height, width) = view.FrameSize;
        var rgb = new byte[height * width * 3];
        view.DrawFrame(rgb);
        return Image.LoadPixelData<Rgb24>(rgb, width, height);
    }

    /// <summary>Disposes the environment, if it holds anything.</summary>
    public override void CloseEnvironment()
    {
        if (isClosed)
            return;
        (isClosed, isRunning) = (true, false);
        (env as IDisposable)?.Dispose();
    }

    private static Gym.Spaces.Space ToGym(Space space) => space switch
    {
        Discrete choices => new Gym.Spaces.Discrete(choices.N),
        Box box => new Gym.Spaces.Box(Shaped([.. box.Low], space), Shaped([.. box.High], space), typeof(float)),
        ByteBox bytes => new Gym.Spaces.Box(Shaped(new byte[space.Size], space), Shaped(Filled(space.Size, bytes.High), space), typeof(byte)),
        _ => throw new NotSupportedException($"Expected a space that Gym.NET has too, Discrete or Box, got {space}."),
    };

    private static byte[] Filled(int size, byte value)
    {
        var numbers = new byte[size];
        Array.Fill(numbers, value);
        return numbers;
    }

    private static NDArray Shaped<T>(T[] numbers, Space space) where T : unmanaged => new(numbers, new Shape([.. space.Shape]));

    private NDArray Shaped(TObservation[] observation) => Shaped(observation, env.ObservationSpace);

    private void ReadAction(object? given)
    {
        switch (given, action)
        {
            case (int or Enum, int[] choices):
                choices[0] = Convert.ToInt32(given, CultureInfo.InvariantCulture);
                break;
            case (TAction[] numbers, _) when numbers.Length == action.Length:
                numbers.CopyTo(action, 0);
                break;
            case (NDArray array, float[] numbers) when array.size == numbers.Length:
                GymNetConvert.Copy(array, numbers, "an action");
                break;
            case (NDArray { size: 1 } array, int[] choices):
                var choice = new float[1];
                GymNetConvert.Copy(array, choice, "an action");
                choices[0] = (int)choice[0];
                break;
            default:
                throw new ArgumentException($"Expected an action in {env.ActionSpace} as an int, an NDArray or an array of {typeof(TAction).Name}, got {given ?? "null"}.", nameof(given));
        }
    }
}
