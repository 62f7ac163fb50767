// The client's portal links against the documented wire.

using Dispatcher.Client;

namespace Dispatcher.Tests.Client;

public sealed class DispatcherClientPortalTests
{
    private const string Answer = """{"link":"https://hooks.example.com/portal/dps_1","expires_at":"2026-01-01T01:00:00.000Z"}""";

    [Fact]
    public async Task A_link_is_asked_for_with_nothing_more_than_the_key()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, Answer);

        var link = await client.CreatePortalLinkAsync();

        Assert.Equal(new PortalLink(new Uri("https://hooks.example.com/portal/dps_1"), new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero)), link);
        var request = await server.RequestAsync();
        Assert.Equal(("POST /webhook", "{}"), ($"{request.Method} {request.Path}", request.Body));
        Assert.NotEmpty(request.IdempotencyKey);
    }

    [Fact]
    public async Task A_link_is_asked_for_in_the_documented_shape()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, Answer);

        await client.CreatePortalLinkAsync(
            new PortalLinkOptions { Organization = "acme:1", Project = "invoices", ExpiresIn = TimeSpan.FromMinutes(5), Role = PortalRole.Member });

        var request = await server.RequestAsync();
        Assert.Equal(
            ("POST /webhook?organization=acme%3A1", """{"project":"invoices","expires_in_seconds":300,"role":"member"}"""),
            ($"{request.Method} {request.Path}", request.Body));
    }
}
