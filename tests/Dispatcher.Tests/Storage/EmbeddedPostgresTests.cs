// The life of the embedded PostgreSQL: real servers, each in a folder of its own.

using System.Diagnostics;
using Dispatcher.Storage.Embedded;
using Npgsql;
using Xunit;

namespace Dispatcher.Tests.Storage;

public sealed class EmbeddedPostgresTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_answers_while_it_runs_and_leaves_no_process_behind()
    {
        await using var folder = new PostgresFolder();
        var postgres = await folder.StartAsync();

        Assert.Equal("dispatcher", await PostgresFolder.QueryAsync(postgres, "SELECT current_database()"));
        Assert.StartsWith(postgres.Version, await PostgresFolder.QueryAsync(postgres, "SHOW server_version"));
        Assert.Equal(folder.Path, postgres.DataDirectory);
        Assert.True(File.Exists(Path.Combine(postgres.BinDirectory, "pg_ctl")));

        await postgres.DisposeAsync();
        await postgres.DisposeAsync();
        Assert.Empty(folder.Processes());
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => PostgresFolder.QueryAsync(postgres, "SELECT 1"));
    }

    [Fact]
    public async Task What_was_written_is_there_after_a_restart()
    {
        await using var folder = new PostgresFolder();
        await using (var first = await folder.StartAsync())
            await PostgresFolder.QueryAsync(first, "CREATE TABLE kept AS SELECT 42 AS answer");

        await using var second = await folder.StartAsync();

        Assert.Equal("42", await PostgresFolder.QueryAsync(second, "SELECT answer FROM kept"));
    }

    [Fact]
    public async Task A_setting_of_the_operator_outlives_a_restart_but_cannot_open_the_server_to_the_network()
    {
        await using var folder = new PostgresFolder();
        await using (var first = await folder.StartAsync())
        {
            await PostgresFolder.QueryAsync(first, "ALTER SYSTEM SET max_wal_size = '3GB'");
            await PostgresFolder.QueryAsync(first, "ALTER SYSTEM SET listen_addresses = '*'");
        }

        await using var second = await folder.StartAsync();

        Assert.Equal("3GB", await PostgresFolder.QueryAsync(second, "SHOW max_wal_size"));
        Assert.Equal("", await PostgresFolder.QueryAsync(second, "SHOW listen_addresses"));
    }

    [Fact]
    public async Task A_second_owner_of_the_folder_is_refused_and_told_its_name()
    {
        await using var folder = new PostgresFolder();
        await using var first = await folder.StartAsync();

        var refusal = await Assert.ThrowsAsync<DataFolderInUseException>(() => folder.StartAsync());

        Assert.Contains($"{folder.Path} is in use", refusal.Message);
        Assert.Equal("1", await PostgresFolder.QueryAsync(first, "SELECT 1"));
    }

    [Fact]
    public async Task A_pid_file_whose_process_is_something_else_by_now_does_not_stand_in_the_way()
    {
        await using var folder = new PostgresFolder();
        await (await folder.StartAsync()).DisposeAsync();
        var user = await PostgresUser.ResolveAsync(Ct);
        using var bystander = Process.Start(user.Command("/bin/sleep", "60"))!;
        await File.WriteAllTextAsync(folder.PidFile, $"{bystander.Id}\n{folder.Cluster}\n1700000000\n5432\n/tmp\n\n  123 456\nready\n", Ct);

        await using (var postgres = await folder.StartAsync())
            Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));

        Assert.False(bystander.HasExited);
        bystander.Kill();
        await bystander.WaitForExitAsync(Ct);
    }

    [Fact]
    public async Task A_pid_file_that_names_the_server_of_another_cluster_does_not_harm_that_one()
    {
        await using var folder = new PostgresFolder();
        await (await folder.StartAsync()).DisposeAsync();
        await using var neighbours = new PostgresFolder();
        await using var neighbour = await neighbours.StartAsync();
        File.Copy(neighbours.PidFile, folder.PidFile);

        await using var postgres = await folder.StartAsync();

        Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));
        Assert.Equal("1", await PostgresFolder.QueryAsync(neighbour, "SELECT 1"));
    }

    [Fact]
    public async Task A_server_that_outlived_its_owner_is_stopped_and_a_fresh_one_started()
    {
        await using var folder = new PostgresFolder();
        var first = await folder.StartAsync();
        await PostgresFolder.QueryAsync(first, "CREATE TABLE kept AS SELECT 42 AS answer");
        await first.DisposeAsync();
        // What a kill -9 of the owner leaves: its lock is gone, its server is not.
        var user = await PostgresUser.ResolveAsync(Ct);
        string[] arguments =
        [
            "start", "-w", "-D", folder.Cluster, "-l", Path.Combine(folder.Cluster, "orphan.log"),
            "-o", $"-c listen_addresses= -c unix_socket_directories={folder.Cluster}",
        ];
        var start = user.Command(Path.Combine(first.BinDirectory, "pg_ctl"), arguments);
        Assert.True((await Tool.RunAsync(start, TimeSpan.FromSeconds(30), Ct)).Succeeded);
        var orphan = folder.ServerPid();

        await using var second = await folder.StartAsync();

        Assert.NotEqual(orphan, folder.ServerPid());
        Assert.DoesNotContain($"/proc/{orphan}", folder.Processes());
        Assert.Equal("42", await PostgresFolder.QueryAsync(second, "SELECT answer FROM kept"));
    }

    [Fact]
    public async Task What_was_committed_survives_a_kill_of_the_server_even_while_a_session_of_it_is_busy()
    {
        await using var folder = new PostgresFolder();
        await using var first = await folder.StartAsync();
        await PostgresFolder.QueryAsync(first, "CREATE TABLE kept AS SELECT 42 AS answer");
        // A session that computes does not look up, and outlives its server: it goes on for a second and a half.
        await using var session = new NpgsqlConnection(first.ConnectionString);
        await session.OpenAsync(Ct);
        await using var busy = new NpgsqlCommand("DO $$ BEGIN WHILE clock_timestamp() < now() + interval '1.5 s' LOOP END LOOP; END $$", session);
        var computing = busy.ExecuteNonQueryAsync(Ct);
        const string Busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'";
        while (await PostgresFolder.QueryAsync(first, Busy) != "1") await Task.Delay(5, Ct);
        using (var server = Process.GetProcessById(folder.ServerPid())) server.Kill();
        await first.DisposeAsync();

        await using var second = await folder.StartAsync();

        Assert.Equal("42", await PostgresFolder.QueryAsync(second, "SELECT answer FROM kept"));
        // Whether its answer still gets through is of no matter.
        await Task.WhenAny(computing);
    }

    [Fact]
    public async Task An_initdb_that_was_interrupted_is_begun_anew()
    {
        await using var folder = new PostgresFolder();
        var unfinished = Path.Combine(folder.Path, "postgres.initializing");
        Directory.CreateDirectory(Path.Combine(unfinished, "base"));
        await File.WriteAllTextAsync(Path.Combine(unfinished, "PG_VERSION"), "15\n", Ct);
        FileModes.Set(folder.Path, FileModes.PassByAll);

        await using var postgres = await folder.StartAsync();

        Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));
        Assert.False(Directory.Exists(unfinished));
    }

    [Fact]
    public async Task A_start_that_fails_says_what_the_server_said_and_leaves_the_folder_free()
    {
        await using var folder = new PostgresFolder();

        var failure = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => folder.StartAsync(new Dictionary<string, string> { ["fsync"] = "off", ["shared_buffers"] = "plenty" }));

        Assert.Contains("invalid value for parameter \"shared_buffers\": \"plenty\"", failure.Message);
        await using var postgres = await folder.StartAsync();
        Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));
    }

    [Fact]
    public async Task A_start_that_is_cancelled_leaves_nothing_running_and_the_folder_usable()
    {
        await using var folder = new PostgresFolder();
        using var cancellation = new CancellationTokenSource();
        var start = folder.StartAsync(ct: cancellation.Token);
        while (!Directory.Exists(Path.Combine(folder.Path, "postgres.initializing", "base"))) await Task.Delay(5, Ct);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);

        await folder.SeeNothingRunAsync();
        Assert.False(Directory.Exists(folder.Cluster));
        await using var postgres = await folder.StartAsync();
        Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));
    }

    [Theory]
    [InlineData("a name that makes the path of the socket longer than the hundred bytes that a kernel has room for")]
    [InlineData("it's here, or there")]
    public async Task A_folder_whose_name_does_not_do_for_a_socket_has_it_in_the_temporary_folder_while_it_runs(string name)
    {
        await using var folder = new PostgresFolder(name);
        var postgres = await folder.StartAsync();
        var socketDirectory = new NpgsqlConnectionStringBuilder(postgres.ConnectionString).Host!;

        Assert.Equal("1", await PostgresFolder.QueryAsync(postgres, "SELECT 1"));
        Assert.StartsWith(Path.GetTempPath(), socketDirectory);
        Assert.DoesNotContain(name, socketDirectory);

        await postgres.DisposeAsync();
        Assert.False(Directory.Exists(socketDirectory));
    }
}
