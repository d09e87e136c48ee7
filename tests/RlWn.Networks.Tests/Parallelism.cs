using Xunit;

// One test after another: some compare libtorch's global generator or count all live tensors before and after.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
