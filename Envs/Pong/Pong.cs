namespace RlWn.Envs;

/// <summary>Two paddles and a ball: get the ball past the opponent on the left 21 times before it gets past you, on the right.</summary>
/// <remarks>
/// <para>RlWn's own game, with the interface of the Atari's: frames of 210 x 160 pixels, 60 a second and one a step, six actions, a point is
/// reward 1 or -1, and the first to have 21 ends the episode. It runs no Atari program, and scores on it are not scores on the Atari's.</para>
/// <para>The ball leaves a paddle the steeper, the farther from the paddle's middle it was hit, and a little faster at every hit. The opponent
/// follows the ball whenever it comes nearer, but slower than the player can, and not quite straight: so a ball that is steep and fast gets past
/// it. Drawn at random are the serves and where the opponent means to hit the ball; nothing else is.</para>
/// <para>Actions, numbered as the Arcade Learning Environment does: 0 nothing, 1 fire, 2 right, 3 left, 4 right and fire, 5 left and fire. Right
/// goes up and left goes down; the button does nothing here, as the ball serves itself.</para>
/// </remarks>
public sealed partial class Pong : IEnv<byte, int>, ITextView, IFrameView, ISavable
{
    /// <summary>How many points win.</summary>
    public const int PointsToWin = 21;

    internal const int Height = 210;               // px, as are all lengths
    internal const int Width = 160;
    private const int FieldTop = 34;
    private const int FieldBottom = 194;
    private const int PaddleHeight = 16;
    private const int PaddleWidth = 4;
    private const int BallSize = 4;
    private const int LeftFront = 20;              // where the left paddle's face is
    private const int RightFront = 140;
    private const double PaddleTop = FieldTop;     // how far up a paddle gets, and down
    private const double PaddleBottom = FieldBottom - PaddleHeight;
    private const double PaddleMiddle = (PaddleTop + PaddleBottom) / 2;
    private const double PlayerSpeed = 2.5;        // px a frame, as are all speeds
    private const double OpponentSpeed = 1.8;
    private const double ServeSpeed = 1.6;         // across the field
    private const double SpeedUp = 0.15;           // at every hit
    private const double FastestBall = 3.6;
    private const double SteepestHit = 1.2;        // down or up, for each px across, of a ball that is hit with a paddle's edge
    private const double SteepestServe = 0.6;
    private const double AimError = 7;             // px between where the opponent means to hit the ball and its paddle's middle, at most
    private const int PauseFrames = 30;            // before a serve

    private readonly Space<byte> observed;
    private readonly bool grey;
    private PongState state;
    private Random? random;

    private static readonly Discrete Moves = new(6);

    /// <summary>Makes the game.</summary>
    /// <param name="grey">
    /// Whether frames are observed as brightness alone, shape [1, 210, 160]: to the bit what <see cref="GreyScale"/> makes of the coloured ones,
    /// for a third of the work.
    /// </param>
    public Pong(bool grey = false)
    {
        this.grey = grey;
        observed = grey ? GreyFrames : ColourFrames;
    }

    /// <summary>A frame as [channels, height, width]: [3, 210, 160] of red, green and blue, or [1, 210, 160] of brightness.</summary>
    public Space<byte> ObservationSpace => observed;

    /// <summary>0 nothing, 1 fire, 2 right (up), 3 left (down), 4 right and fire, 5 left and fire.</summary>
    public Space<int> ActionSpace => Moves;

    /// <summary>The whole state. Set it to step from a state of one's own.</summary>
    /// <exception cref="ArgumentException">No game gets into such a state, as with a ball outside the field.</exception>
    public PongState State
    {
        get => state;
        set => state = IsPossible(value) ? value : throw new ArgumentException($"Expected the state of a running game, got {value}.", nameof(value));
    }

