// A PgBouncer in transaction mode in front of the tests' PostgreSQL: clients of one session there share the server's sessions.

using System.Diagnostics;
using Dispatcher.Storage.Embedded;
using Npgsql;

namespace Dispatcher.Tests.Support;

internal sealed class PgBouncer : IAsyncDisposable
{
    private const int Port = 6432;

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"dispatcher-pooler-{Guid.NewGuid():N}");
    private readonly string _direct;
    private Process? _process;

    private PgBouncer(string direct) => _direct = direct;

    /// <summary>The database of the connection string that it stands in front of, through it.</summary>
    public string ConnectionString =>
        new NpgsqlConnectionStringBuilder(_direct) { Host = _folder, Port = Port }.ConnectionString;

    /// <summary>Starts one in front of the database of a connection string, or skips the test where the machine has none.</summary>
    public static async Task<PgBouncer> StartAsync(string connectionString)
    {
        var program = Tool.Find("pgbouncer", $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin");
        if (program is null) Assert.Skip("There is no PgBouncer on this machine. Install it with: apt-get install pgbouncer");
        var pooler = new PgBouncer(connectionString);
        try
        {
            await pooler.RunAsync(program);
            return pooler;
        }
        catch
        {
            await pooler.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_process is { HasExited: false })
        {
            Signals.Send(_process.Id, Signals.Kill);
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private async Task RunAsync(string program)
    {
        // Refuses to run as root, as PostgreSQL does.
        var user = await PostgresUser.ResolveAsync(TestContext.Current.CancellationToken);
        FileModes.CreateDirectory(_folder, FileModes.RunByAll);
        var direct = new NpgsqlConnectionStringBuilder(_direct);
        var configuration = Path.Combine(_folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(configuration,
            $"""
            [databases]
            {direct.Database} = host={direct.Host} port={direct.Port} user={direct.Username}
            [pgbouncer]
            listen_addr =
            listen_port = {Port}
            unix_socket_dir = {_folder}
            auth_type = any
            pool_mode = transaction
            default_pool_size = 8
            max_client_conn = 500
            """);
        await user.TakeOverAsync(_folder, TestContext.Current.CancellationToken);
        var start = user.Command(program, configuration);
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        var said = _process.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(async () =>
        {
            if (_process.HasExited) Assert.Fail($"PgBouncer has ended: {await said}");
            return File.Exists(Path.Combine(_folder, $".s.PGSQL.{Port}"));
        }, "PgBouncer listens");
    }
}
