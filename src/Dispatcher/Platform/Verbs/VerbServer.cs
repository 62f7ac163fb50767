// The database of a server, for verbs that need nothing else of it.

using Dispatcher.Storage;
using Dispatcher.Storage.Embedded;

namespace Dispatcher.Platform.Verbs;

internal static class VerbServer
{
    /// <summary>Builds a server that is not started. Where a running one has the embedded PostgreSQL already, it is used together.</summary>
    /// <inheritdoc cref="Server.BuildAsync" path="/exception"/>
    public static async Task<Server> BuildAsync(string[] args, CancellationToken ct)
    {
        try
        {
            return await Server.BuildAsync(args, null, ct, forVerb: true);
        }
        catch (DataFolderInUseException e) when (EmbeddedPostgres.FindRunning(e.Path) is { } running)
        {
            return await Server.BuildAsync(args, Join, ct, forVerb: true);

            void Join(WebApplicationBuilder builder) => builder.Configuration.AddInMemoryCollection(
                [new($"ConnectionStrings:{DataSource.ConnectionName}", running)]);
        }
    }
}
