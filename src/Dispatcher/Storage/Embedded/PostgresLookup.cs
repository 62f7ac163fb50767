using System.Globalization;
using System.Runtime.InteropServices;

namespace Dispatcher.Storage.Embedded;

/// <summary>Where PostgreSQL's binaries are looked for and, if need be, fetched to.</summary>
/// <param name="SearchPath">A PATH: searched first for PostgreSQL, and for npm.</param>
/// <param name="InstallDirectories">The <c>bin</c> folders of installed versions that are not on the PATH.</param>
/// <param name="FetchDirectory">Fetched versions are kept in a folder each below this one.</param>
/// <param name="Platform">As npm names it: <c>linux-x64</c>, <c>darwin-arm64</c> …</param>
internal sealed record PostgresLookup(string SearchPath, IReadOnlyList<string> InstallDirectories, string FetchDirectory, string Platform)
{
    /// <summary>Where packages put versions side by side: Debian, PostgreSQL's own RPMs, Homebrew.</summary>
    private static readonly (string Parent, string Pattern)[] InstallPlaces =
    [
        ("/usr/lib/postgresql", "*"),
        ("/usr", "pgsql-*"),
        ("/opt/homebrew/opt", "postgresql@*"),
        ("/usr/local/opt", "postgresql@*"),
    ];

    /// <param name="dataDirectory">Takes the fetched versions where the user has no data folder of its own.</param>
    public static PostgresLookup OfThisMachine(string dataDirectory) => new(
        Environment.GetEnvironmentVariable("PATH") ?? "",
        [.. InstallPlaces.Where(place => Directory.Exists(place.Parent))
            .SelectMany(place => Directory.EnumerateDirectories(place.Parent, place.Pattern))
            .Select(directory => Path.Combine(directory, "bin"))],
        Path.Combine(DataFolder.DefaultPath() ?? dataDirectory, "postgresql"),
        PlatformName());

    private static string PlatformName()
    {
        var system = OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsLinux() ? "linux" : "other";
        return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLower(CultureInfo.InvariantCulture)}";
    }
}
