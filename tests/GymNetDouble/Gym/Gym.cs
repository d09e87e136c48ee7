using Gym.Collections;
using Gym.Observations;
using Gym.Spaces;
using NumSharp;
using SixLabors.ImageSharp;

namespace Gym.Collections
{
    public class Dict : Dictionary<string, object>;
}

namespace Gym.Observations
{
    public class Step(NDArray observation, float reward, bool done, Dict? information)
    {
        public NDArray Observation { get; set; } = observation;

        public float Reward { get; set; } = reward;

        public bool Done { get; set; } = done;

        public Dict? Information { get; set; } = information;
    }
}

namespace Gym.Spaces
{
    /// <summary>Sample and Contains throw, as the real ones do for what is handed to them.</summary>
    public abstract class Space(Shape shape, Type dType)
    {
        public Shape Shape { get; protected set; } = shape;

        public Type DType { get; protected set; } = dType;

        public NDArray Sample(NDArray? mask = null) => throw new NotSupportedException("Sample");

        public bool Contains(object ndArray) => throw new NotSupportedException("Contains");

        public void Seed(int seed) => throw new NotSupportedException($"Seed({seed})");
    }

    public class Box(NDArray low, NDArray high, Type? dType = null, int seed = -1) : Space(default, dType ?? typeof(float))
    {
        public NDArray Low { get; } = low;

        public NDArray High { get; } = high;

        public int FirstSeed => seed;
    }

    public class Discrete(int n, Type? dType = null, int seed = -1, int start = 0) : Space(new Shape(n), dType ?? typeof(float))
    {
        public int N { get; } = n;

        public int Start { get; } = start;

        public int FirstSeed => seed;
    }

    public class Tuple() : Space(default, typeof(object));
}

namespace Gym.Envs
{
    public interface IEnv
    {
        Dict Metadata { get; set; }

        (float From, float To) RewardRange { get; set; }

        Space ActionSpace { get; set; }

        Space ObservationSpace { get; set; }

        NDArray Reset();

        Step Step(object action);

        Task<Step> StepAsync(object action);

        Image Render(string mode = "human");

        void CloseEnvironment();

        void Seed(int seed);
    }

    public abstract class Env : IEnv, IDisposable
    {
        public Dict Metadata { get; set; } = [];

        public (float From, float To) RewardRange { get; set; }

        public Space ActionSpace { get; set; } = null!;

        public Space ObservationSpace { get; set; } = null!;

        public abstract NDArray Reset();

        public abstract Step Step(object action);

        public virtual Task<Step> StepAsync(object action) => throw new PlatformNotSupportedException("Threads cannot be aborted here.");

        public abstract Image Render(string mode = "human");

        public abstract void CloseEnvironment();

        public abstract void Seed(int seed);

        public void Dispose()
        {
            CloseEnvironment();
            GC.SuppressFinalize(this);
        }
    }
}
