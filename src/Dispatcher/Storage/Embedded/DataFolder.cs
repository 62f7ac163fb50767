// The layout of the data folder:
//   dispatcher.lock         locked for as long as a process owns the folder
//   postgres/               the cluster; postgres.initializing/ while initdb is at work on it
//   postgres.conf           our settings, written anew at every start
//   postgres.log[.1]        what the server prints, and the one before
//   socket/                 the server's Unix socket
//   encryption.key          the key to the stored secrets, where none is set (Secrets/KeyFile)
// The folder itself stays ours even where PostgreSQL runs as another user: that user could otherwise swap an entry for a symbolic
// link and have root write through it.

using System.Text;

namespace Dispatcher.Storage.Embedded;

/// <summary>The data folder, owned by this process until disposed.</summary>
internal sealed class DataFolder : IDisposable
{
    /// <summary>Root's default: a home folder of root is closed to the user that PostgreSQL then runs as.</summary>
    public const string RootPath = "/var/lib/dispatcher";

    /// <summary>The port only names the socket file; nothing listens on TCP.</summary>
    public const int Port = 5432;

    private const long LogLimitBytes = 16 * 1024 * 1024;

    /// <summary>The kernel's limit for a socket's path is 108 bytes on Linux and 104 on macOS, its end mark included.</summary>
    private const int SocketPathLimitBytes = 100;

    private readonly FileStream _lock;
    private string? _temporarySocketDirectory;

    private DataFolder(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    public string Path { get; }
    public string Cluster => Combine("postgres");
    public string UnfinishedCluster => Combine("postgres.initializing");
    public string Configuration => Combine("postgres.conf");
    public string Log => Combine("postgres.log");

    /// <summary>
    /// The folder without any setting: <see cref="RootPath"/> for root, else <c>dispatcher</c> in <c>XDG_DATA_HOME</c> or
    /// <c>~/.local/share</c>; null for a user without a home.
    /// </summary>
    public static string? DefaultPath() => DefaultPath(
        Environment.IsPrivilegedProcess,
        Environment.GetEnvironmentVariable("XDG_DATA_HOME"),
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify));

    /// <inheritdoc cref="DefaultPath()"/>
    public static string? DefaultPath(bool root, string? xdgDataHome, string home)
    {
        if (root) return RootPath;
        // The XDG specification has relative values ignored.
        if (System.IO.Path.IsPathRooted(xdgDataHome)) return System.IO.Path.Combine(xdgDataHome, "dispatcher");
        return home is "" or "/" ? null : System.IO.Path.Combine(home, ".local", "share", "dispatcher");
    }

    /// <summary>Creates the folder where it is absent, and takes its lock.</summary>
    /// <exception cref="EmbeddedPostgresException">It cannot be created, or another process owns it.</exception>
    public static DataFolder Open(string? directory)
    {
        var path = string.IsNullOrWhiteSpace(directory) ? DefaultPath() : System.IO.Path.GetFullPath(directory);
        if (path is null)
        {
            throw new EmbeddedPostgresException(
                "This user has no home folder to keep the data in. Set Dispatcher__DataDirectory to a folder.");
        }

        path = System.IO.Path.TrimEndingDirectorySeparator(path);
        // pg_ctl starts the server by a shell command in which it puts paths between plain double quotes.
        if (path.AsSpan().IndexOfAny("\"$`\\\n") >= 0)
        {
            throw new EmbeddedPostgresException(
                $"The data folder {path} has one of \" $ ` \\ or a line break in its name, which pg_ctl cannot pass on. Set " +
                "Dispatcher__DataDirectory to another folder.");
        }

        try
        {
            FileModes.CreateDirectory(path, Environment.IsPrivilegedProcess ? FileModes.PassByAll : FileModes.EnterByOwner);
            var file = System.IO.Path.Combine(path, "dispatcher.lock");
            return new DataFolder(path, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException cause) when (IsLockedElsewhere(cause))
        {
            throw new DataFolderInUseException(path, cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, cause);
        }
    }

    /// <summary>The refusal when the system does not let us read or write what we must.</summary>
    public static EmbeddedPostgresException Unusable(string path, Exception cause) => new(
        $"The data folder {path} cannot be used: {cause.Message} Make it and all in it writable for this user, or set " +
        "Dispatcher__DataDirectory to another folder.", cause);

    /// <summary>
    /// A fresh, empty folder for the socket that only <paramref name="user"/> (and root) can enter. It is in the data folder unless
    /// that makes the socket's path too long for the kernel, or unfit for a connection string, where a comma parts two hosts.
    /// </summary>
    public async Task<string> CreateSocketDirectoryAsync(PostgresUser user, CancellationToken ct)
    {
        var directory = Combine("socket");
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        if (Encoding.UTF8.GetByteCount($"{directory}/.s.PGSQL.{Port}") <= SocketPathLimitBytes && !directory.Contains(','))
            FileModes.CreateDirectory(directory, FileModes.EnterByOwner);
        else
            directory = _temporarySocketDirectory = Directory.CreateTempSubdirectory("dispatcher-").FullName;
        await user.TakeOverAsync(directory, ct);
        await user.EnsureReachesAsync(directory, ct);
        return directory;
    }

    /// <summary>Sets a log that has grown aside, and makes sure that there is one that <paramref name="user"/> may append to.</summary>
    public async Task PrepareLogAsync(PostgresUser user, CancellationToken ct)
    {
        if (File.Exists(Log) && new FileInfo(Log).Length > LogLimitBytes) File.Move(Log, $"{Log}.1", overwrite: true);
        await using (new FileStream(Log, FileMode.Append)) { }
        FileModes.Set(Log, FileModes.ReadByOwner);
        await user.TakeOverAsync(Log, ct);
    }

    /// <summary>Gives the folder up. The lock file stays: deleting it would let two later owners lock two different files.</summary>
    public void Dispose()
    {
        if (_temporarySocketDirectory is not null && Directory.Exists(_temporarySocketDirectory))
            Directory.Delete(_temporarySocketDirectory, recursive: true);
        _lock.Dispose();
    }

    private string Combine(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>EWOULDBLOCK, which .NET carries in HResult when flock finds the file locked.</summary>
    private static bool IsLockedElsewhere(IOException exception) => exception.HResult == (OperatingSystem.IsMacOS() ? 35 : 11);
}
