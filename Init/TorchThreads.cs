using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>On how many threads libtorch computes.</summary>
public static class TorchThreads
{
    /// <summary>Starts a thread on which libtorch computes alone, whatever is set in others, and returns once it does.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="body">What it does. The thread does not keep the process alive.</param>
    /// <remarks>A number that one thread sets becomes that of every thread that computes for the first time later: here it is the caller's again.</remarks>
    public static Thread StartAlone(string name, Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        using var isAlone = new ManualResetEvent(false);
        var thread = new Thread(Run) { Name = name, IsBackground = true };
        var ofCaller = get_num_threads();
        thread.Start();
        isAlone.WaitOne();
        set_num_threads(ofCaller);
        return thread;

        void Run()
        {
            _ = get_num_threads();   // with its first look a thread takes the process's number, even over one that it has set before
            set_num_threads(1);
            isAlone.Set();
            body();
        }
    }
}
