namespace Dispatcher.Storage.Embedded;

/// <summary>
/// The embedded PostgreSQL cannot be had. The message says what failed and what to do about it, in words for whoever runs the
/// server: it is printed as it is.
/// </summary>
internal sealed class EmbeddedPostgresException(string message, Exception? cause = null) : Exception(message, cause);
