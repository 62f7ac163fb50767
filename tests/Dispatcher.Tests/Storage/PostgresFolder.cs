using System.Globalization;
using Dispatcher.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Xunit;

namespace Dispatcher.Tests.Storage;

/// <summary>
/// A temporary folder that an embedded PostgreSQL can keep its data in. Its end checks that no process is left in it, and removes it.
/// </summary>
internal sealed class PostgresFolder : IAsyncDisposable
{
    /// <summary>A test's data need not survive a power cut, and the disk is what makes initdb slow.</summary>
    public static readonly Dictionary<string, string> Fast = new() { ["fsync"] = "off" };

    private readonly string _root = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"dispatcher-test-{Guid.NewGuid():N}");

    public PostgresFolder(string name = "data")
    {
        Path = System.IO.Path.Combine(_root, name);
        // Open to others, unlike the system's own temporary folders: as root, PostgreSQL runs as another user.
        FileModes.CreateDirectory(_root, FileModes.RunByAll);
    }

    public string Path { get; }

    public string Cluster => System.IO.Path.Combine(Path, "postgres");

    public string PidFile => System.IO.Path.Combine(Cluster, "postmaster.pid");

    public Task<EmbeddedPostgres> StartAsync(
        IReadOnlyDictionary<string, string>? settings = null, PostgresLookup? lookup = null, CancellationToken? ct = null) =>
        EmbeddedPostgres.StartAsync(
            new EmbeddedPostgresOptions(Path) { Settings = settings ?? Fast, Lookup = lookup },
            NullLogger.Instance,
            ct ?? TestContext.Current.CancellationToken);

    /// <summary>The process id of the server that runs in the folder.</summary>
    public int ServerPid() => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

    /// <summary>The first value of a query's first row, as text.</summary>
    public static async Task<string?> QueryAsync(EmbeddedPostgres postgres, string sql)
    {
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        await using var command = source.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
    }

    /// <summary>The processes that work in the folder: PostgreSQL's do so in their cluster.</summary>
    public IReadOnlyList<string> Processes() =>
        [.. Directory.EnumerateDirectories("/proc").Where(process => WorkingDirectory(process).StartsWith(_root))];

    /// <summary>Waits for the end of processes that were killed, and of the children that a killed server leaves to notice it.</summary>
    public async Task SeeNothingRunAsync()
    {
        for (var tries = 0; OperatingSystem.IsLinux() && Processes().Count > 0; tries++)
        {
            Assert.True(tries < 100, $"Still running in {_root}: {string.Join(", ", Processes())}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await SeeNothingRunAsync();
        Directory.Delete(_root, recursive: true);
    }

    private static string WorkingDirectory(string process) => new FileInfo($"{process}/cwd").LinkTarget ?? "";
}
