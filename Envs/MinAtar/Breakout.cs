namespace RlWn.Envs;

/// <summary>MinAtar's Breakout: keep a ball in the air with a paddle, and break the bricks above. A new wall follows the broken one.</summary>
/// <remarks>
/// Reward 1 for a brick; the game ends when the paddle misses the ball. Channels: paddle, ball, trail (where the ball was), brick.
/// See <see cref="MinAtarGame"/>.
/// </remarks>
/// <param name="options">How it is played; null for the defaults.</param>
public sealed class Breakout(MinAtarOptions? options = null) : MinAtarGame(
    [
        new("paddle", '=', new(0xE6, 0x9F, 0x00)), new("ball", 'o', new(0xFF, 0xFF, 0xFF)), new("trail", '.', new(0x80, 0x80, 0x80)),
        new("brick", '#', new(0xD5, 0x5E, 0x00)),
    ],
    [MinAtarAction.None, MinAtarAction.Left, MinAtarAction.Right],
    options)
{
    private const int Paddle = 0, Ball = 1, Trail = 2, Brick = 3;   // channels
    private const int FirstBrickRow = 1, BrickRows = 3, PaddleRow = 9;

    // What each direction (up left, up right, down right, down left) moves by, and what it turns into.
    private static ReadOnlySpan<sbyte> Dx => [-1, 1, 1, -1];

    private static ReadOnlySpan<sbyte> Dy => [-1, -1, 1, 1];

    private static ReadOnlySpan<sbyte> MirroredInX => [1, 0, 3, 2];

    private static ReadOnlySpan<sbyte> MirroredInY => [3, 2, 1, 0];

    private static ReadOnlySpan<sbyte> Reversed => [2, 3, 0, 1];

    private readonly byte[] bricks = new byte[BrickRows * Side];   // 1 where there is one, row by row
    private int paddle, ballX, ballY, direction, lastX, lastY;
    private bool strike;   // the ball broke a brick and has been inside bricks since

    private protected override void Start(Random random)
    {
        (ballX, direction) = random.Next(2) == 0 ? (0, 2) : (9, 3);
        ballY = 3;
        (lastX, lastY) = (ballX, ballY);
        paddle = 4;
        strike = false;
        bricks.AsSpan().Fill(1);
    }

    private protected override int Act(MinAtarAction action, Random random)
    {
        if (action == MinAtarAction.Left)
            paddle = Math.Max(0, paddle - 1);
        else if (action == MinAtarAction.Right)
            paddle = Math.Min(Side - 1, paddle + 1);

        (lastX, lastY) = (ballX, ballY);
        var (x, y) = (ballX + Dx[direction], ballY + Dy[direction]);
        if (!IsInside(x))
        {
            x = Math.Clamp(x, 0, Side - 1);
            direction = MirroredInX[direction];
        }

        var reward = 0;
        var hit = false;
        if (y < 0)
        {
            y = 0;
            direction = MirroredInY[direction];
        }
        else if (y is >= FirstBrickRow and < FirstBrickRow + BrickRows && bricks[BrickAt(x, y)] != 0)
        {
            hit = true;
            if (!strike)   // else the ball flies on into the brick
            {
                reward = 1;
                strike = true;
                bricks[BrickAt(x, y)] = 0;
                y = lastY;
                direction = MirroredInY[direction];
            }
        }
        else if (y == PaddleRow)
        {
            if (!bricks.AsSpan().Contains((byte)1))
                bricks.AsSpan().Fill(1);   // even where the paddle misses

            if (ballX == paddle)
            {
                direction = MirroredInY[direction];
                y = lastY;
            }
            else if (x == paddle)
            {
                direction = Reversed[direction];
                y = lastY;
            }
            else
            {
                Terminated = true;
            }
        }

        if (!hit)
            strike = false;
        (ballX, ballY) = (x, y);
        return reward;
    }

    private protected override void Write(Span<byte> observation)
    {
        Mark(observation, Ball, ballX, ballY);
        Mark(observation, Paddle, paddle, PaddleRow);
        Mark(observation, Trail, lastX, lastY);
        bricks.CopyTo(observation[((Brick * Cells) + (FirstBrickRow * Side))..]);
    }

    private protected override void VisitState(StateFields fields)
    {
        fields.Number(ref paddle, 0, Side - 1, "paddle");
        fields.Number(ref ballX, 0, Side - 1, "ball column");
        fields.Number(ref ballY, 0, Side - 1, "ball row");
        fields.Number(ref direction, 0, 3, "direction");
        fields.Number(ref lastX, 0, Side - 1, "last ball column");
        fields.Number(ref lastY, 0, Side - 1, "last ball row");
        fields.Flag(ref strike, "strike");
        foreach (ref var brick in bricks.AsSpan())
        {
            var present = brick != 0;
            fields.Flag(ref present, "brick");
            brick = present ? (byte)1 : (byte)0;
        }
    }

    private static int BrickAt(int x, int y) => ((y - FirstBrickRow) * Side) + x;
}
