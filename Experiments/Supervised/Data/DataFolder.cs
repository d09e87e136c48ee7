using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Where data sets lie: found there, or else downloaded to there.</summary>
internal sealed class DataFolder
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "RLWN_DATA";

    private readonly string path;

    private DataFolder(string path) => this.path = path;

    /// <summary>The folder that was asked for, else the one that <see cref="Variable"/> names, else the user's cache.</summary>
    /// <param name="asked">What the option --data says; null for none.</param>
    public static DataFolder Choose(string? asked) => new(Path.GetFullPath(NotEmpty(asked) ?? NotEmpty(Environment.GetEnvironmentVariable(Variable)) ?? Cache()));

    /// <summary>The folder that holds a data set's files, which are downloaded if they are not there.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="download">Fetches; null where nothing may be downloaded.</param>
    /// <param name="progress">Told of what arrives, with the file's name.</param>
    /// <param name="stop">Stops a download.</param>
    /// <exception cref="IOException">It is not there and cannot be downloaded; the message says what to do by hand.</exception>
    public async Task<string> Find(ImageDataset dataset, Download? download, Action<string, DownloadProgress>? progress, CancellationToken stop)
    {
        var folder = Path.Combine(path, dataset.Folder);
        if (dataset.FirstMissing(path) is null)
            return path;   // named was the data set's own folder
        if (dataset.FirstMissing(folder) is null)
            return folder;

        var here = dataset.Published.Where(file => file.IsArchive).FirstOrDefault(file => File.Exists(Path.Combine(path, file.Name)));
        var current = dataset.Published[0];
        try
        {
            foreach (var file in dataset.Published)
            {
                current = file;
                var target = Path.Combine(file.IsArchive ? path : folder, file.Name);
                if (File.Exists(target) && Checksum.OfFile(target) is var md5 && md5 != file.Md5)
                    throw new IOException($"'{target}' with the md5 {md5} instead of {file.Md5}; delete it");
                if (!File.Exists(target))
                {
                    if (download is null)
                        throw new IOException("nothing may be downloaded");
                    Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                    await download.Fetch(file, target, bytes => progress?.Invoke(file.Name, bytes), stop).ConfigureAwait(false);
                }

                if (file.IsArchive)
                {
                    Unpack(target, dataset, folder);
                    if (file != here)
                        File.Delete(target);   // it was downloaded for this alone
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException or HttpRequestException)
        {
            throw new IOException(ByHand(dataset, folder, current, failure.Message.TrimEnd('.')), failure);
        }

        return folder;
    }

    /// <summary>Reads one half of a data set, downloaded first if need be.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="isTest">Whether the test images are wanted, not the training images.</param>
    /// <param name="download">Fetches; null where nothing may be downloaded.</param>
    /// <param name="progress">Told of what arrives, with the file's name.</param>
    /// <param name="stop">Stops a download.</param>
    /// <exception cref="IOException">It is not there and cannot be downloaded, or is not the published one.</exception>
    public async Task<ImageSet> Read(ImageDataset dataset, bool isTest, Download? download, Action<string, DownloadProgress>? progress, CancellationToken stop) =>
        dataset.Read(await Find(dataset, download, progress, stop).ConfigureAwait(false), isTest ? dataset.Test : dataset.Train);

    // Into a folder of another name first: under its own name there is always the whole or nothing.
    private void Unpack(string archive, ImageDataset dataset, string folder)
    {
        var temporary = Path.Combine(path, $".{dataset.Folder}.{Path.GetRandomFileName()}");
        try
        {
            Directory.CreateDirectory(temporary);
            using (var stored = File.OpenRead(archive))
            using (var plain = new GZipStream(stored, CompressionMode.Decompress))
                TarFile.ExtractToDirectory(plain, temporary, overwriteFiles: false);

            var unpacked = Path.Combine(temporary, dataset.Folder);
            if (dataset.FirstMissing(unpacked) is { } missing)
                throw new IOException($"no {Path.GetRelativePath(temporary, missing)} in '{archive}'");
            if (!Directory.Exists(folder))
                Directory.Move(unpacked, folder);
            else if (dataset.FirstMissing(folder) is { } lacking)
                throw new IOException($"the folder is there and lacks {Path.GetFileName(lacking)}; complete or delete it");
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
    }

    private string ByHand(ImageDataset dataset, string folder, PublishedFile file, string reason) => string.Create(
        CultureInfo.InvariantCulture,
        $"Expected {dataset.Name} in '{folder}', found it incomplete or not at all, and could not download {file.Url}: {reason}. "
        + $"Put the file (md5 {file.Md5}) into '{(file.IsArchive ? path : folder)}' by hand, or name a folder that has the data by --data or {Variable}.");

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static string Cache()
    {
        if (OperatingSystem.IsWindows())
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "rlwn");
        var cache = NotEmpty(Environment.GetEnvironmentVariable("XDG_CACHE_HOME")) ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "rlwn");
    }
}
