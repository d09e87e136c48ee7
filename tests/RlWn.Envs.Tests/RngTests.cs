namespace RlWn.Envs.Tests;

public class RngTests
{
    // xoshiro256** written out in Python by Blackman and Vigna's reference code.
    [Fact]
    public void NextUInt64_KnownState_MatchesTheReference()
    {
        var rng = new Rng(0) { State = (1, 2, 3, 4) };
        ulong[] expected =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600, 16172922978634559625, 8476171486693032832,
        ];
        Assert.Equal(expected, expected.Select(_ => rng.NextUInt64()));
        Assert.Equal((15012982489117819719UL, 6951394054564118848UL, 16156672553958736067UL, 3467857539834773921UL), rng.State);
    }

    // Seed and stream through SplitMix64, likewise in Python.
    [Theory]
    [InlineData(0, 0, 18110106563157542208, 8650457082529208451)]
    [InlineData(42, 0, 2303456275738999573, 5438210688795116325)]
    [InlineData(42, 7, 2648032583866158101, 15589289955728303254)]
    public void NextUInt64_SeedAndStream_MatchTheReference(ulong seed, ulong stream, ulong first, ulong second)
    {
        var rng = new Rng(seed, stream);
        Assert.Equal((first, second), (rng.NextUInt64(), rng.NextUInt64()));
    }

    [Fact]
    public void NextDouble_KnownSeed_IsTheUpper53Bits() => Assert.Equal(0.12487061491907958, new Rng(42).NextDouble());

    [Fact]
    public void State_SavedAndRestored_ReplaysEveryKindOfDraw()
    {
        var rng = new Rng(5);
        rng.NextDouble();
        var state = rng.State;
        var first = Draws(rng);
        Assert.NotEqual(first, Draws(rng));
        rng.State = state;
        Assert.Equal(first, Draws(rng));

        static object[] Draws(Rng rng)
        {
            var bytes = new byte[13];
            rng.NextBytes(bytes);
            return
            [
                rng.Next(), rng.Next(10), rng.Next(-5, 5), rng.NextInt64(), rng.NextDouble(), rng.NextSingle(), rng.NextNormal(),
                Convert.ToHexString(bytes),
            ];
        }
    }

    [Fact]
    public void State_AllZeros_IsRefused() => Assert.Throws<ArgumentException>(() => new Rng(0) { State = default });

    // χ² of 100,000 draws in 100 bins, 99 degrees of freedom: mean 99, deviation √198 = 14.1; five deviations on each side.
    [Theory]
    [InlineData(nameof(Random.NextDouble))]
    [InlineData(nameof(Random.NextSingle))]
    [InlineData(nameof(Random.Next))]
    [InlineData(nameof(Random.NextBytes))]
    public void Draws_HundredThousand_AreUniform(string method)
    {
        var (rng, counts, buffer) = (new Rng(1), new int[100], new byte[3]);
        for (var i = 0; i < 100_000; i++)
        {
            counts[method switch
            {
                nameof(Random.NextDouble) => (int)(rng.NextDouble() * 100),
                nameof(Random.NextSingle) => (int)(rng.NextSingle() * 100),
                nameof(Random.Next) => rng.Next(100),
                _ => Byte() * 100 / 65536,
            }]++;
        }

        var chiSquare = counts.Sum(count => (count - 1000.0) * (count - 1000.0) / 1000.0);
        Assert.InRange(chiSquare, 99 - 70, 99 + 70);

        int Byte()
        {
            rng.NextBytes(buffer);
            return (buffer[1] * 256) + buffer[2];
        }
    }

    [Fact]
    public void Next_ThreeValues_AllComeAndNoOthers()
    {
        var rng = new Rng(2);
        var drawn = Enumerable.Range(0, 200).Select(_ => rng.Next(-1, 2)).ToHashSet();
        Assert.Equal([-1, 0, 1], drawn.Order());
    }

    [Fact]
    public void Next_ExtremeRanges_StayWithin()
    {
        var rng = new Rng(3);
        for (var i = 0; i < 1_000; i++)
        {
            Assert.InRange(rng.Next(), 0, int.MaxValue - 1);
            Assert.InRange(rng.Next(int.MinValue, int.MaxValue), int.MinValue, int.MaxValue - 1);
            Assert.Equal(int.MaxValue - 1, rng.Next(int.MaxValue - 1, int.MaxValue));
            Assert.InRange(rng.NextInt64(long.MinValue, long.MaxValue), long.MinValue, long.MaxValue - 1);
            Assert.Equal(long.MinValue, rng.NextInt64(long.MinValue, long.MinValue + 1));
        }

        Assert.Contains(Enumerable.Range(0, 100), _ => rng.Next(int.MinValue, int.MaxValue) < 0);
        Assert.Equal(0, rng.Next(0));
        Assert.Equal(7, rng.Next(7, 7));
    }

    [Fact]
    public void Next_EmptyRange_IsRefused()
    {
        var rng = new Rng(0);
        Assert.Throws<ArgumentOutOfRangeException>("maxValue", () => rng.Next(-1));
        Assert.Throws<ArgumentOutOfRangeException>("maxValue", () => rng.NextInt64(-1));
        Assert.Throws<ArgumentOutOfRangeException>("minValue", () => rng.Next(2, 1));
    }

    // Mean and variance of 100,000 draws: deviations 0.0032 and 0.0045, four of each.
    [Fact]
    public void NextNormal_HundredThousandDraws_HaveMeanZeroAndVarianceOne()
    {
        var rng = new Rng(4);
        var draws = Enumerable.Range(0, 100_000).Select(_ => rng.NextNormal()).ToArray();
        Assert.InRange(draws.Average(), -0.013, 0.013);
        Assert.InRange(draws.Average(draw => draw * draw), 0.982, 1.018);
    }

    [Fact]
    public void NextUniform_Bounds_AreKept()
    {
        var rng = new Rng(4);
        Assert.All(Enumerable.Range(0, 1_000).Select(_ => rng.NextUniform(-0.05, 0.05)), draw => Assert.InRange(draw, -0.05, 0.05));
    }

    [Fact]
    public void Streams_OfNeighbouringSeeds_HaveNoDrawInCommon()
    {
        var draws = from seed in Enumerable.Range(0, 30)
                    from stream in Enumerable.Range(0, 30)
                    select new Rng((ulong)seed, (ulong)stream).NextUInt64();
        Assert.Equal(900, draws.Distinct().Count());
    }
}
