// The collections of tests that share a server. Collections run side by side, the tests of one after another.

using Dispatcher.Tests.Api;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>Visits to the portal. Each test takes an organization of its own.</summary>
[CollectionDefinition]
public sealed class PortalSite : ICollectionFixture<ApiServer>;

/// <summary>Visits to the dashboard, which shows all of a server: nothing that the portal's tests do is in it.</summary>
[CollectionDefinition]
public sealed class DashboardSite : ICollectionFixture<ApiServer>;
