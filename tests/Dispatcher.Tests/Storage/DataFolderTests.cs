// The data folder: where it is, who may use it, and what is refused before any server is started.

using System.Diagnostics;
using Dispatcher.Storage.Embedded;
using Xunit;

namespace Dispatcher.Tests.Storage;

public sealed class DataFolderTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, "/xdg", "/root", "/var/lib/dispatcher")]
    [InlineData(false, "/xdg", "/home/me", "/xdg/dispatcher")]
    [InlineData(false, "relative", "/home/me", "/home/me/.local/share/dispatcher")]
    [InlineData(false, "", "/home/me", "/home/me/.local/share/dispatcher")]
    [InlineData(false, null, "/home/me", "/home/me/.local/share/dispatcher")]
    [InlineData(false, null, "/", null)]
    [InlineData(false, null, "", null)]
    public void The_default_is_the_users_data_folder_and_a_public_one_for_root(
        bool root, string? xdgDataHome, string home, string? expected) =>
        Assert.Equal(expected, DataFolder.DefaultPath(root, xdgDataHome, home));

    [Fact]
    public async Task A_folder_closed_to_the_user_that_PostgreSQL_runs_as_is_refused_by_name()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root drops to another user: run the tests with sudo.");
        await using var folder = new PostgresFolder("closed/data");
        var closed = Path.GetDirectoryName(folder.Path)!;
        FileModes.CreateDirectory(closed, FileModes.EnterByOwner);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => folder.StartAsync());

        Assert.Contains(folder.Path, refusal.Message);
        Assert.Contains($"{closed} is closed to it", refusal.Message);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_refused_by_name()
    {
        await using var folder = new PostgresFolder("file/data");
        await File.WriteAllTextAsync(Path.GetDirectoryName(folder.Path)!, "", Ct);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => folder.StartAsync());

        Assert.Contains($"{folder.Path} cannot be used", refusal.Message);
    }

    [Fact]
    public async Task A_name_that_the_shell_would_read_is_refused()
    {
        await using var folder = new PostgresFolder("data$(id)");

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => folder.StartAsync());

        Assert.Contains("data$(id)", refusal.Message);
        Assert.False(Directory.Exists(folder.Path));
    }

    [Fact]
    public async Task Files_that_are_no_cluster_are_left_alone()
    {
        await using var folder = new PostgresFolder();
        Directory.CreateDirectory(folder.Cluster);
        var file = Path.Combine(folder.Cluster, "letter.txt");
        await File.WriteAllTextAsync(file, "dear", Ct);
        FileModes.Set(folder.Path, FileModes.PassByAll);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => folder.StartAsync());

        Assert.Contains($"{folder.Cluster} is not empty", refusal.Message);
        Assert.Equal("dear", await File.ReadAllTextAsync(file, Ct));
    }

    [Fact]
    public async Task A_log_that_has_grown_is_set_aside()
    {
        await using var folder = new PostgresFolder();
        using var data = DataFolder.Open(folder.Path);
        var user = await PostgresUser.ResolveAsync(Ct);
        await File.WriteAllTextAsync(data.Log, "short", Ct);
        await data.PrepareLogAsync(user, Ct);
        Assert.Equal("short", await File.ReadAllTextAsync(data.Log, Ct));

        await using (var log = File.OpenWrite(data.Log)) log.SetLength(17 * 1024 * 1024);
        await data.PrepareLogAsync(user, Ct);

        Assert.Equal(0, new FileInfo(data.Log).Length);
        Assert.Equal(17 * 1024 * 1024, new FileInfo($"{data.Log}.1").Length);
    }

    [Fact]
    public async Task Every_way_to_become_another_user_leads_there()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root drops to another user: run the tests with sudo.");
        var account = PostgresUser.FindAccount("nobody")!;

        foreach (var launcher in PostgresUser.Launchers(account))
        {
            string[] arguments = [.. launcher.Skip(1), "/bin/sh", "-c", "id -u; echo \"$1\"", "sh", "-D a b"];
            var result = await Tool.RunAsync(new ProcessStartInfo(launcher[0], arguments), TimeSpan.FromSeconds(30), Ct);
            Assert.Equal($"{account.Uid}\n-D a b", result.Output);
        }
    }
}
