// The pages of the faces, as the server maps them.

using Dispatcher.Pages;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.BrowserTests.Harness;

internal static class FacePages
{
    // What a browser gets there is no page, or is another one.
    private static readonly string[] NoPages = ["{token}", "assets/{name}", "assets/brand.css", "assets/logo", "events/{id}/payload"];

    /// <summary>The patterns of all pages below a face's path, such as <c>integrations/{id}</c>; the first page is the empty one.</summary>
    public static IReadOnlyList<string> PatternsOf(TestServer server, string face) =>
    [
        .. server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<OfFace>() is not null && e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Contains("GET"))
            .Select(e => "/" + e.RoutePattern.RawText!.Trim('/'))
            .Where(pattern => pattern == face || pattern.StartsWith(face + "/", StringComparison.Ordinal))
            .Select(pattern => pattern[face.Length..].TrimStart('/'))
            .Except(NoPages).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>
    /// Where each page of the portal is visited in a world, by its pattern. Asserts that no page is left out, so that a new one has to be
    /// added here.
    /// </summary>
    public static IReadOnlyList<(string Name, string Address)> OfPortal(TestServer server, World world) => Check(server, "/portal", [("", "", ""), .. Shared(world)]);

    /// <summary>The same for the dashboard.</summary>
    public static IReadOnlyList<(string Name, string Address)> OfDashboard(TestServer server, World world)
    {
        const string organization = $"organization={World.Organization}";
        return Check(server, "/dashboard",
        [
            ("", "", "overview"), ("failures", "failures", "failures"), ("all-deliveries", "all-deliveries", "all-deliveries"), ("nodes", "nodes", "nodes"),
            ("organizations", "organizations", "organizations"), ("operator-keys", "operator-keys", "operator-keys"),
            ("server-audit", "server-audit", "server-audit"), ("settings", "settings", "settings"), ("projects", $"projects?{organization}", "projects"),
            ("keys", $"keys?{organization}", "keys"), ("audit", $"audit?{organization}", "audit"), ("bulk", $"bulk?{organization}", "bulk"),
            ("sign-in", "sign-in", "sign-in"),
            .. Shared(world).Select(p => (p.Pattern, p.Address + (p.Address.Contains('?', StringComparison.Ordinal) ? '&' : '?') + organization, p.Name)),
        ]);
    }

    private static IEnumerable<(string Pattern, string Address, string Name)> Shared(World world) =>
    [
        ("integrations", "integrations", "integrations"),
        ("integrations/new", "integrations/new", "integration-new"),
        ("integrations/{id}", $"integrations/{world.Integration}", "integration"),
        ("integrations/{id}", $"integrations/{world.FailingIntegration}", "integration-failing"),
        ("integrations/{id}", $"integrations/{world.DisabledIntegration}", "integration-disabled"),
        ("integrations/{id}/edit", $"integrations/{world.FailingIntegration}/edit", "integration-edit"),
        ("integrations/{id}/test", $"integrations/{world.Integration}/test?event={World.EventType}", "integration-test"),
        ("integrations/{id}/secret", $"integrations/{world.Integration}/secret", "integration-secret"),
        ("integrations/{id}/verify", $"integrations/{world.Integration}/verify", "integration-verify"),
        ("integrations/{id}/recover", $"integrations/{world.Integration}/recover", "integration-recover"),
        ("deliveries", "deliveries", "deliveries"),
        ("deliveries", $"deliveries?integration={world.FailingIntegration}&status=exhausted", "deliveries-filtered"),
        ("deliveries/{id}", $"deliveries/{world.Succeeded}", "delivery-succeeded"),
        ("deliveries/{id}", $"deliveries/{world.Exhausted}", "delivery-exhausted"),
        ("deliveries/{id}", $"deliveries/{world.Waiting}", "delivery-waiting"),
        ("events", "events", "events"),
        ("events/{id}", $"events/{world.Event}", "event"),
    ];

    private static List<(string Name, string Address)> Check(TestServer server, string face, (string Pattern, string Address, string Name)[] visits)
    {
        Assert.Equal(PatternsOf(server, face), visits.Select(v => v.Pattern).Distinct().Order(StringComparer.Ordinal));
        return [.. visits.Where(v => v.Name.Length > 0).Select(v => ($"{face[1..]}-{v.Name}", v.Address.Length == 0 ? face : $"{face}/{v.Address}"))];
    }
}
