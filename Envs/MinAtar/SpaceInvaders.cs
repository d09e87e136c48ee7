using System.Buffers.Binary;
using System.Numerics;

namespace RlWn.Envs;

/// <summary>MinAtar's Space Invaders: shoot the aliens that march from side to side and come down. A new wave follows the last.</summary>
/// <remarks>
/// Reward 1 for an alien; the game ends when a bullet or an alien reaches the cannon, or an alien the ground. The aliens march faster the
/// fewer are left, and each wave starts faster than the one before. Bullet and alien can pass through each other: a hit takes one cell at the
/// end of a step. Nothing is drawn but the sticky actions. Channels: cannon, alien, alien that goes left, alien that goes right, own bullet,
/// enemy bullet. See <see cref="MinAtarGame"/>.
/// </remarks>
/// <param name="options">How it is played; null for the defaults.</param>
public sealed class SpaceInvaders(MinAtarOptions? options = null) : MinAtarGame(
    [
        new("cannon", '@', new(0x56, 0xB4, 0xE9)), new("alien", 'x', new(0x80, 0x80, 0x80)),
        new("alien to the left", '<', new(0x00, 0x9E, 0x73)), new("alien to the right", '>', new(0xE6, 0x9F, 0x00)),
        new("own bullet", '^', new(0xFF, 0xFF, 0xFF)), new("enemy bullet", 'v', new(0xD5, 0x5E, 0x00)),
    ],
    [MinAtarAction.None, MinAtarAction.Left, MinAtarAction.Right, MinAtarAction.Fire],
    options)
{
    private const int Cannon = 0, Alien = 1, AlienLeft = 2, AlienRight = 3, OwnBullet = 4, EnemyBullet = 5;   // channels
    private const int Bottom = 9;                                                                              // row
    private const int ShotCooldown = 5, EnemyShotInterval = 10;                                                // steps
    private const int FirstMoveInterval = 12, LeastMoveInterval = 6;

    // A board is a bit a cell, that of column x and row y at 10 y + x: a row further down is 10 bits up, a column to the right one bit up.
    private static readonly UInt128 Full = (UInt128.One << Cells) - 1;
    private static readonly UInt128 LeftColumn = Full / ((UInt128.One << Side) - 1);   // ...0000000001 0000000001
    private static readonly UInt128 RightColumn = LeftColumn << (Side - 1);
    private static readonly UInt128 BottomRow = ((UInt128.One << Side) - 1) << (Bottom * Side);
    private static readonly UInt128 Wave = (LeftColumn * 0b0011111100) & ((UInt128.One << (4 * Side)) - 1);   // rows 0 to 3, columns 2 to 7

    private UInt128 aliens, ownBullets, enemyBullets;
    private bool marchesRight;
    private int cannon, moveInterval, moveTimer, enemyShotTimer, rampIndex, shotTimer;

    private protected override void Start(Random random)
    {
        cannon = 5;
        (aliens, ownBullets, enemyBullets) = (Wave, 0, 0);
        marchesRight = false;
        moveTimer = moveInterval = FirstMoveInterval;
        enemyShotTimer = EnemyShotInterval;
        (rampIndex, shotTimer) = (0, 0);
    }

    private protected override int Act(MinAtarAction action, Random random)
    {
        switch (action)
        {
            case MinAtarAction.Fire when shotTimer == 0:
                ownBullets |= Cell(cannon, Bottom);
                shotTimer = ShotCooldown;
                break;
            case MinAtarAction.Left:
                cannon = Math.Max(0, cannon - 1);
                break;
            case MinAtarAction.Right:
                cannon = Math.Min(Side - 1, cannon + 1);
                break;
        }

        var cannonCell = Cell(cannon, Bottom);
        ownBullets >>= Side;
        enemyBullets = (enemyBullets << Side) & Full;
        Terminated |= Any((enemyBullets | aliens) & cannonCell);

        if (moveTimer == 0)
        {
            moveTimer = Math.Min(Count(aliens), moveInterval);
            March();
            Terminated |= Any(aliens & cannonCell);
        }

        if (enemyShotTimer == 0)
        {
            enemyShotTimer = EnemyShotInterval;
            enemyBullets |= NearestAlien();
        }

        var hit = aliens & ownBullets;
        var reward = Count(hit);
        aliens &= ~hit;
        ownBullets &= ~hit;

        shotTimer = Math.Max(0, shotTimer - 1);
        moveTimer--;
        enemyShotTimer--;
        if (!Any(aliens))
            StartWave();
        return reward;
    }

    private protected override void Write(Span<byte> observation)
    {
        Mark(observation, Cannon, cannon, Bottom);
        var alienFlags = Channel(observation, Alien);
        WriteFlags(aliens, alienFlags);
        alienFlags.CopyTo(Channel(observation, marchesRight ? AlienRight : AlienLeft));
        WriteFlags(ownBullets, Channel(observation, OwnBullet));
        WriteFlags(enemyBullets, Channel(observation, EnemyBullet));
    }

    private protected override void VisitState(StateFields fields)
    {
        fields.Number(ref cannon, 0, Side - 1, "cannon");
        VisitBoard(fields, ref aliens, "aliens");
        VisitBoard(fields, ref ownBullets, "own bullets");
        VisitBoard(fields, ref enemyBullets, "enemy bullets");
        if (!Any(aliens))
        {
            throw new InvalidDataException(
                "Expected at least one alien in the saved state of a game, got none. It was saved by another game or is damaged.");
        }

        fields.Flag(ref marchesRight, "direction");
        fields.Number(ref moveInterval, LeastMoveInterval, FirstMoveInterval, "move interval");
        fields.Number(ref moveTimer, 0, FirstMoveInterval, "move timer");
        fields.Number(ref enemyShotTimer, 0, EnemyShotInterval, "enemy shot timer");
        fields.Number(ref rampIndex, 0, int.MaxValue, "ramp index");
        fields.Number(ref shotTimer, 0, ShotCooldown, "shot timer");
    }

    // A column onwards, or at the edge a row down and back; below the bottom row comes the top one.
    private void March()
    {
        if (Any(aliens & (marchesRight ? RightColumn : LeftColumn)))
        {
            marchesRight = !marchesRight;
            Terminated |= Any(aliens & BottomRow);
            aliens = ((aliens << Side) | (aliens >> (Bottom * Side))) & Full;
        }
        else
        {
            aliens = marchesRight ? aliens << 1 : aliens >> 1;
        }
    }

    // The lowest alien of the column nearest to the cannon that has any; of two as near, of the left one.
    private UInt128 NearestAlien()
    {
        for (var distance = 0; distance < Side; distance++)
        {
            var (left, right) = (cannon - distance, cannon + distance);
            if (IsInside(left) && Any(aliens & (LeftColumn << left)))
                return Lowest(aliens & (LeftColumn << left));
            if (IsInside(right) && Any(aliens & (LeftColumn << right)))
                return Lowest(aliens & (LeftColumn << right));
        }

        return 0;

        static UInt128 Lowest(UInt128 column) => UInt128.One << (int)UInt128.Log2(column);
    }

    private void StartWave()
    {
        if (moveInterval > LeastMoveInterval && Ramping)
        {
            moveInterval--;
            rampIndex++;
        }

        aliens = Wave;   // direction, timers and bullets stay
    }

    private static UInt128 Cell(int x, int y) => UInt128.One << ((y * Side) + x);

    private static bool Any(UInt128 board) => board != 0;

    private static int Count(UInt128 board) => BitOperations.PopCount((ulong)board) + BitOperations.PopCount((ulong)(board >> 64));

    private static Span<byte> Channel(Span<byte> observation, int channel) => observation.Slice(channel * Cells, Cells);

    // Eight cells at a time: each byte of the product is the whole eight bits, of which the mask leaves one; adding 127 carries it to the top.
    private static void WriteFlags(UInt128 board, Span<byte> flags)
    {
        const ulong EveryByte = 0x0101010101010101;
        for (; board != 0; board >>= 8, flags = flags[Math.Min(8, flags.Length)..])
        {
            var bytes = (((byte)board * EveryByte & 0x8040201008040201) + (127 * EveryByte) >> 7) & EveryByte;
            if (flags.Length >= 8)
                BinaryPrimitives.WriteUInt64LittleEndian(flags, bytes);
            else
                BinaryPrimitives.WriteUInt32LittleEndian(flags, (uint)bytes);
        }
    }

    private static void VisitBoard(StateFields fields, ref UInt128 board, string name)
    {
        UInt128 visited = 0;
        for (var row = 0; row < Side; row++)
        {
            var bits = (int)(uint)(board >> (row * Side)) & ((1 << Side) - 1);
            fields.Number(ref bits, 0, (1 << Side) - 1, $"a row of {name}");
            visited |= (UInt128)bits << (row * Side);
        }

        board = visited;
    }
}
