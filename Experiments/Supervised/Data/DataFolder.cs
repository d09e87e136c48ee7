using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Where data sets lie: found there, or else downloaded to there.</summary>
internal sealed class DataFolder
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "RLWN_DATA";

    private const string UserCacheVariable = "XDG_CACHE_HOME";
    private const string Elsewhere = $"or name a folder that has the data by --data or {Variable}";

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);   // at a lock that another process holds

    private DataFolder(string root) => Root = root;

    /// <summary>Its full path.</summary>
    public string Root { get; }

    /// <summary>The folder that was asked for, else the one that <see cref="Variable"/> names, else the user's cache.</summary>
    /// <param name="asked">What the option --data says; null or empty for none.</param>
    /// <param name="environment">The value of an environment variable by its name, null or empty for none; by default this process's.</param>
    public static DataFolder Choose(string? asked, Func<string, string?>? environment = null)
    {
        environment ??= Environment.GetEnvironmentVariable;
        return new(Path.GetFullPath(NotEmpty(asked) ?? NotEmpty(environment(Variable)) ?? Cache(environment)));
    }

    /// <summary>The folder that holds a data set's files, which are downloaded if they are not there. Of several processes that need them, one downloads and the others wait.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="download">Fetches; null where nothing may be downloaded.</param>
    /// <param name="status">Told of what arrives, and of waiting for another process; null to say nothing.</param>
    /// <param name="stop">Stops a download, and waiting for one.</param>
    /// <exception cref="IOException">It is not there and cannot be downloaded or unpacked; the message says what to do by hand.</exception>
    public async Task<string> Find(ImageDataset dataset, Download? download, StatusLine? status, CancellationToken stop)
    {
        if (Found(dataset) is { } there)
            return there;

        using var alone = await Lock(dataset, status, stop).ConfigureAwait(false);
        if (Found(dataset) is { } brought)
            return brought;   // by the process that was waited for

        foreach (var leftover in Directory.EnumerateDirectories(Root, $"{TemporaryPrefix(dataset)}*").ToArray())
            Guard(dataset, "to remove what a killed unpacking left", () => Directory.Delete(leftover, recursive: true));
        foreach (var file in dataset.Published)
            await Complete(dataset, file, download, status, stop).ConfigureAwait(false);
        return FolderOf(dataset);
    }

    /// <summary>Reads one half of a data set, downloaded first if need be.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="isTest">Whether the test images are wanted, not the training images.</param>
    /// <param name="download">Fetches; null where nothing may be downloaded.</param>
    /// <param name="status">Told of what arrives, of waiting, and where no checksum is known; null to say nothing.</param>
    /// <param name="stop">Stops a download, and waiting for one.</param>
    /// <exception cref="IOException">It is not there and cannot be downloaded, or is not the published one.</exception>
    public async Task<ImageSet> Read(ImageDataset dataset, bool isTest, Download? download, StatusLine? status, CancellationToken stop)
    {
        var (folder, half) = (await Find(dataset, download, status, stop).ConfigureAwait(false), isTest ? dataset.Test : dataset.Train);
        var set = dataset.Read(folder, half);
        if (ImageDataset.WithoutChecksum(folder, half) is [_, ..] unknown)
        {
            status?.Say(
                $"Nothing but sizes, labels and the mean pixel was checked of {dataset.Name} in '{folder}': no checksum is known of {string.Join(", ", unknown)}, which this program did not unpack. "
                + "Delete the folder, and it is downloaded again and checked in full.");
        }

        return set;
    }

    // Downloads a published file and unpacks it, as far as that is still to be done.
    private async Task Complete(ImageDataset dataset, PublishedFile file, Download? download, StatusLine? status, CancellationToken stop)
    {
        var target = Path.Combine(file.IsArchive ? Root : FolderOf(dataset), file.Name);
        var wasHere = File.Exists(target);
        if (!wasHere)
            await Fetch(dataset, file, target, download, status, stop).ConfigureAwait(false);
        else if (Checksum.OfFile(target) is var md5 && md5 != file.Md5)
            throw new IOException($"Expected the md5 {file.Md5}, as it is published, of '{target}', got {md5}. It was cut or altered: delete it, and it is downloaded again.");

        if (!file.IsArchive)
            return;
        status?.Show($"unpacking {file.Name}");
        Guard(dataset, $"to unpack '{target}'", () => Unpack(target, dataset));
        if (!wasHere)
            File.Delete(target);   // it was downloaded for this alone
    }

    private async Task Fetch(ImageDataset dataset, PublishedFile file, string target, Download? download, StatusLine? status, CancellationToken stop)
    {
        Guard(dataset, $"to put {file.Name} there", () => Directory.CreateDirectory(Path.GetDirectoryName(target)!));
        try
        {
            if (download is null)
                throw new IOException("nothing may be downloaded");
            await download.Fetch(file, target, Show, stop).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or HttpRequestException)
        {
            throw new IOException(
                $"Expected {dataset.Name} in '{FolderOf(dataset)}', found it incomplete or not at all, and could not download {file.Url}: {failure.Message.TrimEnd('.')}. "
                + $"Put the file (md5 {file.Md5}) into '{Path.GetDirectoryName(target)}' by hand, {Elsewhere}.",
                failure);
        }

        void Show(DownloadProgress progress) => status?.Show(string.Create(
            CultureInfo.InvariantCulture, $"downloading {file.Name}: {progress.Bytes / 1e6:0.0}{(progress.Total is { } total ? $" of {total / 1e6:0.0}" : "")} MB"));
    }

    // Into a folder of another name first: what stands under its own name is whole. A folder that lacks files is given those, and keeps the others.
    private void Unpack(string archive, ImageDataset dataset)
    {
        var temporary = Path.Combine(Root, $"{TemporaryPrefix(dataset)}{Path.GetRandomFileName()}");
        try
        {
            Directory.CreateDirectory(temporary);
            using (var stored = File.OpenRead(archive))
            using (var plain = new GZipStream(stored, CompressionMode.Decompress))
                TarFile.ExtractToDirectory(plain, temporary, overwriteFiles: false);

            var (unpacked, folder) = (Path.Combine(temporary, dataset.Folder), FolderOf(dataset));
            if (dataset.FirstMissing(unpacked) is { } missing)
                throw new InvalidDataException($"there is no {Path.GetRelativePath(temporary, missing)} in it");

            Checksum.WriteList(unpacked, dataset.Files.Select(file => file.Name));
            if (!Directory.Exists(folder))
                Directory.Move(unpacked, folder);
            else
                MoveMissing(dataset, unpacked, folder);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
    }

    // The checksums first, which hold of the files that are there as well: once none is missing nobody comes here any more.
    private static void MoveMissing(ImageDataset dataset, string unpacked, string folder)
    {
        File.Move(Path.Combine(unpacked, Checksum.List), Path.Combine(folder, Checksum.List), overwrite: true);
        while (dataset.FirstMissing(folder) is { } missing)
            File.Move(Path.Combine(unpacked, Path.GetFileName(missing)), missing);
    }

    // The file stays: were it deleted, two processes could each lock one of the same name.
    private async Task<IDisposable> Lock(ImageDataset dataset, StatusLine? status, CancellationToken stop)
    {
        Guard(dataset, "to put it there", () => Directory.CreateDirectory(Root));
        for (var hasSaid = false; ; hasSaid = true)
        {
            FileStream? held = null;
            Guard(dataset, "to put it there", () => held = TryLock(Path.Combine(Root, $".{dataset.Folder}.lock")));
            if (held is not null)
                return held;

            if (!hasSaid)
                status?.Say($"Waiting for another process that downloads {dataset.Name} into '{Root}'.");
            await Task.Delay(BetweenLooks, stop).ConfigureAwait(false);
        }
    }

    // Null where another process has it. The system releases it when that process ends, however it ends.
    private static FileStream? TryLock(string file)
    {
        const int WindowsSharing = unchecked((int)0x80070020), LinuxWouldBlock = 11, MacWouldBlock = 35;
        try
        {
            return new(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException failure) when (failure.HResult is WindowsSharing or LinuxWouldBlock or MacWouldBlock)
        {
            return null;
        }
    }

    private void Guard(ImageDataset dataset, string what, Action write)
    {
        try
        {
            write();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new IOException(
                $"Expected {dataset.Name} in '{FolderOf(dataset)}', found it incomplete or not at all, and failed {what}: {failure.Message.TrimEnd('.')}. "
                + $"Give '{Root}' room and the right to be written to, {Elsewhere}.",
                failure);
        }
    }

    // Named may be the data set's own folder, or the one that it lies in.
    private string? Found(ImageDataset dataset) => new[] { Root, FolderOf(dataset) }.FirstOrDefault(folder => dataset.FirstMissing(folder) is null);

    private string FolderOf(ImageDataset dataset) => Path.Combine(Root, dataset.Folder);

    private static string TemporaryPrefix(ImageDataset dataset) => $".{dataset.Folder}.";

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static string Cache(Func<string, string?> environment)
    {
        if (OperatingSystem.IsWindows())
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "rlwn");
        var cache = NotEmpty(environment(UserCacheVariable)) ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "rlwn");
    }
}
