// What the server is once it runs, with the settings that it has by default: one server for all of these tests, which only look.

using Dispatcher.Storage.Embedded;
using Npgsql;
using Xunit;

namespace Dispatcher.Tests.Storage;

public sealed class EmbeddedPostgresServerTests(EmbeddedPostgresServerTests.Server server)
    : IClassFixture<EmbeddedPostgresServerTests.Server>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_settings_it_is_durable_private_and_checks_its_pages()
    {
        Assert.Equal("on", await PostgresFolder.QueryAsync(server.Postgres, "SHOW fsync"));
        Assert.Equal("on", await PostgresFolder.QueryAsync(server.Postgres, "SHOW synchronous_commit"));
        Assert.Equal("on", await PostgresFolder.QueryAsync(server.Postgres, "SHOW data_checksums"));
        Assert.Equal("", await PostgresFolder.QueryAsync(server.Postgres, "SHOW listen_addresses"));
        Assert.Equal("2GB", await PostgresFolder.QueryAsync(server.Postgres, "SHOW max_wal_size"));
        Assert.Equal("UTF8", await PostgresFolder.QueryAsync(server.Postgres, "SHOW server_encoding"));
        const string Collation = "SELECT datcollate FROM pg_database WHERE datname = 'dispatcher'";
        Assert.Equal("C", await PostgresFolder.QueryAsync(server.Postgres, Collation));
        var socketDirectory = new DirectoryInfo(new NpgsqlConnectionStringBuilder(server.Postgres.ConnectionString).Host!);
        Assert.Equal(FileModes.EnterByOwner, socketDirectory.UnixFileMode);
    }

    [Fact]
    public async Task As_root_the_server_runs_as_another_user()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks into /proc, which only Linux has.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root drops to another user: run the tests with sudo.");
        var expected = (PostgresUser.FindAccount("postgres") ?? PostgresUser.FindAccount("nobody"))!;
        var status = await File.ReadAllLinesAsync($"/proc/{server.Folder.ServerPid()}/status", Ct);
        Assert.Contains($"Uid:\t{expected.Uid}\t{expected.Uid}\t{expected.Uid}\t{expected.Uid}", status);
        Assert.Contains($"Gid:\t{expected.Gid}\t{expected.Gid}\t{expected.Gid}\t{expected.Gid}", status);
        Assert.Contains("Groups:\t ", status);
    }

    [Fact]
    public async Task The_server_holds_none_of_our_output_and_has_a_session_of_its_own()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks into /proc, which only Linux has.");
        var pid = server.Folder.ServerPid();
        var log = Path.Combine(server.Folder.Path, "postgres.log");
        Assert.Equal(["/dev/null", log, log], Enumerable.Range(0, 3).Select(fd => new FileInfo($"/proc/{pid}/fd/{fd}").LinkTarget));
        // After the name in brackets: state, parent, process group, session.
        var stat = (await File.ReadAllTextAsync($"/proc/{pid}/stat", Ct)).Split(") ")[1].Split(' ');
        var ours = (await File.ReadAllTextAsync("/proc/self/stat", Ct)).Split(") ")[1].Split(' ');
        Assert.NotEqual(ours[3], stat[3]);
    }

    [Fact]
    public async Task The_server_inherits_no_secret_of_our_environment()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks into /proc, which only Linux has.");
        var environment = await File.ReadAllTextAsync($"/proc/{server.Folder.ServerPid()}/environ", Ct);
        var names = environment.Split('\0').Select(entry => entry.Split('=')[0]);
        Assert.DoesNotContain("HOME", names);
        Assert.Contains("PATH", names);
    }

    public sealed class Server : IAsyncLifetime
    {
        internal PostgresFolder Folder { get; } = new();

        internal EmbeddedPostgres Postgres { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Postgres = await Folder.StartAsync(settings: new Dictionary<string, string>());

        public async ValueTask DisposeAsync()
        {
            await Postgres.DisposeAsync();
            await Folder.DisposeAsync();
        }
    }
}
