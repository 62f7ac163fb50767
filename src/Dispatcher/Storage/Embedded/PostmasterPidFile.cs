// postmaster.pid lies in a cluster while a server runs on it, and stays behind when that server is killed. By then its process id may
// be anybody's, and PostgreSQL, which only asks whether such a process is alive, would refuse to start.

using System.Diagnostics;
using System.Globalization;

namespace Dispatcher.Storage.Embedded;

/// <summary>What the process that a cluster's <c>postmaster.pid</c> names turns out to be.</summary>
internal enum PostmasterState
{
    /// <summary>There is no such file.</summary>
    None,

    /// <summary>A server is running on this very cluster.</summary>
    Running,

    /// <summary>The process is gone, or is something else by now: the file means nothing.</summary>
    Stale,

    /// <summary>It is a PostgreSQL of this user, but the system does not let us see whether of this cluster.</summary>
    Unknown,
}

internal sealed record PostmasterPidFile(PostmasterState State, int Pid)
{
    /// <summary>
    /// Answers 0 for a server of the cluster, 1 for none, 2 for cannot tell. A process that we may not signal is another user's, and
    /// no other user's server can run on this user's cluster. A postmaster's working directory is its cluster (-ef: the same inode).
    /// </summary>
    private const string Question =
        "kill -0 \"$1\" 2>/dev/null || exit 1; readlink \"/proc/$1/cwd\" >/dev/null || exit 2; test \"/proc/$1/cwd\" -ef \"$2\"";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static string PathIn(string cluster) => Path.Combine(cluster, "postmaster.pid");

    /// <summary>Reads the file and looks at the process, with the eyes of the user that PostgreSQL runs as.</summary>
    public static async Task<PostmasterPidFile> ReadAsync(string cluster, PostgresUser user, CancellationToken ct)
    {
        string text;
        try
        {
            text = await File.ReadAllTextAsync(PathIn(cluster), ct);
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return new PostmasterPidFile(PostmasterState.None, 0);
        }

        // Empty or garbled: the machine went down while it was being written.
        if (!int.TryParse(text.Split('\n')[0], NumberStyles.Integer, CultureInfo.InvariantCulture, out var pid) || pid <= 0)
            return new PostmasterPidFile(PostmasterState.Stale, 0);
        var state = OperatingSystem.IsLinux() ? await AskProcAsync(pid, cluster, user, ct) : await AskPsAsync(pid, cluster, ct);
        return new PostmasterPidFile(state, pid);
    }

    private static async Task<PostmasterState> AskProcAsync(int pid, string cluster, PostgresUser user, CancellationToken ct)
    {
        if (!await IsLivePostgresAsync(pid, ct)) return PostmasterState.Stale;
        var answer = await Tool.RunAsync(user.Command("/bin/sh", "-c", Question, "sh", $"{pid}", cluster), Limit, ct);
        return answer.ExitCode switch
        {
            0 => PostmasterState.Running,
            1 => PostmasterState.Stale,
            _ => PostmasterState.Unknown,
        };
    }

    /// <summary>A killed process stays listed as a zombie (Z) until its parent takes note, and init may take its time.</summary>
    private static async Task<bool> IsLivePostgresAsync(int pid, CancellationToken ct)
    {
        try
        {
            // The process id, its program's name in brackets, its state.
            var stat = await File.ReadAllTextAsync($"/proc/{pid}/stat", ct);
            return stat.Split(' ') is [_, "(postgres)" or "(postmaster)", not "Z", ..];
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Without a /proc, the command line tells: we start the server with the cluster's full path in it.</summary>
    private static async Task<PostmasterState> AskPsAsync(int pid, string cluster, CancellationToken ct)
    {
        var ps = await Tool.RunAsync(new ProcessStartInfo("/bin/ps", ["-ww", "-o", "command=", "-p", $"{pid}"]), Limit, ct);
        return ps.Succeeded && ps.Output.Contains($"postgres -D {cluster} ", StringComparison.Ordinal)
            ? PostmasterState.Running
            : PostmasterState.Stale;
    }
}
