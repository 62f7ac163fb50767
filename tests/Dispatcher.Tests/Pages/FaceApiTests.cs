// The API below a face's path, as the face's own pages call it: what it asks for, and that it is the API in all else.

using System.Net;
using System.Text.Json;
using Dispatcher.Pages;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Pages;

public sealed class FaceApiTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Body = """{"type":"webhook","events":["nothing.sends"],"target":"https://example.com/hook"}""";

    /// <summary>Each face under each of the server's two roots.</summary>
    public static TheoryData<string, string> Faces => new(
        from face in new[] { "portal", "dashboard" }
        from root in new[] { "", "/v1" }
        select (face, root));

    [Theory]
    [MemberData(nameof(Faces))]
    public async Task Without_the_cookie_and_the_pages_own_token_nothing_is_read_or_changed(string face, string root)
    {
        var customer = await api.CustomerAsync();
        using var visitor = await ComeAsync(face, customer, root);
        using var colleague = await ComeAsync(face, customer, root);
        using var nobody = new Visitor(api.Operator);
        var (address, scope) = ($"{root}/{face}/api", Scope(face, customer));
        var csrf = visitor.Script.DefaultRequestHeaders.GetValues(FaceApi.CsrfHeader).Single();
        nobody.Script.DefaultRequestHeaders.Add(FaceApi.CsrfHeader, csrf);

        foreach (var call in new[] { "GET {0}/integrations{1}", "POST {0}/integrations{1}", "GET {0}/nothing-here{1}" })
        {
            var asked = string.Format(null, System.Text.CompositeFormat.Parse(call), address, scope);
            await nobody.Script.RefusalAsync(401, asked, asked.StartsWith("POST", StringComparison.Ordinal) ? Body : null);
            foreach (var token in new[] { null, "", "x", csrf.ToUpperInvariant(), csrf[..^1], colleague.Script.DefaultRequestHeaders.GetValues(FaceApi.CsrfHeader).Single() })
            {
                visitor.Script.DefaultRequestHeaders.Remove(FaceApi.CsrfHeader);
                if (token is not null) visitor.Script.DefaultRequestHeaders.TryAddWithoutValidation(FaceApi.CsrfHeader, token);
                await visitor.Script.RefusalAsync(403, asked, asked.StartsWith("POST", StringComparison.Ordinal) ? Body : null);
            }
        }

        Assert.Empty((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
    }

    [Theory]
    [MemberData(nameof(Faces))]
    public async Task With_both_it_is_the_api(string face, string root)
    {
        var customer = await api.CustomerAsync();
        using var visitor = await ComeAsync(face, customer, root);
        var (address, scope) = ($"{root}/{face}/api", Scope(face, customer));

        using var made = await visitor.Script.RequestAsync($"POST {address}/integrations{scope}", Body);
        var integration = (await TestServer.ReadAsync(made, HttpStatusCode.Created)).Text("id");

        Assert.Equal($"{address}/integrations/{integration}", made.Headers.Location?.OriginalString);
        Assert.True(made.Headers.CacheControl!.NoStore);
        await customer.PublishAsync(payload: """{"total":1.50}""");
        foreach (var call in new[] { $"/integrations/{integration}", "/integrations", "/events", "/stats", "/event-types", "/integrations/int_0", "/integrations?limit=0" })
        {
            using var here = await visitor.Script.RequestAsync($"GET {address}{call}{(call.Contains('?', StringComparison.Ordinal) ? scope.Replace('?', '&') : scope)}");
            using var there = await customer.Admin.RequestAsync($"GET {call}");
            Assert.Equal((there.StatusCode, there.Content.Headers.ContentType), (here.StatusCode, here.Content.Headers.ContentType));
            Assert.Equal(Timeless(await there.Content.ReadAsStringAsync()), Timeless(await here.Content.ReadAsStringAsync()));
        }

        await visitor.Script.RefusalAsync(404, $"GET {address}/nothing-here{scope}");
        await visitor.Script.CallAsync(200, $"PATCH {address}/integrations/{integration}{scope}", """{"name":"ERP"}""");
        await visitor.Script.RefusalAsync(422, $"PATCH {address}/integrations/{integration}{scope}", """{"name":""}""", "name");
        await visitor.Script.RefusalAsync(400, $"PATCH {address}/integrations/{integration}{scope}", "{");
        await visitor.Script.CallAsync(204, $"DELETE {address}/integrations/{integration}{scope}");
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{integration}");
    }

    [Theory]
    [InlineData("portal")]
    [InlineData("dashboard")]
    public async Task The_cookie_is_the_only_credential(string face)
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        var mine = await IntegrationAsync(customer);
        await IntegrationAsync(other);
        using var visitor = await ComeAsync(face, customer);
        // A key that is sent along is not looked at: not to widen what the session sees, nor in place of a cookie.
        visitor.Script.DefaultRequestHeaders.Authorization = other.Admin.DefaultRequestHeaders.Authorization;

        var seen = (await visitor.Script.CallAsync(200, $"GET /{face}/api/integrations{Scope(face, customer)}")).Data();

        Assert.Equal(mine, Assert.Single(seen).Text("id"));
        using var keyAlone = api.Server.ClientWith(TestServer.OperatorKey);
        await keyAlone.RefusalAsync(401, $"GET /{face}/api/integrations");
    }

    [Fact]
    public async Task The_cookie_of_one_face_opens_nothing_of_the_other()
    {
        var customer = await api.CustomerAsync();
        using var inPortal = await ComeAsync("portal", customer);
        using var inDashboard = await ComeAsync("dashboard", customer);

        await inPortal.Script.RefusalAsync(401, "GET /dashboard/api/integrations");
        await inDashboard.Script.RefusalAsync(401, "GET /portal/api/integrations");
        // Nor does a session's token in the other one's cookie.
        foreach (var (from, name, to) in new[] { (inPortal, "dispatcher_operator", "dashboard"), (inDashboard, "dispatcher_portal", "portal") })
        {
            from.Cookies.Add(api.Operator.BaseAddress!, new Cookie(name, from.Cookies.GetAllCookies().Single().Value, "/"));
            using var page = await from.GetAsync($"/{to}");
            Assert.Equal(to == "portal" ? HttpStatusCode.NotFound : HttpStatusCode.Redirect, page.StatusCode);
        }
    }

    [Fact]
    public async Task A_members_visit_reads_and_changes_nothing()
    {
        var customer = await api.CustomerAsync();
        var id = await IntegrationAsync(customer);
        using var visitor = await ComeAsync("portal", customer, link: """{"role":"member"}""");
        await visitor.Script.CallAsync(200, $"GET /portal/api/integrations/{id}");
        var before = await customer.Admin.CallAsync(200, $"GET /integrations/{id}");

        foreach (var (call, body) in new[]
        {
            ("POST /portal/api/integrations", Body), ($"PUT /portal/api/integrations/{id}", Body), ($"PATCH /portal/api/integrations/{id}", """{"enabled":false}"""),
            ($"DELETE /portal/api/integrations/{id}", null), ($"GET /portal/api/integrations/{id}/secret", null), ($"POST /portal/api/integrations/{id}/secret/rotate", "{}"),
            ($"POST /portal/api/integrations/{id}/test", """{"event":"job.completed"}"""), ($"POST /portal/api/integrations/{id}/recover", """{"since":"2026-01-01T00:00:00Z"}"""),
            ("POST /portal/api/checks/integrations", Body), ("POST /portal/api/webhook", "{}"), ("POST /portal/api/api-keys", """{"role":"member"}"""),
        }) await visitor.Script.RefusalAsync(403, call, body);

        Http.AssertJson(before.ToString(), Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data()));
    }

    [Fact]
    public async Task Another_organizations_resources_are_not_there()
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var receiver = await Receiver.StartAsync();
        var id = (await other.RegisterAsync(receiver.Url)).Text("id");
        var delivery = await other.DeliveryAsync($"event={await other.PublishAsync()}", "succeeded");
        using var inPortal = await ComeAsync("portal", customer);
        using var inDashboard = await ComeAsync("dashboard", customer);
        string[] calls =
        [
            $"GET integrations/{id}", $"PATCH integrations/{id}", $"DELETE integrations/{id}", $"GET integrations/{id}/secret", $"GET integrations/{id}/stats",
            $"PATCH checks/integrations/{id}", $"GET deliveries/{delivery.Text("id")}", $"POST deliveries/{delivery.Text("id")}/retry", $"GET events/{delivery.Text("event_id")}",
        ];

        foreach (var call in calls)
        {
            var (method, path) = (call.Split(' ')[0], call.Split(' ')[1]);
            var body = method == "PATCH" ? "{}" : null;
            await inPortal.Script.RefusalAsync(404, $"{method} /portal/api/{path}", body);
            await inPortal.Script.RefusalAsync(404, $"{method} /portal/api/{path}?organization={other.Id}", body);
            await inDashboard.Script.RefusalAsync(404, $"{method} /dashboard/api/{path}{Scope("dashboard", customer)}", body);
            await inDashboard.Script.RefusalAsync(404, $"{method} /dashboard/api/{path}?organization=nobody", body);
        }

        await inDashboard.Script.CallAsync(200, $"GET /dashboard/api/integrations/{id}{Scope("dashboard", other)}");
        await inPortal.Script.RefusalAsync(403, "GET /portal/api/organizations");
        await inPortal.Script.RefusalAsync(403, "GET /portal/api/settings");
    }

    [Theory]
    [InlineData("portal")]
    [InlineData("dashboard")]
    public async Task The_same_Idempotency_Key_makes_one_thing(string face)
    {
        var customer = await api.CustomerAsync();
        using var visitor = await ComeAsync(face, customer);
        var call = $"POST /{face}/api/integrations{Scope(face, customer)}";

        using var first = await visitor.Script.RequestAsync(call, Body, idempotencyKey: "click-1");
        using var again = await visitor.Script.RequestAsync(call, Body, idempotencyKey: "click-1");
        using var reused = await visitor.Script.RequestAsync(call, """{"type":"webhook","events":["*"],"target":"https://example.com/other"}""", idempotencyKey: "click-1");

        var made = await TestServer.ReadAsync(first, HttpStatusCode.Created);
        Http.AssertJson(made.ToString(), await TestServer.ReadAsync(again, HttpStatusCode.Created));
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.InRange((int)reused.StatusCode, 409, 422);
        Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
    }

    [Fact]
    public async Task The_trail_names_the_link_or_the_operators_key()
    {
        var customer = await api.CustomerAsync();
        var key = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"operator","name":"support"}""");
        using var inPortal = await ComeAsync("portal", customer);
        using var inDashboard = new Visitor(api.Operator);
        await inDashboard.SignInAsync(key.Text("key"));
        using var withConfigured = await ComeAsync("dashboard", customer);
        var session = Assert.Single((await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data()).Text("id");

        await inPortal.Script.CallAsync(201, "POST /portal/api/integrations", Body);
        await inDashboard.Script.CallAsync(201, $"POST /dashboard/api/integrations{Scope("dashboard", customer)}", Body);
        await withConfigured.Script.CallAsync(201, $"POST /dashboard/api/integrations{Scope("dashboard", customer)}", Body);

        var actors = (await customer.Admin.CallAsync(200, "GET /audit?action=integration.created")).Data().ConvertAll(e => e.GetProperty("actor"));
        Assert.Equal(3, actors.Count);
        Http.AssertJson("""{"kind":"operator_key","id":null,"name":null,"role":"operator"}""", actors[0]);
        Http.AssertJson($$"""{"kind":"key","id":"{{key.Text("id")}}","name":"support","role":"operator"}""", actors[1]);
        Http.AssertJson($$"""{"kind":"portal","id":"{{session}}","name":null,"role":"admin"}""", actors[2]);
    }

    private async Task<Visitor> ComeAsync(string face, Customer customer, string root = "", string? link = null)
    {
        var visitor = new Visitor(api.Operator);
        if (face == "dashboard") await visitor.SignInAsync(root: root);
        else await visitor.EnterAsync(root + new Uri((await customer.Admin.CallAsync(200, "POST /webhook", link)).Text("link")).AbsolutePath);
        return visitor;
    }

    /// <summary>How a face's script says which organization it is about: operators name it.</summary>
    private static string Scope(string face, Customer customer) => face == "dashboard" ? $"?organization={customer.Id}" : "";

    private static async Task<string> IntegrationAsync(Customer customer) => (await customer.Admin.CallAsync(201, "POST /integrations", Body)).Text("id");

    /// <summary>Two answers differ in when they were given.</summary>
    private static string Timeless(string json)
    {
        if (json.Length == 0 || JsonElement.Parse(json) is not { ValueKind: JsonValueKind.Object } answer) return json;
        return string.Join(',', answer.EnumerateObject().Where(m => m.Name is not ("since" or "until" or "series")).Select(m => m.ToString()));
    }
}
