// Health checks, the OpenAPI document and its reader.

using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed partial class HealthAndDocsTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("GET /health/live")]
    [InlineData("GET /health/ready")]
    [InlineData("HEAD /health/ready")]
    public async Task A_server_with_its_database_is_live_and_ready_without_a_key(string call)
    {
        using var nobody = api.Server.ClientWith(null);
        using var answer = await nobody.RequestAsync(call);

        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_server_without_its_database_is_live_but_not_ready()
    {
        await using var store = await OwnStore.StartAsync();
        await using var server = await store.ServerAsync();
        Assert.Equal(200, (int)(await server.Client.GetAsync("/health/ready")).StatusCode);

        await store.StopAsync();

        Assert.Equal(200, (int)(await server.Client.GetAsync("/health/live")).StatusCode);
        using var answer = await server.Client.GetAsync("/health/ready");
        await answer.RefusalAsync(503);
        Assert.NotNull(answer.Headers.RetryAfter);

        await store.RestartAsync();
        await Eventually.TrueAsync(async () => (int)(await server.Client.GetAsync("/health/ready")).StatusCode == 200, "the server is ready again");
    }

    [Fact]
    public async Task The_document_is_openapi_3_1_and_needs_no_key()
    {
        using var nobody = api.Server.ClientWith(null);

        var document = await nobody.CallAsync(200, "GET /openapi/v1.json");

        Assert.StartsWith("3.1.", document.Text("openapi"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/docs")]
    [InlineData("/v1/docs")]
    public async Task The_reader_works_without_any_other_host(string path)
    {
        using var nobody = api.Server.ClientWith(null);
        using var page = await nobody.GetAsync(path);
        Assert.Equal(200, (int)page.StatusCode);
        var address = page.RequestMessage!.RequestUri!;
        var html = await page.Content.ReadAsStringAsync();
        Assert.Contains("Dispatcher API", html, StringComparison.Ordinal);

        var files = References().Matches(html).Select(m => new Uri(address, m.Groups[1].Value)).ToList();
        Assert.True(files.Count >= 3, html);
        foreach (var file in files)
        {
            Assert.Equal(address.Authority, file.Authority);
            using var answer = await nobody.GetAsync(file);
            Assert.True(answer.IsSuccessStatusCode, $"{file}: {(int)answer.StatusCode}");
            // Styles may bring fonts and pictures along.
            if (!file.AbsolutePath.EndsWith(".css", StringComparison.Ordinal)) continue;
            Assert.DoesNotMatch(@"(@import|url\()\s*['""]?(https?:)?//", await answer.Content.ReadAsStringAsync());
        }

        // Nor may anything that the page does later: its policy forbids the browser to ask another host, whatever a script may want.
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("*", policy, StringComparison.Ordinal);

        // The document that it reads is this server's own.
        var script = string.Join("\n", await Task.WhenAll(files.Where(f => f.AbsolutePath.EndsWith(".js", StringComparison.Ordinal)).Select(f => nobody.GetStringAsync(f)))) + html;
        Assert.Contains("../openapi/v1.json", script, StringComparison.Ordinal);
        await nobody.CallAsync(200, $"GET {new Uri(address, "../openapi/v1.json").AbsolutePath}");
    }

    [GeneratedRegex("(?:src|href)=\"([^\"#]+)\"")]
    private static partial Regex References();
}
