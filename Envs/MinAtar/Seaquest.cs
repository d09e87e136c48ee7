namespace RlWn.Envs;

/// <summary>MinAtar's Seaquest: shoot fish and submarines, pick up divers, and surface with them before the oxygen runs out.</summary>
/// <remarks>
/// <para>
/// Reward 1 for each fish or submarine that is shot, and for surfacing with six divers 1 for each whole tenth of the oxygen that is left. The
/// game ends when the submarine's front is hit, when the oxygen runs out, or on surfacing without a diver. Each surfacing makes it harder.
/// Channels: front and back of the submarine, its bullets, trails (the cells behind what moves), enemy bullets, fish, enemy submarines,
/// oxygen gauge, gauge of divers, divers. See <see cref="MinAtarGame"/>.
/// </para>
/// <para>
/// Kept from the reference: surfacing with six divers leaves -1, with which surfacing is neither fatal nor worth anything.
/// </para>
/// </remarks>
/// <param name="options">How it is played; null for the defaults.</param>
public sealed class Seaquest(MinAtarOptions? options = null) : MinAtarGame(
    [
        new("front of the submarine", '@', new(0xF0, 0xE4, 0x42)), new("back of the submarine", '%', new(0xE6, 0x9F, 0x00)),
        new("own bullet", '*', new(0xFF, 0xFF, 0xFF)), new("trail", '.', new(0x50, 0x50, 0x50)), new("enemy bullet", '-', new(0xFF, 0x9D, 0xD8)),
        new("fish", 'f', new(0x00, 0x9E, 0x73)), new("enemy submarine", 's', new(0xD5, 0x5E, 0x00)), new("oxygen", 'O', new(0x56, 0xB4, 0xE9)),
        new("divers on board", 'D', new(0x8E, 0x5A, 0xC8)), new("diver", 'd', new(0xC8, 0xA8, 0xF0)),
    ],
    [
        MinAtarAction.None, MinAtarAction.Left, MinAtarAction.Up, MinAtarAction.Right, MinAtarAction.Down, MinAtarAction.Fire,
    ],
    options)
{
    private const int Front = 0, Back = 1, OwnBullet = 2, Trail = 3, EnemyBullet = 4, Fish = 5, EnemySub = 6, Oxygen = 7, Gauge = 8, Diver = 9;
    private const int GaugeRow = 9, DeepestRow = 8;
    private const int MaxOxygen = 200, MaxDivers = 6;
    private const int FirstSpawnSpeed = 20, DiverSpawnSpeed = 30;                          // steps
    private const int FirstMoveSpeed = 5, LeastMoveSpeed = 2, DiverMoveInterval = 5;
    private const int ShotCooldown = 5, EnemyShotInterval = 10;

    // How many there can be at once. A bullet takes 10 steps to cross the grid, and own ones come every 5. A diver takes 60, and they come
    // every 30. Enemies are most dense when they come every step and take 30 steps (10 cells of 3). An enemy submarine fires every 11 steps,
    // so that the bullets of 10 steps come from as many submarines: those of the last 30 + 10 steps.
    private const int MaxOwnBullets = 2, MaxDiversAtSea = 2, MaxEnemies = 30, MaxEnemyBullets = 40;

    private readonly Movers ownBullets = new("own bullets", MaxOwnBullets);
    private readonly Movers enemyBullets = new("enemy bullets", MaxEnemyBullets);
    private readonly Movers fish = new("fish", MaxEnemies);
    private readonly Movers enemySubs = new("enemy submarines", MaxEnemies);
    private readonly Movers divers = new("divers", MaxDiversAtSea);
    private int oxygen, diverCount, subX, subY;
    private int spawnSpeed, spawnTimer, diverSpawnTimer, moveSpeed, rampIndex, shotTimer;
    private bool facesRight, atSurface;

    private protected override void Start(Random random)
    {
        (oxygen, diverCount) = (MaxOxygen, 0);
        (subX, subY, facesRight) = (5, 0, false);
        ownBullets.Clear();
        enemyBullets.Clear();
        fish.Clear();
        enemySubs.Clear();
        divers.Clear();
        spawnTimer = spawnSpeed = FirstSpawnSpeed;
        diverSpawnTimer = DiverSpawnSpeed;
        moveSpeed = FirstMoveSpeed;
        (rampIndex, shotTimer) = (0, 0);
        atSurface = true;
    }

    private protected override int Act(MinAtarAction action, Random random)
    {
        if (spawnTimer == 0)
        {
            SpawnEnemy(random);
            spawnTimer = spawnSpeed;
        }

        if (diverSpawnTimer == 0)
        {
            SpawnDiver(random);
            diverSpawnTimer = DiverSpawnSpeed;
        }

        MoveSubmarine(action);
        var reward = MoveOwnBullets();
        MoveDivers();
        reward += MoveEnemySubs();
        MoveEnemyBullets();
        reward += MoveFish();

        spawnTimer = Math.Max(0, spawnTimer - 1);
        diverSpawnTimer = Math.Max(0, diverSpawnTimer - 1);
        shotTimer = Math.Max(0, shotTimer - 1);
        return reward + Breathe();
    }

    private protected override void Write(Span<byte> observation)
    {
        Mark(observation, Front, subX, subY);
        var back = facesRight ? subX - 1 : subX + 1;
        if (IsInside(back))
            Mark(observation, Back, back, subY);

        observation.Slice((Oxygen * Cells) + (GaugeRow * Side), Math.Max(0, oxygen) * Side / MaxOxygen).Fill(1);
        for (var diver = 1; diver <= diverCount; diver++)
            Mark(observation, Gauge, 9 - diver, GaugeRow);

        foreach (var bullet in ownBullets.All)
            Mark(observation, OwnBullet, bullet.X, bullet.Y);
        foreach (var bullet in enemyBullets.All)
            Mark(observation, EnemyBullet, bullet.X, bullet.Y);
        WriteWithTrail(observation, Fish, fish);
        WriteWithTrail(observation, EnemySub, enemySubs);
        WriteWithTrail(observation, Diver, divers);
    }

    private protected override void VisitState(StateFields fields)
    {
        fields.Number(ref oxygen, -1, MaxOxygen, "oxygen");
        fields.Number(ref diverCount, int.MinValue, MaxDivers, "divers on board");
        fields.Number(ref subX, 0, Side - 1, "submarine column");
        fields.Number(ref subY, 0, DeepestRow, "submarine row");
        fields.Flag(ref facesRight, "submarine direction");
        fields.Number(ref spawnSpeed, 1, FirstSpawnSpeed, "spawn speed");
        fields.Number(ref spawnTimer, 0, FirstSpawnSpeed, "spawn timer");
        fields.Number(ref diverSpawnTimer, 0, DiverSpawnSpeed, "diver spawn timer");
        fields.Number(ref moveSpeed, LeastMoveSpeed, FirstMoveSpeed, "move speed");
        fields.Number(ref rampIndex, 0, int.MaxValue, "ramp index");
        fields.Number(ref shotTimer, 0, ShotCooldown, "shot timer");
        fields.Flag(ref atSurface, "at the surface");
        ownBullets.Visit(fields, 0, 0);
        enemyBullets.Visit(fields, 0, 0);
        fish.Visit(fields, FirstMoveSpeed, 0);
        enemySubs.Visit(fields, FirstMoveSpeed, EnemyShotInterval);
        divers.Visit(fields, DiverMoveInterval, 0);
    }

    private void SpawnEnemy(Random random)
    {
        var right = random.NextDouble() < 1.0 / 2;
        var isSub = random.NextDouble() < 1.0 / 3;
        var row = random.Next(1, 9);
        if (IsOpposed(fish, row, right) || IsOpposed(enemySubs, row, right))
            return;

        var enemy = new Mover { X = right ? 0 : Side - 1, Y = row, Right = right, Timer = moveSpeed };
        if (isSub)
            enemySubs.Add(enemy with { ShotTimer = EnemyShotInterval });
        else
            fish.Add(enemy);
    }

    private void SpawnDiver(Random random)
    {
        var right = random.NextDouble() < 1.0 / 2;
        var row = random.Next(1, 9);
        divers.Add(new Mover { X = right ? 0 : Side - 1, Y = row, Right = right, Timer = DiverMoveInterval });
    }

    private void MoveSubmarine(MinAtarAction action)
    {
        switch (action)
        {
            case MinAtarAction.Fire when shotTimer == 0:
                ownBullets.Add(new Mover { X = subX, Y = subY, Right = facesRight });
                shotTimer = ShotCooldown;
                break;
            case MinAtarAction.Left:
                subX = Math.Max(0, subX - 1);
                facesRight = false;
                break;
            case MinAtarAction.Right:
                subX = Math.Min(Side - 1, subX + 1);
                facesRight = true;
                break;
            case MinAtarAction.Up:
                subY = Math.Max(0, subY - 1);
                break;
            case MinAtarAction.Down:
                subY = Math.Min(DeepestRow, subY + 1);
                break;
        }
    }

    // Here and below, from the last to the first. What goes in the reference is the first that equals it in everything, which comes to the same:
    // an equal one before it has not been visited yet, and is in its stead. Besides, only two own bullets, or bullets that have all left the
    // grid, can be equal then: an enemy that equals one which has just met a bullet would have met that bullet before.
    private int MoveOwnBullets()
    {
        var reward = 0;
        for (var i = ownBullets.Count - 1; i >= 0; i--)
        {
            ref var bullet = ref ownBullets[i];
            bullet.Advance();
            if (!IsInside(bullet.X))
            {
                ownBullets.RemoveAt(i);
            }
            else if (RemoveFirstAt(fish, bullet) || RemoveFirstAt(enemySubs, bullet))
            {
                ownBullets.RemoveAt(i);
                reward++;
            }
        }

        return reward;
    }

    private void MoveDivers()
    {
        for (var i = divers.Count - 1; i >= 0; i--)
        {
            ref var diver = ref divers[i];
            if (IsPickedUp(diver))
            {
                PickUp(i);
            }
            else if (diver.Timer > 0)
            {
                diver.Timer--;
            }
            else
            {
                diver.Timer = DiverMoveInterval;
                diver.Advance();
                if (!IsInside(diver.X))
                    divers.RemoveAt(i);
                else if (IsPickedUp(diver))
                    PickUp(i);
            }
        }
    }

    private int MoveEnemySubs()
    {
        var reward = 0;
        for (var i = enemySubs.Count - 1; i >= 0; i--)
        {
            ref var enemy = ref enemySubs[i];
            var isGone = MoveEnemy(ref enemy, ref reward);
            if (enemy.ShotTimer == 0)   // even where it was hit just now
            {
                enemy.ShotTimer = EnemyShotInterval;
                enemyBullets.Add(new Mover { X = enemy.X, Y = enemy.Y, Right = enemy.Right });
            }
            else
            {
                enemy.ShotTimer--;
            }

            if (isGone)
                enemySubs.RemoveAt(i);
        }

        return reward;
    }

    private void MoveEnemyBullets()
    {
        for (var i = enemyBullets.Count - 1; i >= 0; i--)
        {
            ref var bullet = ref enemyBullets[i];
            Terminated |= bullet.IsAt(subX, subY);
            bullet.Advance();
            if (!IsInside(bullet.X))
                enemyBullets.RemoveAt(i);
            else
                Terminated |= bullet.IsAt(subX, subY);
        }
    }

    private int MoveFish()
    {
        var reward = 0;
        for (var i = fish.Count - 1; i >= 0; i--)
        {
            if (MoveEnemy(ref fish[i], ref reward))
                fish.RemoveAt(i);
        }

        return reward;
    }

    // Moves a fish or a submarine when its time has come. Returns whether it is gone.
    private bool MoveEnemy(ref Mover enemy, ref int reward)
    {
        Terminated |= enemy.IsAt(subX, subY);
        if (enemy.Timer > 0)
        {
            enemy.Timer--;
            return false;
        }

        enemy.Timer = moveSpeed;
        enemy.Advance();
        if (!IsInside(enemy.X))
            return true;

        if (enemy.IsAt(subX, subY))
        {
            Terminated = true;
            return false;
        }

        if (!RemoveFirstAt(ownBullets, enemy))
            return false;

        reward++;
        return true;
    }

    // Oxygen falls below the surface; on arriving there, divers are let out or the game is lost. Returns the reward.
    private int Breathe()
    {
        Terminated |= oxygen <= 0;
        if (subY > 0)
        {
            oxygen--;
            atSurface = false;
            return 0;
        }

        if (atSurface)
            return 0;

        if (diverCount == 0)
        {
            Terminated = true;
            return 0;
        }

        return Surface();
    }

    private int Surface()
    {
        atSurface = true;
        var bonus = 0;
        if (diverCount == MaxDivers)
        {
            diverCount = 0;
            bonus = oxygen * 10 / MaxOxygen;
        }

        oxygen = MaxOxygen;
        diverCount--;   // to -1 after a bonus
        if (Ramping && (spawnSpeed > 1 || moveSpeed > LeastMoveSpeed))
        {
            if (moveSpeed > LeastMoveSpeed && rampIndex % 2 == 1)
                moveSpeed--;
            if (spawnSpeed > 1)
                spawnSpeed--;
            rampIndex++;
        }

        return bonus;
    }

    private bool IsPickedUp(Mover diver) => diver.IsAt(subX, subY) && diverCount < MaxDivers;

    private void PickUp(int index)
    {
        divers.RemoveAt(index);
        diverCount++;
    }

    private static bool IsOpposed(Movers enemies, int row, bool right)
    {
        foreach (var enemy in enemies.All)
        {
            if (enemy.Y == row && enemy.Right != right)
                return true;
        }

        return false;
    }

    private static bool RemoveFirstAt(Movers movers, Mover place)
    {
        var index = movers.FirstAt(place.X, place.Y);
        if (index < 0)
            return false;

        movers.RemoveAt(index);
        return true;
    }

    private static void WriteWithTrail(Span<byte> observation, int channel, Movers movers)
    {
        foreach (var mover in movers.All)
        {
            Mark(observation, channel, mover.X, mover.Y);
            if (IsInside(mover.Behind))
                Mark(observation, Trail, mover.Behind, mover.Y);
        }
    }
}
