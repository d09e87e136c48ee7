using System.Net;
using System.Net.Http.Headers;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>How much of a download is there.</summary>
/// <param name="Bytes">Bytes that have arrived, those of earlier tries included.</param>
/// <param name="Total">Bytes of the whole file; null where the server does not say.</param>
internal readonly record struct DownloadProgress(long Bytes, long? Total);

/// <summary>Fetches published files: goes on where it was cut, checks the md5, and shows a file under its name only once it is whole.</summary>
internal sealed class Download : IDisposable
{
    private const int Tries = 5;   // in a row without a byte arriving

    private readonly HttpClient client;
    private readonly TimeSpan pause;
    private readonly TimeSpan patience;

    /// <summary>Makes a downloader.</summary>
    /// <param name="pause">Waited after the first failure in a row, twice as long after each further one; 1 s by default.</param>
    /// <param name="patience">The longest wait for an answer or for the next bytes; 30 s by default.</param>
    public Download(TimeSpan? pause = null, TimeSpan? patience = null)
    {
        this.pause = pause ?? TimeSpan.FromSeconds(1);
        this.patience = patience ?? TimeSpan.FromSeconds(30);
        client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = this.patience }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Fetches a file. What has arrived lies beside it as .part, also after a failure, and the next call goes on from there.</summary>
    /// <param name="file">What to fetch.</param>
    /// <param name="path">Where it is to lie.</param>
    /// <param name="progress">Told of what arrives.</param>
    /// <param name="stop">Stops it; the part stays.</param>
    /// <exception cref="IOException">It could not be fetched, or is not the published file; the message gives the reason.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> asked for it.</exception>
    public async Task Fetch(PublishedFile file, string path, Action<DownloadProgress>? progress, CancellationToken stop)
    {
        var part = $"{path}.part";
        var isResumed = File.Exists(part) && new FileInfo(part).Length > 0;
        await FetchWhole(file.Url, part, progress, stop).ConfigureAwait(false);
        if (isResumed && Checksum.OfFile(part) != file.Md5)
        {
            File.Delete(part);   // its beginning may be another file's
            await FetchWhole(file.Url, part, progress, stop).ConfigureAwait(false);
        }

        var md5 = Checksum.OfFile(part);
        if (md5 != file.Md5)
        {
            File.Delete(part);
            throw new IOException($"expected the md5 {file.Md5}, got {md5}");
        }

        File.Move(part, path, overwrite: true);
    }

    public void Dispose() => client.Dispose();

    private async Task FetchWhole(Uri url, string part, Action<DownloadProgress>? progress, CancellationToken stop)
    {
        for (var failures = 0; ;)
        {
            var before = File.Exists(part) ? new FileInfo(part).Length : 0;
            try
            {
                await FetchRest(url, part, progress, stop).ConfigureAwait(false);
                return;
            }
            catch (Exception failure) when (IsWorthAnotherTry(failure, stop))
            {
                var arrived = File.Exists(part) && new FileInfo(part).Length > before;
                failures = arrived ? 1 : failures + 1;
                if (failures == Tries)
                    throw new IOException(failure is OperationCanceledException ? $"nothing came for {patience.TotalSeconds:0} s" : failure.Message.TrimEnd('.'), failure);
                await Task.Delay(pause * Math.Pow(2, failures - 1), stop).ConfigureAwait(false);
            }
        }
    }

    private async Task FetchRest(Uri url, string part, Action<DownloadProgress>? progress, CancellationToken stop)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (file.Length > 0)
            request.Headers.Range = new RangeHeaderValue(file.Length, null);

        silence.CancelAfter(patience);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            return;   // all of it is there; the checksum says whether it is the right one

        response.EnsureSuccessStatusCode();
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != file.Length)
            file.SetLength(0);   // the server sends the whole
        file.Seek(0, SeekOrigin.End);

        var total = file.Length + response.Content.Headers.ContentLength;
        using var body = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        var buffer = new byte[1 << 16];
        while (true)
        {
            silence.CancelAfter(patience);
            var read = await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
            if (read == 0)
                break;
            file.Write(buffer, 0, read);
            progress?.Invoke(new(file.Length, total));
        }

        file.Flush(flushToDisk: true);
    }

    // A full disk does not get better by waiting, nor does a file that is not there.
    private static bool IsWorthAnotherTry(Exception failure, CancellationToken stop) => failure switch
    {
        OperationCanceledException => !stop.IsCancellationRequested,
        HttpRequestException { StatusCode: { } code } => (int)code >= 500 || code is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests,
        HttpRequestException or HttpIOException => true,
        IOException { InnerException: System.Net.Sockets.SocketException } => true,
        _ => false,
    };
}
