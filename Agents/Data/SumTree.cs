using System.Numerics;

namespace RlWn.Agents.Data;

/// <summary>Numbers of at least 0 that can be drawn from in proportion to their size: setting one and drawing one take log₂ of their count.</summary>
/// <remarks>
/// Schaul et al. 2016, arXiv:1511.05952, appendix B.2.1. A node is computed from its two children whenever one changes, never by adding
/// differences, so that no rounding piles up.
/// </remarks>
internal sealed class SumTree
{
    private readonly double[] nodes;   // 1 is the root, the children of i are 2i and 2i + 1, the leaves begin at the middle
    private readonly int leaves;

    /// <summary>Makes a tree of zeros.</summary>
    /// <param name="count">How many numbers, at least 1.</param>
    public SumTree(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        leaves = (int)BitOperations.RoundUpToPowerOf2((uint)count);
        nodes = new double[2 * leaves];
    }

    /// <summary>How many numbers there are.</summary>
    public int Count { get; }

    /// <summary>The sum of all.</summary>
    public double Total => nodes[1];

    /// <summary>One of the numbers.</summary>
    public double this[int index]
    {
        get => nodes[leaves + index];
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            if (!(value >= 0) || !double.IsFinite(value))
                throw new ArgumentOutOfRangeException(nameof(value), $"Expected a finite number of at least 0, got {value}.");

            var node = leaves + index;
            nodes[node] = value;
            while ((node /= 2) > 0)
                nodes[node] = nodes[2 * node] + nodes[(2 * node) + 1];
        }
    }

    /// <summary>The number under a point of the line on which all lie one after another, each as long as it is large.</summary>
    /// <param name="point">From 0 to below <see cref="Total"/>.</param>
    /// <returns>Its index; never that of a zero while there is another.</returns>
    public int Find(double point)
    {
        var node = 1;
        while (node < leaves)
        {
            var left = 2 * node;
            if (point < nodes[left] || nodes[left + 1] == 0)   // rounding may leave the point at the very end of the line
                node = left;
            else
                (point, node) = (point - nodes[left], left + 1);
        }

        return node - leaves;
    }
}
