// Tests count the process's live tensors and measure its memory: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
