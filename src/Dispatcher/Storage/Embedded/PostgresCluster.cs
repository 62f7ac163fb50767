// The server on one cluster, by the tools that PostgreSQL brings for it: initdb makes the cluster, pg_ctl starts and stops the server.

using System.Globalization;

namespace Dispatcher.Storage.Embedded;

internal sealed class PostgresCluster(
    DataFolder folder, PostgresBinaries binaries, PostgresUser user, IReadOnlyDictionary<string, string> settings, ILogger logger)
{
    /// <summary>The superuser that initdb makes, and the only role there is.</summary>
    public const string Superuser = "dispatcher";

    private const int StartLimitSeconds = 300;
    private const int StopLimitSeconds = 60;

    private static readonly TimeSpan InitdbLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan OrphanedChildrenLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OrphanedChildrenPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The major version that made the cluster, or null where there is no cluster yet.</summary>
    /// <exception cref="EmbeddedPostgresException">What lies in the cluster's place is none.</exception>
    public static int? MajorVersion(DataFolder folder)
    {
        var file = Path.Combine(folder.Cluster, "PG_VERSION");
        if (!File.Exists(file))
        {
            if (Directory.Exists(folder.Cluster) && Directory.EnumerateFileSystemEntries(folder.Cluster).Any())
            {
                throw new EmbeddedPostgresException(
                    $"{folder.Cluster} is not empty, and not a PostgreSQL cluster either (it has no PG_VERSION). Move it away, or set " +
                    "Dispatcher__DataDirectory to another folder.");
            }

            return null;
        }

        return int.TryParse(File.ReadAllText(file), NumberStyles.Integer, CultureInfo.InvariantCulture, out var major)
            ? major
            : throw new EmbeddedPostgresException(
                $"{file} does not hold a PostgreSQL version. Restore the data folder from a backup, or set Dispatcher__DataDirectory to " +
                "another folder.");
    }

    /// <summary>Makes the cluster if there is none, and starts a server on it, whatever an earlier run has left behind.</summary>
    /// <returns>The folder of the server's socket.</returns>
    public async Task<string> StartAsync(CancellationToken ct)
    {
        if (MajorVersion(folder) is null) await CreateAsync(ct);
        await user.TakeOverAsync(folder.Cluster, ct);
        await ClearLeftoversAsync(ct);
        await File.WriteAllTextAsync(folder.Configuration, PostgresSettings.FileText(settings), ct);
        FileModes.Set(folder.Configuration, FileModes.ReadByAll);
        await folder.PrepareLogAsync(user, ct);
        var socketDirectory = await folder.CreateSocketDirectoryAsync(user, ct);
        await LaunchAsync(socketDirectory, ct);
        return socketDirectory;
    }

    /// <summary>
    /// Stops the server: sessions are ended and data flushed or, where that takes too long, left to recovery at the next start.
    /// </summary>
    /// <returns>Null once no server runs, else why it still does.</returns>
    public async Task<string?> StopAsync()
    {
        if (!await IsRunningAsync()) return null;
        var fast = await PgCtlAsync(["stop", "-m", "fast", "-w", "-t", $"{StopLimitSeconds}"], CancellationToken.None);
        if (fast.Succeeded || !await IsRunningAsync()) return null;
        var immediate = await PgCtlAsync(["stop", "-m", "immediate", "-w", "-t", $"{StopLimitSeconds}"], CancellationToken.None);
        return immediate.Succeeded || !await IsRunningAsync() ? null : immediate.Reason;
    }

    public Task<PostmasterPidFile> ReadPidFileAsync(CancellationToken ct) => PostmasterPidFile.ReadAsync(folder.Cluster, user, ct);

    /// <summary>
    /// initdb works under another name, so that an interrupted one is never taken for a cluster. The renaming needs no sync of its own:
    /// file systems journal it ahead of whatever the server syncs afterwards.
    /// </summary>
    private async Task CreateAsync(CancellationToken ct)
    {
        EmbeddedPostgresLog.Creating(logger, binaries.Version, folder.Cluster);
        if (Directory.Exists(folder.UnfinishedCluster)) Directory.Delete(folder.UnfinishedCluster, recursive: true);
        Directory.CreateDirectory(folder.UnfinishedCluster);
        await user.TakeOverAsync(folder.UnfinishedCluster, ct);
        List<string> arguments =
        [
            "-D", folder.UnfinishedCluster, "--username", Superuser, "--data-checksums",
            // Byte order: the same on every machine, where a system's locale would change with its C library and break the indexes.
            "--encoding", "UTF8", "--locale", "C",
            // Trust, and no passwords, only because the socket's folder is private and nothing listens on TCP: whoever reaches the
            // server is root or the user that it runs as, who could read its files just as well.
            "--auth", "trust",
        ];
        if (settings.GetValueOrDefault("fsync") == "off") arguments.Add("--no-sync");
        var initdb = await Tool.RunAsync(user.Command(binaries.Initdb, arguments), InitdbLimit, ct);
        if (!initdb.Succeeded)
        {
            throw new EmbeddedPostgresException(
                $"initdb of PostgreSQL {binaries.Version} could not make a cluster in {folder.Path}: {initdb.Reason}");
        }

        if (Directory.Exists(folder.Cluster)) Directory.Delete(folder.Cluster);
        Directory.Move(folder.UnfinishedCluster, folder.Cluster);
    }

    /// <summary>A kill -9 of Dispatcher leaves its server running, one of the server leaves its postmaster.pid.</summary>
    private async Task ClearLeftoversAsync(CancellationToken ct)
    {
        var found = await ReadPidFileAsync(ct);
        if (found.State is PostmasterState.Unknown)
        {
            throw new EmbeddedPostgresException(
                $"{PostmasterPidFile.PathIn(folder.Cluster)} names the process {found.Pid}, a PostgreSQL of which the system does not " +
                $"tell whether it serves this folder. Stop it if it does (kill -INT {found.Pid}), else delete the file.");
        }

        if (found.State is PostmasterState.Running)
        {
            EmbeddedPostgresLog.StoppingOrphan(logger, found.Pid, folder.Cluster);
            if (await StopAsync() is { } reason)
            {
                throw new EmbeddedPostgresException(
                    $"An earlier run left its PostgreSQL (process {found.Pid}) running on {folder.Cluster}, and it does not stop: " +
                    $"{reason}. Stop it with kill -QUIT {found.Pid}.");
            }
        }
        else if (found.State is PostmasterState.Stale)
        {
            EmbeddedPostgresLog.StalePidRemoved(logger, found.Pid, folder.Cluster);
            File.Delete(PostmasterPidFile.PathIn(folder.Cluster));
        }
    }

    /// <summary>
    /// The children of a postmaster that was killed end when they notice, at the latest after the statement that they are busy with.
    /// Until then they hold its shared memory, and PostgreSQL rightly refuses to start beside them: so we ask again for a while.
    /// </summary>
    private async Task LaunchAsync(string socketDirectory, CancellationToken ct)
    {
        var waited = TimeSpan.Zero;
        while (await TryLaunchAsync(socketDirectory, ct) is { } failure)
        {
            if (!failure.Contains("pre-existing shared memory block", StringComparison.Ordinal) || waited >= OrphanedChildrenLimit)
            {
                throw new EmbeddedPostgresException(
                    $"PostgreSQL {binaries.Version} did not start on {folder.Cluster}. The end of its log, {folder.Log}:\n{failure}");
            }

            await Task.Delay(OrphanedChildrenPause, ct);
            waited += OrphanedChildrenPause;
        }
    }

    /// <summary>
    /// pg_ctl gives the server a session of its own, out of reach of a terminal's Ctrl+C, which it must outlive until deliveries are
    /// drained, and the log file in place of our output, whose readers would otherwise wait for the server to end, too.
    /// </summary>
    /// <returns>Null once it accepts connections, else the end of what it printed.</returns>
    private async Task<string?> TryLaunchAsync(string socketDirectory, CancellationToken ct)
    {
        var logStart = new FileInfo(folder.Log).Length;
        var options = PostgresSettings.CommandLine(folder.Configuration, socketDirectory);
        var result = await PgCtlAsync(["start", "-w", "-t", $"{StartLimitSeconds}", "-l", folder.Log, "-o", options], ct);
        if (result.Succeeded) return null;
        await StopAsync();
        await using var log = File.OpenRead(folder.Log);
        log.Position = logStart;
        using var reader = new StreamReader(log);
        var printed = Tool.LastLines(await reader.ReadToEndAsync(ct), 20);
        return printed.Length > 0 ? printed : result.Reason;
    }

    private async Task<bool> IsRunningAsync() => (await ReadPidFileAsync(CancellationToken.None)).State is PostmasterState.Running;

    private Task<ToolResult> PgCtlAsync(string[] arguments, CancellationToken ct) => Tool.RunAsync(
        user.Command(binaries.PgCtl, ["-D", folder.Cluster, .. arguments]), TimeSpan.FromSeconds(StartLimitSeconds + 30), ct);
}
