// The portal in a frame of the provider's own site, and in nobody else's.

using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed class FrameTests(Chromium chromium, ApiServer api, PostgresFixture postgres) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task A_page_of_an_allowed_origin_of_another_site_shows_the_portal_which_works_there()
    {
        await using var site = await EmbeddingAsync();
        // To a browser, localhost and 127.0.0.1 are two sites: only cookies that say so are sent in such a frame, and those only over https.
        var embedder = new UriBuilder(site.Url) { Host = "localhost" }.Uri;
        using var certificate = NewCertificate();
        await using var server = await StartAsync(embedder.GetLeftPart(UriPartial.Authority), certificate);
        var integration = (await server.RegisterAsync(site.Url, new { name = "ERP" })).Text("id");
        var visit = await EmbedAsync(server, embedder);

        var frame = visit.Page.FrameLocator("iframe");
        await Expect(frame.GetByRole(AriaRole.Link, new() { Name = "ERP", Exact = true })).ToBeVisibleAsync();
        await frame.GetByRole(AriaRole.Link, new() { Name = "ERP", Exact = true }).ClickAsync();
        await frame.GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();
        await frame.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();
        await Expect(frame.GetByRole(AriaRole.Button, new() { Name = "Enable" })).ToBeVisibleAsync();
        Assert.False((await server.GetAsync($"/integrations/{integration}")).GetProperty("enabled").GetBoolean());

        var cookie = Assert.Single(await visit.Context.CookiesAsync());
        Assert.Equal((true, true, SameSiteAttribute.None, "/portal"), (cookie.HttpOnly, cookie.Secure, cookie.SameSite, cookie.Path));
    }

    [Theory]
    [InlineData("https://app.example.com")]
    [InlineData(null)]
    public async Task A_page_of_any_other_origin_shows_nothing_of_it(string? allowed)
    {
        await using var site = await EmbeddingAsync();
        using var certificate = NewCertificate();
        await using var server = await StartAsync(allowed, certificate);
        await server.RegisterAsync(site.Url, new { name = "ERP" });

        var visit = await EmbedAsync(server, site.Url);
        visit.Watch.Expect("/portal failed: net::ERR_BLOCKED_BY_RESPONSE");
        visit.Watch.Expect("violates the following Content Security Policy directive: \"frame-ancestors");
        // It comes without a cookie, where the browser asks at all before it refuses.
        visit.Watch.Ignore("/portal was answered 404");

        await Eventually.TrueAsync(() => visit.Watch.Faults.Count == 0, "the browser says that it refused to show the portal");
        await Expect(visit.Page.FrameLocator("iframe").GetByText("ERP")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Outside_of_frames_the_cookie_is_sent_from_the_portals_own_site_only()
    {
        var visit = await EnterPortalAsync(Api.Operator);

        var cookie = Assert.Single(await visit.Context.CookiesAsync());
        Assert.Equal((true, SameSiteAttribute.Lax, "/portal"), (cookie.HttpOnly, cookie.SameSite, cookie.Path));
    }

    /// <summary>Opens a page that shows a new link in a frame.</summary>
    private async Task<Visit> EmbedAsync(TestServer server, Uri embedder)
    {
        var secure = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(a => new Uri(a)).Single(a => a.Scheme == "https");
        var link = new Uri(secure, new Uri((await server.Client.CallAsync(200, "POST /webhook")).Text("link")).AbsolutePath);
        var visit = await VisitAsync(options => options.IgnoreHTTPSErrors = true, embedder);
        visit.Watch.Allow(secure);
        await visit.OpenAsync($"{embedder}?{link}");
        return visit;
    }

    /// <summary>A site with one page: a frame that shows what its query says.</summary>
    private static async Task<Receiver> EmbeddingAsync()
    {
        var site = await Receiver.StartAsync();
        site.Answer = (_, _, context) =>
        {
            context.Response.ContentType = "text/html";
            return context.Response.WriteAsync(
                $"<!DOCTYPE html><html lang=en><title>Provider</title><link rel=icon href='data:,'><iframe title=Webhooks width=900 height=700 src='{context.Request.QueryString.Value![1..]}'></iframe>");
        };
        return site;
    }

    private Task<TestServer> StartAsync(string? allowed, X509Certificate2 certificate) => TestServer.StartAsync(
        postgres,
        allowed is null ? null : new() { ["Dispatcher:Portal:AllowedOrigins:0"] = allowed },
        builder => builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
        }));

    private static X509Certificate2 NewCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        // With its key in the form that servers take.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
