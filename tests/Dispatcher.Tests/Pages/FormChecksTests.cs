// What a form is told while it is filled in: the same as the API would say, and nothing is stored.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Pages;

public sealed class FormChecksTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Valid = """{"type":"webhook","events":["job.*"],"target":"https://example.com/hook"}""";

    public static TheoryData<string> BadBodies => new()
    {
        "{}",
        """{"type":"sms","events":[],"target":"nowhere"}""",
        """{"type":5,"events":"a.b","target":{},"enabled":"yes","metadata":"m","unknown":1,"Target":"x"}""",
        """{"type":"webhook","events":["a..b","job.*","*.x"],"target":"ftp://example.com/","ordering":"fifo","signing":"rsa"}""",
        """{"type":"webhook","events":["*"],"target":"https://user:secret@example.com/"}""",
        """{"type":"webhook","events":["*"],"target":"https://example.com/","name":"","project":"a b","inbox":"a/b"}""",
        """{"type":"webhook","events":["*"],"target":"https://example.com/","headers":{"Host":"a","X-A":"b\r\nX-B: c","x-a":"d"},"basic_auth":{"username":"a:b"}}""",
        """{"type":"webhook","events":["*"],"target":"https://example.com/","headers":{"Authorization":"Bearer x"},"basic_auth":{"username":"a","password":"b"}}""",
        """{"type":"webhook","events":["*"],"target":"https://example.com/","headers":{"X-New":"********"},"basic_auth":{"username":"a","password":"********"}}""",
        """{"type":"webhook","events":["*"],"target":"https://example.com/","rate_limit_per_second":0,"max_concurrency":1001,"timeout_seconds":0,"retry":{"base_seconds":0,"max_attempts":11}}""",
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_form_is_refused_as_the_api_refuses_it(string body)
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.Admin.CallAsync(201, "POST /integrations", Valid)).Text("id");
        using var visitor = await ComeAsync(customer);

        var asNew = await customer.Admin.RefusalAsync(422, "POST /integrations", body);
        Http.AssertJson(asNew.ToString(), await visitor.Script.RefusalAsync(422, "POST /portal/api/checks/integrations", body));

        // As a change, {} is nothing to complain about.
        if (body == "{}") return;
        var asChange = await customer.Admin.RefusalAsync(422, $"PATCH /integrations/{id}", body);
        Http.AssertJson(asChange.ToString(), await visitor.Script.RefusalAsync(422, $"PATCH /portal/api/checks/integrations/{id}", body));
    }

    [Theory]
    [InlineData("{", "application/json", 400)]
    [InlineData("[]", "application/json", 400)]
    [InlineData("", "application/json", 400)]
    [InlineData("""{"type":"webhook","type":"webhook"}""", "application/json", 422)]
    [InlineData("key=a", "application/x-www-form-urlencoded", 400)]
    public async Task What_is_no_request_is_refused_as_the_api_refuses_it(string body, string type, int about)
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.Admin.CallAsync(201, "POST /integrations", Valid)).Text("id");
        using var visitor = await ComeAsync(customer);

        foreach (var call in new[] { "POST {0}/integrations", $"PATCH {{0}}/integrations/{id}" })
        {
            using var there = await customer.Admin.RequestAsync(call.Replace("{0}", "", StringComparison.Ordinal), body, type);
            using var here = await visitor.Script.RequestAsync(call.Replace("{0}", "/portal/api/checks", StringComparison.Ordinal), body, type);
            Assert.InRange((int)there.StatusCode, 400, 422);
            Assert.Equal((there.StatusCode, await there.Content.ReadAsStringAsync()), (here.StatusCode, await here.Content.ReadAsStringAsync()));
            if (call.StartsWith("POST", StringComparison.Ordinal)) Assert.Equal(about, (int)here.StatusCode);
        }
    }

    [Theory]
    [InlineData("portal")]
    [InlineData("dashboard")]
    public async Task A_form_that_is_right_is_answered_with_nothing_and_nothing_is_stored(string face)
    {
        var customer = await api.CustomerAsync();
        var made = await customer.Admin.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/","headers":{"X-Token":"one"}}""");
        using var visitor = await ComeAsync(customer, face);
        var (checks, scope) = ($"/{face}/api/checks/integrations", face == "dashboard" ? $"?organization={customer.Id}" : "");
        var trail = (await customer.Admin.CallAsync(200, "GET /audit")).Data().Count;

        Assert.Equal(JsonValueKind.Undefined, (await visitor.Script.CallAsync(204, $"POST {checks}{scope}", Valid)).ValueKind);
        foreach (var change in new[]
        {
            "{}", """{"name":"ERP","enabled":false}""", """{"headers":{"X-Token":"********","X-Other":"two"}}""", """{"headers":{"X-Token":null}}""", """{"target":"https://example.com/other"}""",
        }) await visitor.Script.CallAsync(204, $"PATCH {checks}/{made.Text("id")}{scope}", change);

        var integration = Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
        var before = await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}");
        Http.AssertJson(before.ToString(), integration);
        Assert.Equal((made.Text("updated_at"), "https://example.com/"), (integration.Text("updated_at"), integration.Text("target")));
        Assert.Equal(trail, (await customer.Admin.CallAsync(200, "GET /audit")).Data().Count);
    }

    [Fact]
    public async Task How_it_signs_cannot_be_changed_and_a_link_for_a_project_names_no_other()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.Admin.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/","project":"p"}""")).Text("id");
        using var visitor = await ComeAsync(customer, link: """{"project":"p"}""");
        using var key = await customer.ClientAsync("admin", "p");

        foreach (var (status, call, body) in new[]
        {
            (422, $"PATCH {{0}}/integrations/{id}", """{"signing":"ed25519"}"""),
            (403, $"PATCH {{0}}/integrations/{id}", """{"project":"q"}"""),
            (403, "POST {0}/integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/","project":"q"}"""),
            (404, "PATCH {0}/integrations/int_00000000000070008000000000000000", "{}"),
            (404, "PATCH {0}/integrations/none", "{}"),
        })
        {
            var refusal = await key.RefusalAsync(status, call.Replace("{0}", "", StringComparison.Ordinal), body);
            Http.AssertJson(refusal.ToString(), await visitor.Script.RefusalAsync(status, call.Replace("{0}", "/portal/api/checks", StringComparison.Ordinal), body));
        }
    }

    [Fact]
    public async Task For_keys_the_checks_are_not_there()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.Admin.CallAsync(201, "POST /integrations", Valid)).Text("id");
        var link = (await customer.Admin.CallAsync(200, "POST /webhook")).Text("link");
        using var session = api.Server.ClientWith(link.Split('/')[^1]);

        foreach (var client in new[] { customer.Admin, api.Operator, session })
        {
            await client.RefusalAsync(404, "POST /checks/integrations", Valid);
            await client.RefusalAsync(404, "POST /v1/checks/integrations", "{}");
            await client.RefusalAsync(404, $"PATCH /checks/integrations/{id}", "{}");
        }

        Assert.DoesNotContain("/checks", (await api.Operator.CallAsync(200, "GET /openapi/v1.json")).ToString(), StringComparison.Ordinal);
    }

    private async Task<Visitor> ComeAsync(Customer customer, string face = "portal", string? link = null)
    {
        var visitor = new Visitor(api.Operator);
        if (face == "dashboard") await visitor.SignInAsync();
        else await visitor.EnterAsync((await customer.Admin.CallAsync(200, "POST /webhook", link)).Text("link"));
        return visitor;
    }
}
