using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace RlWn.Envs;

/// <summary>One Python process with some environments of a vector; worker.py is its other side.</summary>
internal sealed class PythonWorker : IDisposable
{
    private const int StderrLines = 5;   // in a message
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(5);
    private static readonly byte[] Script = ReadScript();

    private readonly string envId;
    private readonly string python;
    private readonly Process process;
    private readonly Stream toPython;
    private readonly Stream fromPython;
    private readonly Queue<string> stderr = new();
    private readonly Task stderrRead;
    private readonly Timer watchdog;
    private TimeSpan patience;
    private volatile bool hasHung;
    private bool disposed;

    /// <summary>Starts the process. It is at work on its environments when this returns: <see cref="ReadGreeting"/> waits for it.</summary>
    /// <exception cref="GymnasiumException">There is no such interpreter.</exception>
    public PythonWorker(GymnasiumId id, int first, int count, bool autoreset, BridgeOptions options)
    {
        (envId, First, Count, python) = (id.Text, first, count, options.Interpreter);
        patience = options.StartTimeout;
        // The script follows on standard input, byte by byte: nothing is read that is not the script's.
        var start = new ProcessStartInfo(
            python, ["-c", $"import os\ns=b''\nwhile len(s)<{Script.Length}:\n p=os.read(0,{Script.Length}-len(s))\n if not p: os._exit(0)\n s+=p\nexec(compile(s,'worker.py','exec'))"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = Encoding.UTF8,
            Environment = { ["PYTHONIOENCODING"] = "utf-8:backslashreplace" },
        };
        try
        {
            process = PythonStarter.Start(start);
        }
        catch (Win32Exception failure)
        {
            throw new GymnasiumException(
                envId, $"Expected a Python interpreter to run {envId} with, got \"{python}\", which cannot be started: {failure.Message} "
                + $"Name one in the environment variable {BridgeOptions.PythonVariable}, and install Gymnasium for it: python3 -m pip install gymnasium", inner: failure);
        }

        (ProcessId, toPython, fromPython) = (process.Id, process.StandardInput.BaseStream, process.StandardOutput.BaseStream);
        watchdog = new Timer(_ => EndHung());
        stderrRead = ReadStderr();

        try
        {
            Send(Script);
            SendJson(new { id = id.Id, modules = id.Module is null ? [] : new[] { id.Module }, arguments = id.Arguments, count, autoreset });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The first environment of the vector that is here.</summary>
    public int First { get; }

    /// <summary>How many environments are here.</summary>
    public int Count { get; }

    public int ProcessId { get; }

    /// <summary>Waits until the environments are made.</summary>
    /// <param name="stepTimeout">How long later answers may take.</param>
    /// <returns>What the process says of them.</returns>
    public JsonElement ReadGreeting(TimeSpan stepTimeout)
    {
        Span<byte> magic = stackalloc byte[4];
        Watch(patience);
        Receive(magic, "start");
        if (!magic.SequenceEqual("RlWn"u8))
            throw Garbage(magic, "its start");

        ReceiveOk("make");
        var greeting = ReceiveJson("make");
        patience = stepTimeout;
        return greeting;
    }

    public void SendJson(object content)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(content);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, json.Length);
        Send(length);
        Send(json);
    }

    /// <summary>Sends bytes.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        Watch(patience);
        try
        {
            toPython.Write(bytes);
            toPython.Flush();
        }
        catch (IOException)
        {
            throw Ended("before it took what it was sent");
        }

        Watch(Timeout.InfiniteTimeSpan);   // until the caller, who may have other things to do, waits for the answer
    }

    /// <summary>Waits for the answer to what was sent.</summary>
    /// <exception cref="GymnasiumException">It is an error, or none comes.</exception>
    public void ReceiveOk(string doing)
    {
        if (!TryReceiveOk(doing))
            throw Garbage("n"u8, doing);
    }

    /// <summary>Waits for the answer to what was sent: true for done, false for a polite no.</summary>
    public bool TryReceiveOk(string doing)
    {
        Span<byte> letter = stackalloc byte[1];
        Watch(patience);
        Receive(letter, doing);
        Watch(Timeout.InfiniteTimeSpan);
        switch (letter[0])
        {
            case (byte)'k':
                return true;
            case (byte)'n':
                return false;
            case (byte)'e':
                throw Raised(ReceiveJson(doing));
            default:
                throw Garbage(letter, doing);
        }
    }

    public void Receive(Span<byte> bytes, string doing)
    {
        for (var rest = bytes; rest.Length > 0;)
        {
            int count;
            try
            {
                count = fromPython.Read(rest);
            }
            catch (IOException)
            {
                count = 0;
            }

            if (count == 0)
                throw Ended($"in {doing}");
            rest = rest[count..];
        }
    }

