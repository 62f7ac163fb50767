// The collection of tests that visit the portal of one shared server.

using Dispatcher.Tests.Api;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>One server, whose retries come at once. Each test takes an organization of its own.</summary>
[CollectionDefinition]
public sealed class PortalSite : ICollectionFixture<ApiServer>;
