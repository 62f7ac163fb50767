// How the binary starts, and how it refuses to: in words, by the name of what is wrong, with exit code 1.

using System.Net;
using System.Net.Sockets;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class StartTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Migrate_brings_a_database_to_the_schema_and_a_database_that_is_newer_is_refused()
    {
        var database = await postgres.CreateDatabaseAsync();
        var migrated = await ServerProcess.RunAsync(ServerProcess.Settings(database), "migrate");
        Assert.Equal(0, migrated.ExitCode);
        Assert.Matches(@"The schema is at \d{4}_\w+\.", migrated.Output);
        Assert.Equal(1, await new Records(database).ScalarAsync<long>("SELECT count(*) FROM dispatcher.organization"));
        // Nothing of it counts as a node.
        Assert.Equal(0, await new Records(database).ScalarAsync<long>("SELECT count(*) FROM dispatcher.node"));

        await new Records(database).ExecuteAsync("INSERT INTO dispatcher.migration VALUES ('9999_from_the_future', '10.0.0')");
        var refused = await ServerProcess.RunAsync(ServerProcess.Settings(database));
        AssertRefused(refused, "newer than this binary", "9999_from_the_future");
    }

    [Fact]
    public async Task Keys_create_makes_a_key_that_works()
    {
        var database = await postgres.CreateDatabaseAsync();
        var created = await ServerProcess.RunAsync(ServerProcess.Settings(database), "keys", "create", "--role", "member", "--name", "reader");
        Assert.True(created.ExitCode == 0, created.Output + created.Error);
        var line = created.Output.Split('\n').Single(l => l.Contains("dsk_", StringComparison.Ordinal));
        var key = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Trim();

        await using var server = await ServerProcess.StartAsync(database);
        using var client = new HttpClient { BaseAddress = server.Client.BaseAddress };
        client.DefaultRequestHeaders.Add("x-api-key", key);
        using var read = await client.GetAsync("/integrations");
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        using var changed = await client.PostAsync("/events", TestServer.Json("""{"type":"a.b","payload":{}}"""));
        Assert.Equal(HttpStatusCode.Forbidden, changed.StatusCode);

        Assert.Equal("server keys create default", await new Records(database).ScalarAsync<string>(
            "SELECT concat_ws(' ', actor_kind, actor_name, organization_id) FROM dispatcher.audit WHERE action = 'api_key.created' AND organization_id <> ''"));

        var nobody = await ServerProcess.RunAsync(ServerProcess.Settings(database), "keys", "create", "--role", "admin", "--organization", "nobody");
        AssertRefused(nobody, "nobody");
    }

    [Fact]
    public async Task Keys_create_works_beside_a_running_server_that_has_its_own_PostgreSQL_and_prints_the_key_alone()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"dispatcher-keys-{Guid.NewGuid():N}");
        var settings = new Dictionary<string, string> { ["Dispatcher__DataDirectory"] = folder };
        try
        {
            await using var server = await ServerProcess.StartAsync(settings);

            var created = await ServerProcess.RunAsync(
                new Dictionary<string, string>(), "keys", "create", "--role", "member", $"--Dispatcher:DataDirectory={folder}");

            Assert.True(created.ExitCode == 0, created.Output + created.Error);
            Assert.Matches("^key_[0-9a-f]{32}  dsk_[0-9a-f]{64}$", created.Output.Trim());
            using var client = new HttpClient { BaseAddress = server.Client.BaseAddress };
            client.DefaultRequestHeaders.Add("x-api-key", created.Output.Trim().Split("  ")[1]);
            using var read = await client.GetAsync("/integrations");
            Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("Dispatcher__Retry__MaxAttempts", "11", "Dispatcher:Retry:MaxAttempts")]
    [InlineData("Dispatcher__Retry__MaxAttempts", "many", "Dispatcher:Retry:MaxAttempts")]
    [InlineData("Dispatcher__Delivery__DisableAfterDays", "-1", "Dispatcher:Delivery:DisableAfterDays")]
    [InlineData("Dispatcher__Retry__Maximum", "3", "Maximum")]
    [InlineData("Dispatcher__Roles", "worker,wizard", "Dispatcher:Roles")]
    [InlineData("Dispatcher__Host", "cloud", "Dispatcher:Host must be \"inprocess\" or \"hangfire\"")]
    [InlineData("Dispatcher__Hangfire__Workers", "0", "Dispatcher:Hangfire:Workers")]
    [InlineData("Dispatcher__OperatorKey", "short", "Dispatcher:OperatorKey")]
    [InlineData("Dispatcher__Encryption__Keys__0", "short", "Dispatcher:Encryption:Keys:0")]
    [InlineData("ConnectionStrings__Dispatcher", "a database, please", "ConnectionStrings__Dispatcher")]
    [InlineData("ConnectionStrings__Dispatcher", "Host=localhost;Prot=5432", "ConnectionStrings__Dispatcher")]
    [InlineData("ASPNETCORE_URLS", "somewhere", "ASPNETCORE_URLS")]
    public async Task A_wrong_setting_is_refused_by_its_name(string name, string value, string named)
    {
        var settings = ServerProcess.Settings(await postgres.CreateDatabaseAsync());
        settings[name] = value;
        var refused = await ServerProcess.RunAsync(settings);
        AssertRefused(refused, named);
    }

    [Fact]
    public async Task A_host_that_is_not_in_the_build_is_refused_with_the_way_to_get_it()
    {
        Assert.SkipWhen(Dispatcher.Platform.HangfireSeam.IsIncluded, "This build has the Hangfire host; one without it is tested by a plain 'dotnet test'.");
        var refused = await ServerProcess.RunAsync(ServerProcess.Settings(await postgres.CreateDatabaseAsync(), (Hosts.Setting, Hosts.Hangfire)));
        AssertRefused(refused, "Dispatcher:Host", "not in this build", "-p:Hangfire=true");
    }

    [Fact]
    public async Task A_PostgreSQL_older_than_15_is_refused_with_the_reason()
    {
        await using var old = new OldPostgres(await postgres.CreateDatabaseAsync());
        var refused = await ServerProcess.RunAsync(ServerProcess.Settings(old.ConnectionString));
        AssertRefused(refused, "PostgreSQL 14.", "too old", "15 or newer");
    }

    private static void AssertRefused(EndedProcess ended, params string[] reasons)
    {
        Assert.True(ended.ExitCode == 1, $"exit code {ended.ExitCode}: {ended.Output}{ended.Error}");
        Assert.All(reasons, reason => Assert.Contains(reason, ended.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", ended.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("is running at", ended.Output, StringComparison.Ordinal);
    }

    /// <summary>The tests' PostgreSQL behind a proxy that turns the first digits of the version it announces into 14.</summary>
    private sealed class OldPostgres : IAsyncDisposable
    {
        private static readonly byte[] Announced = "server_version\0"u8.ToArray();

        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _end = new();
        private readonly NpgsqlConnectionStringBuilder _real;
        private readonly Task _serving;

        public OldPostgres(string connectionString)
        {
            _real = new NpgsqlConnectionStringBuilder(connectionString);
            _listener.Start();
            ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
            {
                Host = "127.0.0.1",
                Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
            }.ConnectionString;
            _serving = ServeAsync();
        }

        public string ConnectionString { get; }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            _listener.Dispose();
            await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _end.Dispose();
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                using var client = await _listener.AcceptSocketAsync(_end.Token);
                using var server = await PostgresSocket.ConnectAsync(_real, _end.Token);
                await Task.WhenAny(CopyAsync(client, server, rewrite: false), CopyAsync(server, client, rewrite: true));
            }
        }

        private async Task CopyAsync(Socket from, Socket to, bool rewrite)
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer, _end.Token) is > 0 and var read)
            {
                var at = rewrite ? buffer.AsSpan(0, read).IndexOf(Announced) : -1;
                if (at >= 0) "14"u8.CopyTo(buffer.AsSpan(at + Announced.Length));
                await to.SendAsync(buffer.AsMemory(0, read), _end.Token);
            }
        }
    }
}
