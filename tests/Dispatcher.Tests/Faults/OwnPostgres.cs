// A PostgreSQL that keeps its promises (fsync on) and that a test may kill.

using Dispatcher.Storage.Embedded;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Dispatcher.Tests.Faults;

internal sealed class OwnPostgres : IAsyncDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"dispatcher-faults-{Guid.NewGuid():N}");
    private EmbeddedPostgres? _postgres;

    public string ConnectionString => _postgres!.ConnectionString;

    public static async Task<OwnPostgres> StartAsync()
    {
        var own = new OwnPostgres();
        await own.StartAgainAsync();
        return own;
    }

    /// <summary>kill -9 of the postmaster: its children notice and end, nothing is flushed.</summary>
    public async Task KillAsync()
    {
        var pid = (await File.ReadAllLinesAsync(Path.Combine(_folder, "postgres", "postmaster.pid")))[0];
        Assert.True(Signals.Send(int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture), Signals.Kill));
        // Finds no server to stop, and gives up the folder.
        await _postgres!.DisposeAsync();
    }

    /// <summary>Starts it on the same folder, and so under the same connection string.</summary>
    public async Task StartAgainAsync() => _postgres = await EmbeddedPostgres.StartAsync(
        new EmbeddedPostgresOptions(_folder), NullLogger.Instance, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_postgres is not null) await _postgres.DisposeAsync();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }
}
