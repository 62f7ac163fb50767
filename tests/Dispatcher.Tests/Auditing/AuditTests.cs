// The audit trail: every change leaves one entry, in its own transaction, that tells who did what to what, and never a secret.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Auditing;

public sealed class AuditTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task A_change_is_read_back_with_who_made_it_when_and_what_it_changed()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("https://example.com/a"))).Text("id");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{id}", """{"name":"ERP","max_concurrency":3,"enabled":false}""");

        var entry = (await customer.Admin.CallAsync(200, "GET /audit?action=integration.disabled")).Data().Single();

        Assert.StartsWith("aud_", entry.Text("id"), StringComparison.Ordinal);
        Http.AssertJson($$"""{"kind":"integration","id":"{{id}}"}""", entry.GetProperty("target"));
        Assert.Equal(("key", "admin"), (entry.GetProperty("actor").Text("kind"), entry.GetProperty("actor").Text("role")));
        Http.AssertJson(
            """{"changes":[{"member":"name","from":null,"to":"ERP"},{"member":"enabled","from":true,"to":false},{"member":"max_concurrency","from":null,"to":3}]}""",
            entry.GetProperty("details"));
        Assert.Equal("127.0.0.1", entry.Text("remote_address"));
        Http.AssertJson(entry.ToString(), await customer.Admin.CallAsync(200, $"GET /audit/{entry.Text("id")}"));
    }
}
