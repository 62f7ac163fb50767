namespace Dispatcher.Storage.Embedded;

/// <summary>
/// The Unix permissions of what we create. They are set as given: what a call that creates a file is told is cut by the umask.
/// </summary>
internal static class FileModes
{
    public const UnixFileMode ReadByOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    public const UnixFileMode ReadByAll = ReadByOwner | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    public const UnixFileMode EnterByOwner = ReadByOwner | UnixFileMode.UserExecute;
    public const UnixFileMode PassByAll = EnterByOwner | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    public const UnixFileMode RunByAll = PassByAll | ReadByAll;

    /// <summary>Creates the folder and what is missing on the way to it. What exists is left as it is.</summary>
    public static void CreateDirectory(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path)) return;
        if (Path.GetDirectoryName(path) is { } parent) CreateDirectory(parent, mode);
        Directory.CreateDirectory(path);
        Set(path, mode);
    }

    public static void Set(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException();
        File.SetUnixFileMode(path, mode);
    }
}
