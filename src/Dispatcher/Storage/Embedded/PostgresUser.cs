// PostgreSQL refuses to run as root, so root hands its tools and its server over to another user of the system.

using System.Diagnostics;

namespace Dispatcher.Storage.Embedded;

/// <summary>
/// The user that PostgreSQL's programs run as: ourselves or, where we are root, <c>postgres</c> if that user exists, else <c>nobody</c>.
/// </summary>
internal sealed class PostgresUser
{
    private static readonly TimeSpan ToolLimit = TimeSpan.FromMinutes(1);

    /// <summary>Root's PATH often lacks the folders of the administrator's tools.</summary>
    private static readonly string ToolPath = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly Account? _account;
    private readonly IReadOnlyList<string> _launcher;

    private PostgresUser(string name, Account? account, IReadOnlyList<string> launcher)
    {
        Name = name;
        _account = account;
        _launcher = launcher;
    }

    public string Name { get; }

    /// <summary>Finds the user, and a way to become it that is seen to work.</summary>
    /// <exception cref="EmbeddedPostgresException">We are root, and there is no such user or no way to become it.</exception>
    public static async Task<PostgresUser> ResolveAsync(CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess) return new PostgresUser(Environment.UserName, null, []);
        var account = FindAccount("postgres") ?? FindAccount("nobody") ?? throw new EmbeddedPostgresException(
            "PostgreSQL does not run as root, and neither of the users 'postgres' and 'nobody' exists to run it as. Start Dispatcher " +
            "as an ordinary user, or create the user 'postgres', or set ConnectionStrings__Dispatcher to a PostgreSQL of your own.");
        var reasons = new List<string>();
        foreach (var launcher in Launchers(account))
        {
            var user = new PostgresUser(account.Name, account, launcher);
            var trial = await Tool.RunAsync(user.Command("/bin/sh", "-c", "exit 0"), ToolLimit, ct);
            if (trial.Succeeded) return user;
            reasons.Add($"{Path.GetFileName(launcher[0])}: {trial.Reason}");
        }

        throw new EmbeddedPostgresException(
            $"PostgreSQL does not run as root, and becoming the user '{account.Name}' failed ({string.Join("; ", reasons)}). Start " +
            "Dispatcher as an ordinary user, or install util-linux (setpriv, runuser), or set ConnectionStrings__Dispatcher to a " +
            "PostgreSQL of your own.");
    }

    /// <summary>
    /// The commands at hand that run another command as that user, best first: <c>setpriv</c> replaces itself by the command, the
    /// others may open a PAM session around it.
    /// </summary>
    public static IEnumerable<IReadOnlyList<string>> Launchers(Account account)
    {
        if (Tool.Find("setpriv", ToolPath) is { } setpriv)
            yield return [setpriv, "--reuid", account.Uid, "--regid", account.Gid, "--clear-groups", "--"];
        if (Tool.Find("runuser", ToolPath) is { } runuser)
            yield return [runuser, "-u", account.Name, "--"];
        if (Tool.Find("su", ToolPath) is { } su)
            yield return [su, "-s", "/bin/sh", "-c", "exec \"$0\" \"$@\"", "--", account.Name];
    }

    public static Account? FindAccount(string name)
    {
        foreach (var line in File.ReadLines("/etc/passwd"))
        {
            if (line.Split(':') is [var entry, _, var uid, var gid, ..] && entry == name) return new Account(name, uid, gid);
        }

        return null;
    }

    /// <summary>
    /// A program to be run as this user. Of our environment it gets only what finds programs and libraries: the rest may hold secrets
    /// (the operator key) or steer PostgreSQL (PGPORT, PGDATA and the like).
    /// </summary>
    public ProcessStartInfo Command(string program, params IEnumerable<string> arguments)
    {
        List<string> line = [.. _launcher, program, .. arguments];
        var start = new ProcessStartInfo(line[0], line.Skip(1)) { WorkingDirectory = "/" };
        foreach (var name in start.Environment.Keys.Where(name => name is not ("PATH" or "LD_LIBRARY_PATH")).ToList())
            start.Environment.Remove(name);
        start.Environment["LC_ALL"] = "C";
        start.Environment["TZ"] = "UTC";
        return start;
    }

    /// <summary>Makes a file or a whole folder this user's own. Does nothing when it runs as ourselves.</summary>
    public async Task TakeOverAsync(string path, CancellationToken ct)
    {
        if (_account is null) return;
        // -h: never follow a symbolic link that the user may have planted in its folder.
        var chown = new ProcessStartInfo(Tool.Find("chown", ToolPath) ?? "/bin/chown", ["-hR", $"{_account.Uid}:{_account.Gid}", path]);
        var result = await Tool.RunAsync(chown, ToolLimit, ct);
        if (!result.Succeeded)
        {
            throw new EmbeddedPostgresException(
                $"{path} could not be handed to the user '{Name}' that PostgreSQL runs as ({result.Reason}). Set " +
                "Dispatcher__DataDirectory to a folder on a file system that knows owners.");
        }
    }

    /// <summary>Checks that this user gets as far as the folder.</summary>
    /// <exception cref="EmbeddedPostgresException">It does not; names the folder and the first one on the way that is closed.</exception>
    public async Task EnsureReachesAsync(string folder, CancellationToken ct)
    {
        if (_account is null || await ReachesAsync(folder, ct)) return;
        var closed = folder;
        while (Path.GetDirectoryName(closed) is { } parent && !await ReachesAsync(parent, ct)) closed = parent;
        throw new EmbeddedPostgresException(
            $"PostgreSQL does not run as root but as the user '{Name}', who cannot reach the folder {folder}: {closed} is closed to it. " +
            $"Open that one (chmod o+x {closed}), or set Dispatcher__DataDirectory to another folder, such as {DataFolder.RootPath}.");
    }

    private async Task<bool> ReachesAsync(string folder, CancellationToken ct) =>
        (await Tool.RunAsync(Command("/bin/sh", "-c", "test -x \"$1\"", "sh", folder), ToolLimit, ct)).Succeeded;

    /// <summary>A line of the system's user list.</summary>
    internal sealed record Account(string Name, string Uid, string Gid);
}