    /// <inheritdoc/>
    public void Reset(Random random, Span<byte> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        this.random = random;
        state = new PongState { LeftY = PaddleMiddle, RightY = PaddleMiddle, Pause = PauseFrames };
        Draw(observation);
    }

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        var result = Advance(action);
        Draw(observation);
        return result;
    }

    /// <summary>Does a step that nobody looks at.</summary>
    /// <param name="action">As of <see cref="Step"/>.</param>
    internal StepResult Advance(ReadOnlySpan<int> action)
    {
        if (!Moves.Contains(action))
            throw new ArgumentException($"Expected one action from 0 to 5, got [{string.Join(", ", action.ToArray())}].", nameof(action));
        if (random is null)
            throw new InvalidOperationException("Expected Reset before the first Step. Call it to start an episode.");

        var reward = Move(ref state, action[0], random);
        return new StepResult(reward, Terminated: Math.Max(state.LeftPoints, state.RightPoints) >= PointsToWin);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var number in (ReadOnlySpan<double>)[state.LeftY, state.RightY, state.BallX, state.BallY, state.BallVx, state.BallVy, state.Aim])
            writer.Write(number);
        foreach (var number in (ReadOnlySpan<int>)[state.Pause, state.LeftPoints, state.RightPoints])
            writer.Write(number);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(random);
        var read = new PongState
        {
            LeftY = reader.ReadDouble(),
            RightY = reader.ReadDouble(),
            BallX = reader.ReadDouble(),
            BallY = reader.ReadDouble(),
            BallVx = reader.ReadDouble(),
            BallVy = reader.ReadDouble(),
            Aim = reader.ReadDouble(),
            Pause = reader.ReadInt32(),
            LeftPoints = reader.ReadInt32(),
            RightPoints = reader.ReadInt32(),
        };
        if (!IsPossible(read))
            throw new InvalidDataException($"Expected the state of a running game, got {read}. The file is damaged or holds something else.");

        (state, this.random) = (read, random);
    }

    /// <summary>One frame's motion.</summary>
    /// <returns>1 for a point of the player, -1 for one of the opponent, else 0.</returns>
    private static float Move(ref PongState state, int action, Random random)
    {
        var up = action is 2 or 4;
        var down = action is 3 or 5;
        state.RightY = Math.Clamp(state.RightY + (down ? PlayerSpeed : up ? -PlayerSpeed : 0), PaddleTop, PaddleBottom);
        MoveOpponent(ref state);

        if (state.Pause > 0)
        {
            state.Pause--;
            if (state.Pause == 0)
                Serve(ref state, random);
            return 0;
        }

        MoveBall(ref state, random);
        if (state.BallX > Width)
        {
            state.LeftPoints++;
            state.Pause = PauseFrames;
            return -1;
        }

        if (state.BallX < -BallSize)
        {
            state.RightPoints++;
            state.Pause = PauseFrames;
            return 1;
        }

        return 0;
    }

    // Back to the middle while there is nothing to do, so that the next ball is not far.
    private static void MoveOpponent(ref PongState state)
    {
        var coming = state.Pause == 0 && state.BallVx < 0;
        var wanted = coming ? state.BallY + (BallSize / 2) + state.Aim - (PaddleHeight / 2) : PaddleMiddle;
        var move = Math.Clamp(wanted - state.LeftY, -OpponentSpeed, OpponentSpeed);
        state.LeftY = Math.Clamp(state.LeftY + move, PaddleTop, PaddleBottom);
    }

    private static void Serve(ref PongState state, Random random)
    {
        state.BallX = (Width - BallSize) / 2;
        state.BallY = random.NextUniform(FieldTop, FieldBottom - BallSize);
        state.BallVx = random.Next(2) == 0 ? -ServeSpeed : ServeSpeed;
        state.BallVy = random.NextUniform(-SteepestServe, SteepestServe) * ServeSpeed;
        state.Aim = random.NextUniform(-AimError, AimError);
    }

    private static void MoveBall(ref PongState state, Random random)
    {
        var before = state.BallX;
        state.BallX += state.BallVx;
        state.BallY += state.BallVy;

        const double Top = FieldTop, Bottom = FieldBottom - BallSize;
        if (state.BallY < Top)
            (state.BallY, state.BallVy) = ((2 * Top) - state.BallY, -state.BallVy);
        else if (state.BallY > Bottom)
            (state.BallY, state.BallVy) = ((2 * Bottom) - state.BallY, -state.BallVy);

        const double AtLeft = LeftFront, AtRight = RightFront - BallSize;
        if (before < AtRight && state.BallX >= AtRight && Touches(state.RightY, state.BallY))
        {
            Bounce(ref state, state.RightY, AtRight);
            state.Aim = random.NextUniform(-AimError, AimError);
        }
        else if (before > AtLeft && state.BallX <= AtLeft && Touches(state.LeftY, state.BallY))
        {
            Bounce(ref state, state.LeftY, AtLeft);
        }
    }

    private static bool Touches(double paddleY, double ballY) => ballY + BallSize > paddleY && ballY < paddleY + PaddleHeight;

    private static void Bounce(ref PongState state, double paddleY, double at)
    {
        // From -1, the paddle's upper edge, to 1, its lower one.
        var off = (state.BallY + (BallSize / 2) - (paddleY + (PaddleHeight / 2))) / ((PaddleHeight + BallSize) / 2);
        var speed = Math.Min(Math.Abs(state.BallVx) + SpeedUp, FastestBall);
        state.BallX = at;
        state.BallVx = state.BallVx > 0 ? -speed : speed;
        state.BallVy = off * SteepestHit * speed;
    }

    private static bool IsPossible(PongState state) =>
        state.LeftY is >= PaddleTop and <= PaddleBottom && state.RightY is >= PaddleTop and <= PaddleBottom
        && Math.Abs(state.Aim) <= AimError
        && state.Pause is >= 0 and <= PauseFrames && (state.Pause > 0 || IsInPlay(state))
        && state.LeftPoints is >= 0 and <= PointsToWin && state.RightPoints is >= 0 and <= PointsToWin;

    private static bool IsInPlay(PongState state) =>
        state.BallX is >= -BallSize and <= Width && state.BallY is >= FieldTop and <= FieldBottom - BallSize
        && Math.Abs(state.BallVx) is > 0 and <= FastestBall && Math.Abs(state.BallVy) <= SteepestHit * FastestBall;
}

/// <summary>The state of a game of <see cref="Pong"/>: positions in pixels from the upper left corner, speeds in pixels a frame.</summary>
public record struct PongState
{
    /// <summary>The upper edge of the opponent's paddle, 34 to 178.</summary>
    public double LeftY { get; set; }

    /// <summary>The upper edge of the player's paddle, 34 to 178.</summary>
    public double RightY { get; set; }

    /// <summary>The ball's left edge; means nothing in a pause, as do the next three.</summary>
    public double BallX { get; set; }

    /// <summary>The ball's upper edge, 34 to 190.</summary>
    public double BallY { get; set; }

    /// <summary>The ball's speed to the right.</summary>
    public double BallVx { get; set; }

    /// <summary>The ball's speed downwards.</summary>
    public double BallVy { get; set; }

    /// <summary>How far below the ball's middle the opponent wants the middle of its paddle, -7 to 7.</summary>
    public double Aim { get; set; }

    /// <summary>How many frames there are until the serve; 0 while the ball is in play.</summary>
    public int Pause { get; set; }

    /// <summary>The opponent's points, 0 to 21.</summary>
    public int LeftPoints { get; set; }

    /// <summary>The player's points, 0 to 21.</summary>
    public int RightPoints { get; set; }
}
