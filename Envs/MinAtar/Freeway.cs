namespace RlWn.Envs;

/// <summary>MinAtar's Freeway: walk a chicken up across eight lanes of traffic, as often as there is time.</summary>
/// <remarks>
/// Reward 1 for each arrival at the top, after which the chicken is back at the bottom and the cars have new speeds. A car that hits sends it
/// back too. An episode has 2501 steps and ends as terminated, as in the reference, though a limit of time ends it. Channels: chicken, car,
/// and for each of the five speeds a trail behind the car, from the fastest (a cell every 2 steps) to the slowest (every 6). See
/// <see cref="MinAtarGame"/>.
/// </remarks>
/// <param name="options">How it is played; null for the defaults.</param>
public sealed class Freeway(MinAtarOptions? options = null) : MinAtarGame(
    [
        new("chicken", '@', new(0xF0, 0xE4, 0x42)), new("car", '#', new(0xD5, 0x5E, 0x00)),
        new("trail of speed 1", '1', new(0xFF, 0xFF, 0xFF)), new("trail of speed 2", '2', new(0x56, 0xB4, 0xE9)),
        new("trail of speed 3", '3', new(0x00, 0x9E, 0x73)), new("trail of speed 4", '4', new(0x00, 0x52, 0x9A)),
        new("trail of speed 5", '5', new(0x60, 0x60, 0x60)),
    ],
    [MinAtarAction.None, MinAtarAction.Up, MinAtarAction.Down],
    options)
{
    private const int Chicken = 0, Car = 1;   // channels; 1 + s is the trail of speed s
    private const int ChickenColumn = 4;
    private const int BottomRow = 9;
    private const int PlayerSpeed = 3;        // steps between two moves
    private const int TimeLimit = 2500;
    private const int CarCount = 8;           // car i is on row i + 1
    private const int Slowest = 5;

    private readonly CarState[] cars = new CarState[CarCount];
    private int row, moveTimer, terminateTimer;

    private protected override void Start(Random random)
    {
        Array.Clear(cars);
        RandomizeSpeeds(random);
        row = BottomRow;
        moveTimer = PlayerSpeed;
        terminateTimer = TimeLimit;
    }

    private protected override int Act(MinAtarAction action, Random random)
    {
        if (moveTimer == 0 && action is MinAtarAction.Up or MinAtarAction.Down)
        {
            moveTimer = PlayerSpeed;   // even at the edge
            row = action == MinAtarAction.Up ? Math.Max(0, row - 1) : Math.Min(BottomRow, row + 1);
        }

        var reward = 0;
        if (row == 0)
        {
            reward = 1;
            RandomizeSpeeds(random);
            row = BottomRow;
        }

        for (var lane = 0; lane < CarCount; lane++)
        {
            ref var car = ref cars[lane];
            if (car.X == ChickenColumn && row == lane + 1)
                row = BottomRow;

            if (car.Timer > 0)
            {
                car.Timer--;
                continue;
            }

            car.Timer = Math.Abs(car.Speed);
            car.X = Ahead(car);
            if (car.X == ChickenColumn && row == lane + 1)
                row = BottomRow;
        }

        if (moveTimer > 0)
            moveTimer--;
        Terminated = --terminateTimer < 0;
        return reward;
    }

    private protected override void Write(Span<byte> observation)
    {
        Mark(observation, Chicken, ChickenColumn, row);
        for (var lane = 0; lane < CarCount; lane++)
        {
            var car = cars[lane];
            Mark(observation, Car, car.X, lane + 1);
            Mark(observation, Car + Math.Abs(car.Speed), Behind(car), lane + 1);
        }
    }

    private protected override void VisitState(StateFields fields)
    {
        fields.Number(ref row, 1, BottomRow, "chicken row");
        fields.Number(ref moveTimer, 0, PlayerSpeed, "move timer");
        fields.Number(ref terminateTimer, -1, TimeLimit, "time left");
        foreach (ref var car in cars.AsSpan())
        {
            fields.Number(ref car.X, 0, Side - 1, "car column");
            fields.Number(ref car.Timer, 0, Slowest, "car timer");
            fields.Number(ref car.Speed, -Slowest, Slowest, "car speed");
        }
    }

    // Eight speeds, then eight signs. A sign of 0 takes a draw of just one half (once in 2⁵³) and leaves a car that moves left every step.
    private void RandomizeSpeeds(Random random)
    {
        foreach (ref var car in cars.AsSpan())
            car.Timer = random.Next(1, Slowest + 1);
        foreach (ref var car in cars.AsSpan())
        {
            car.Speed = car.Timer * Math.Sign(random.NextDouble() - 0.5);
            car.Timer = Math.Abs(car.Speed);
        }
    }

    private static int Ahead(CarState car) => car.Speed > 0 ? OneRight(car.X) : OneLeft(car.X);

    private static int Behind(CarState car) => car.Speed > 0 ? OneLeft(car.X) : OneRight(car.X);

    private static int OneRight(int x) => x == Side - 1 ? 0 : x + 1;

    private static int OneLeft(int x) => x == 0 ? Side - 1 : x - 1;

    private struct CarState
    {
        public int X, Timer, Speed;   // a column; steps until the next move; steps between two moves less one, negative to the left
    }
}
