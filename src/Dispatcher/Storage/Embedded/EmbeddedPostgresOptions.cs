using System.Collections.ObjectModel;

namespace Dispatcher.Storage.Embedded;

/// <summary>What the embedded PostgreSQL is started with.</summary>
/// <param name="DataDirectory">
/// The folder that holds cluster, log, socket and lock. Null or empty: <see cref="DataFolder.DefaultPath()"/>. As root, every folder on
/// the way to it must be open (<c>o+x</c>) to the user that PostgreSQL runs as.
/// </param>
internal sealed record EmbeddedPostgresOptions(string? DataDirectory)
{
    /// <summary>
    /// PostgreSQL settings laid over <see cref="PostgresSettings.Defaults"/>, for example <c>fsync</c> = <c>off</c> in tests.
    /// Where the server listens is not among them.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Where binaries are looked for. Null: the usual places of this machine.</summary>
    public PostgresLookup? Lookup { get; init; }
}
