using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RlWn.Experiments.Tests.Supervised;

/// <summary>How the server answers one request.</summary>
/// <param name="Content">What it serves.</param>
/// <param name="CutAfter">Bytes of the body after which it drops the connection; null for none.</param>
/// <param name="Ranges">Whether it heeds Range.</param>
/// <param name="Status">200 for the content, else the error it answers with.</param>
/// <param name="IsSilent">Whether it takes the request and says nothing.</param>
internal sealed record Answer(byte[] Content, int? CutAfter = null, bool Ranges = true, int Status = 200, bool IsSilent = false);

/// <summary>A web server of a few lines that answers request after request as it is told, the last answer again and again.</summary>
internal sealed class TinyServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Queue<Answer> answers;
    private readonly Task serving;
    private readonly CancellationTokenSource stop = new();

    public TinyServer(params Answer[] answers)
    {
        this.answers = new(answers);
        listener.Start();
        Url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        serving = Task.Run(Serve);
    }

    public string Url { get; }

    /// <summary>For each request, the byte from which it asked; null where it asked for the whole.</summary>
    public List<int?> AskedFrom { get; } = [];

    public void Dispose()
    {
        stop.Cancel();
        listener.Stop();
        serving.Wait();
        stop.Dispose();
    }

    private async Task Serve()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var connection = await listener.AcceptTcpClientAsync(stop.Token);
                await Answer(connection, answers.Count > 1 ? answers.Dequeue() : answers.Peek());
            }
            catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException or IOException)
            {
                // The other side hung up, or the test is over.
            }
        }
    }

    private async Task Answer(TcpClient connection, Answer answer)
    {
        var stream = connection.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        int? from = null;
        while (await reader.ReadLineAsync(stop.Token) is { Length: > 0 } line)
        {
            if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                from = int.Parse(line["Range: bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        }

        AskedFrom.Add(from);
        if (answer.IsSilent)
            await Task.Delay(Timeout.Infinite, stop.Token);

        var isPart = answer.Ranges && from is > 0;
        var (status, body) = answer.Status != 200 ? (answer.Status, (byte[])[])
            : isPart && from >= answer.Content.Length ? (416, [])
            : isPart ? (206, answer.Content[from!.Value..])
            : (200, answer.Content);
        var range = status == 206 ? $"Content-Range: bytes {from}-{answer.Content.Length - 1}/{answer.Content.Length}\r\n" : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: {body.Length}\r\n{range}Connection: close\r\n\r\n"), stop.Token);
        await stream.WriteAsync(body.AsMemory(0, Math.Min(answer.CutAfter ?? body.Length, body.Length)), stop.Token);
    }
}
