using RlWn.Testing;
using Xunit;
using static TorchSharp.torch;

// One test after another: some compare libtorch's global generator or the process's memory before and after.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: AssemblyFixture(typeof(OneThread))]

namespace RlWn.Testing;

/// <summary>One libtorch thread: with more, a busy machine makes tests of small tensors many times slower.</summary>
public sealed class OneThread
{
    public OneThread() => set_num_threads(1);
}
