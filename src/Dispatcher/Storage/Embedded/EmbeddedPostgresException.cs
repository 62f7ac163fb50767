namespace Dispatcher.Storage.Embedded;

/// <summary>
/// The embedded PostgreSQL cannot be had. The message says what failed and what to do about it, in words for whoever runs the
/// server: it is printed as it is.
/// </summary>
internal class EmbeddedPostgresException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Another process owns the data folder.</summary>
internal sealed class DataFolderInUseException(string path, Exception cause) : EmbeddedPostgresException(
    $"The data folder {path} is in use by another Dispatcher. Stop that one, or give this one a folder of its own with Dispatcher__DataDirectory.", cause)
{
    public string Path { get; } = path;
}