    /// <summary>Reads a length and that many bytes.</summary>
    public byte[] ReceiveBlock(string doing)
    {
        Span<byte> prefix = stackalloc byte[4];
        Receive(prefix, doing);
        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (length is < 0 or > 1 << 28)
            throw Garbage(prefix, doing);

        var block = new byte[length];
        Receive(block, doing);
        return block;
    }

    /// <summary>Asks the process to close its environments and to end; does not wait.</summary>
    public void Close()
    {
        if (disposed)
            return;
        try
        {
            toPython.Dispose();
        }
        catch (IOException)   // it has ended already
        {
        }
    }

    /// <summary>Ends the process: gently, and after a while in any case.</summary>
    public void Dispose()
    {
        if (disposed)
            return;
        Close();
        disposed = true;
        watchdog.Dispose();
        if (!process.WaitForExit(PatienceAtTheEnd))
            Kill();
        fromPython.Dispose();
        process.Dispose();
    }

    /// <summary>Ends the process at once.</summary>
    public void Kill()
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception failure) when (failure is InvalidOperationException or Win32Exception)   // it has ended
        {
        }
    }

    private static byte[] ReadScript()
    {
        using var resource = typeof(PythonWorker).Assembly.GetManifestResourceStream("worker.py")!;
        var script = new byte[resource.Length];
        resource.ReadExactly(script);
        return script;
    }

    private JsonElement ReceiveJson(string doing)
    {
        var block = ReceiveBlock(doing);
        try
        {
            using var document = JsonDocument.Parse(block);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw Garbage(block, doing);
        }
    }

    private void Watch(TimeSpan time) => watchdog.Change(time, Timeout.InfiniteTimeSpan);

    private void EndHung()
    {
        hasHung = true;
        Kill();
    }

    private async Task ReadStderr()
    {
        while (await process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (stderr)
            {
                stderr.Enqueue(line);
                if (stderr.Count > StderrLines)
                    stderr.Dequeue();
            }
        }
    }

    private GymnasiumException Raised(JsonElement error)
    {
        var traceback = error.GetProperty("traceback").GetString();
        if (error.GetProperty("missing").GetBoolean())
        {
            return new(
                envId, $"Expected the Python package gymnasium, to run {envId} with, got none in \"{python}\". Install it: {python} -m pip install gymnasium "
                + $"(or name another interpreter in the environment variable {BridgeOptions.PythonVariable})", traceback);
        }

        var (doing, index) = (error.GetProperty("doing").GetString(), First + error.GetProperty("index").GetInt32());
        return new(envId, $"Environment {index} of {envId} failed in {doing}: Python says {error.GetProperty("error").GetString()}", traceback);
    }

    private GymnasiumException Garbage(ReadOnlySpan<byte> came, string doing)
    {
        // What follows at once belongs to it, and says more than a letter.
        var text = Encoding.UTF8.GetString(came[..Math.Min(came.Length, 80)]);
        Kill();
        using var rest = new StreamReader(fromPython, Encoding.UTF8);
        var buffer = new char[80];
        text += new string(buffer, 0, rest.ReadBlock(buffer));
        return new(
            envId, $"Expected an answer of the bridge's Python side from {envId} in {doing}, got \"{text.ReplaceLineEndings(" ").TrimEnd()}\". "
            + "Something writes to the process's standard output past Python's: an interpreter's start-up, or a library." + Said());
    }

    private GymnasiumException Ended(string when)
    {
        if (!process.WaitForExit(PatienceAtTheEnd))
            Kill();
        if (hasHung)
        {
            return new(
                envId, string.Create(CultureInfo.InvariantCulture, $"Expected an answer from {envId} within {patience.TotalSeconds:0.###} s, got none {when}; its Python process was ended. ")
                + $"Allow more with {nameof(BridgeOptions)}, or look for what it waits for." + Said());
        }

        return new(envId, $"Expected the Python process of {envId} to go on, but it ended {when}, with exit code {process.ExitCode}{Signal(process.ExitCode)}." + Said());
    }

    private static string Signal(int exitCode) => exitCode > 128 && !OperatingSystem.IsWindows() ? $" (signal {exitCode - 128})" : "";

    private string Said()
    {
        stderrRead.Wait(PatienceAtTheEnd);   // not for ever: what it started itself may hold the pipe
        lock (stderr)
            return stderr.Count == 0 ? "" : $" It said last: {string.Join(" | ", stderr)}";
    }
}
