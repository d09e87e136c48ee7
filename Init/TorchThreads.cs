using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>On how many threads libtorch computes.</summary>
public static class TorchThreads
{
    /// <summary>Has libtorch compute on the calling thread alone from here on, whatever is set in others.</summary>
    /// <remarks>
    /// As <c>torch.set_num_threads(1)</c> it also becomes the number of every thread that computes for the first time later: whoever starts the calling thread waits,
    /// and then sets its own again.
    /// </remarks>
    public static void ComputeAlone()
    {
        _ = get_num_threads();   // with its first look a thread takes the process's number, even over one that it has set before
        set_num_threads(1);
    }
}
