// The collections of tests that share a server. Collections run side by side, the tests of one after another.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>Visits to the portal. Each test takes an organization of its own.</summary>
[CollectionDefinition]
public sealed class PortalSite : ICollectionFixture<ApiServer>;

/// <summary>Visits to the dashboard, which shows all of a server: nothing that the portal's tests do is in it.</summary>
[CollectionDefinition]
public sealed class DashboardSite : ICollectionFixture<ApiServer>;

/// <summary>Visits to one world, which they leave as it is.</summary>
[CollectionDefinition]
public sealed class WorldSite : ICollectionFixture<PlainWorld>;

/// <summary>A server with a world of plain words.</summary>
public sealed class PlainWorld(PostgresFixture postgres) : ApiServer(postgres)
{
    private World? _world;

    internal World World => _world!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _world = await World.BuildAsync(Server, text => char.ToUpperInvariant(text[0]) + text[1..]);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_world is not null) await _world.DisposeAsync();
        await base.DisposeAsync();
    }
}
