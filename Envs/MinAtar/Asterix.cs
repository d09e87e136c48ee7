namespace RlWn.Envs;

/// <summary>MinAtar's Asterix: collect the gold that crosses the grid and stay clear of the enemies that cross it too.</summary>
/// <remarks>
/// Reward 1 for a piece of gold; the game ends when an enemy is met. Both come sooner and run faster as the game goes on. Channels: player,
/// enemy, trail (the cell behind, which shows the direction), gold. See <see cref="MinAtarGame"/>.
/// </remarks>
/// <param name="options">How it is played; null for the defaults.</param>
public sealed class Asterix(MinAtarOptions? options = null) : MinAtarGame(
    [
        new("player", '@', new(0x56, 0xB4, 0xE9)), new("enemy", 'x', new(0xD5, 0x5E, 0x00)), new("trail", '.', new(0x80, 0x80, 0x80)),
        new("gold", '$', new(0xF0, 0xE4, 0x42)),
    ],
    [MinAtarAction.None, MinAtarAction.Left, MinAtarAction.Up, MinAtarAction.Right, MinAtarAction.Down],
    options)
{
    private const int Player = 0, Enemy = 1, Trail = 2, Gold = 3;   // channels
    private const int Slots = 8;                                    // slot i is on row i + 1
    private const int FirstSpawnSpeed = 10, FirstMoveSpeed = 5;     // steps
    private const int RampInterval = 100;

    private readonly Entity[] entities = new Entity[Slots];
    private int playerX, playerY, spawnSpeed, spawnTimer, moveSpeed, moveTimer, rampTimer, rampIndex;

    private protected override void Start(Random random)
    {
        Array.Clear(entities);
        (playerX, playerY) = (5, 5);
        spawnTimer = spawnSpeed = FirstSpawnSpeed;
        moveTimer = moveSpeed = FirstMoveSpeed;
        (rampTimer, rampIndex) = (RampInterval, 0);
    }

    private protected override int Act(MinAtarAction action, Random random)
    {
        if (spawnTimer == 0)
        {
            Spawn(random);
            spawnTimer = spawnSpeed;
        }

        switch (action)
        {
            case MinAtarAction.Left: playerX = Math.Max(0, playerX - 1); break;
            case MinAtarAction.Right: playerX = Math.Min(Side - 1, playerX + 1); break;
            case MinAtarAction.Up: playerY = Math.Max(1, playerY - 1); break;
            case MinAtarAction.Down: playerY = Math.Min(Slots, playerY + 1); break;
        }

        var reward = Meet();
        if (moveTimer == 0)
        {
            moveTimer = moveSpeed;
            foreach (ref var entity in entities.AsSpan())
            {
                entity.X += entity.Right ? 1 : -1;
                entity.IsPresent &= IsInside(entity.X);
            }

            reward += Meet();
        }

        spawnTimer--;
        moveTimer--;
        if (Ramping && (spawnSpeed > 1 || moveSpeed > 1))
            Ramp();
        return reward;
    }

    private protected override void Write(Span<byte> observation)
    {
        Mark(observation, Player, playerX, playerY);
        for (var slot = 0; slot < Slots; slot++)
        {
            var entity = entities[slot];
            if (!entity.IsPresent)
                continue;

            Mark(observation, entity.IsGold ? Gold : Enemy, entity.X, slot + 1);
            var behind = entity.Right ? entity.X - 1 : entity.X + 1;
            if (IsInside(behind))
                Mark(observation, Trail, behind, slot + 1);
        }
    }

    private protected override void VisitState(StateFields fields)
    {
        fields.Number(ref playerX, 0, Side - 1, "player column");
        fields.Number(ref playerY, 1, Slots, "player row");
        fields.Number(ref spawnSpeed, 1, FirstSpawnSpeed, "spawn speed");
        fields.Number(ref spawnTimer, 0, FirstSpawnSpeed, "spawn timer");
        fields.Number(ref moveSpeed, 1, FirstMoveSpeed, "move speed");
        fields.Number(ref moveTimer, 0, FirstMoveSpeed, "move timer");
        fields.Number(ref rampTimer, -1, RampInterval, "ramp timer");
        fields.Number(ref rampIndex, 0, int.MaxValue, "ramp index");
        foreach (ref var entity in entities.AsSpan())
        {
            fields.Flag(ref entity.IsPresent, "entity");
            if (!entity.IsPresent)
                continue;

            fields.Number(ref entity.X, 0, Side - 1, "entity column");
            fields.Flag(ref entity.Right, "entity direction");
            fields.Flag(ref entity.IsGold, "entity kind");
        }
    }

    private void Spawn(Random random)
    {
        var right = random.NextDouble() < 1.0 / 2;
        var gold = random.NextDouble() < 1.0 / 3;
        var free = 0;
        foreach (var entity in entities)
            free += entity.IsPresent ? 0 : 1;
        if (free == 0)
            return;

        var place = random.Next(free);   // among the free slots
        foreach (ref var entity in entities.AsSpan())
        {
            if (!entity.IsPresent && place-- == 0)
                entity = new Entity { IsPresent = true, X = right ? 0 : Side - 1, Right = right, IsGold = gold };
        }
    }

    // Only the slot of the player's row can hold what the player meets.
    private int Meet()
    {
        ref var entity = ref entities[playerY - 1];
        if (!entity.IsPresent || entity.X != playerX)
            return 0;

        if (!entity.IsGold)
        {
            Terminated = true;
            return 0;
        }

        entity.IsPresent = false;
        return 1;
    }

    private void Ramp()
    {
        if (rampTimer >= 0)
        {
            rampTimer--;
            return;
        }

        if (moveSpeed > 1 && rampIndex % 2 == 1)
            moveSpeed--;
        if (spawnSpeed > 1)
            spawnSpeed--;
        rampIndex++;
        rampTimer = RampInterval;
    }

    private struct Entity
    {
        public bool IsPresent, Right, IsGold;
        public int X;
    }
}
