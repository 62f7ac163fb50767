// What an answer's status line and headers say, on every path.

using System.Net;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class AnswersTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    public async Task Location_leads_to_what_was_made_under_the_base_that_was_called(string pathBase)
    {
        var customer = await api.CustomerAsync();
        var integration = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}")).Text("id");
        var delivery = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted")).Text("id");
        foreach (var (client, call, body) in new[]
        {
            (customer.Admin, $"/deliveries/{delivery}/retry", ""),
            (api.Operator, "/organizations", "{}"),
            (api.Operator, "/event-types", $$"""{"name":"of.{{customer.Id}}"}"""),
            (customer.Admin, "/projects", "{}"),
            (customer.Admin, "/api-keys", """{"role":"member"}"""),
            (customer.Admin, "/integrations", """{"type":"webhook","events":["c.d"],"target":"https://example.com/"}"""),
            (customer.Admin, "/events", """{"type":"a.b","payload":{}}"""),
            (customer.Admin, "/jobs", """{"kind":"parse"}"""),
            (customer.Admin, $"/integrations/{integration}/test", """{"event":"job.created"}"""),
            (customer.Admin, $"/integrations/{integration}/recover", """{"since":"2026-01-01T00:00:00Z"}"""),
            (customer.Admin, $"/integrations/{integration}/replay", """{"since":"2026-01-01T00:00:00Z"}"""),
        })
        {
            using var answer = await client.RequestAsync($"POST {pathBase}{call}", body);
            Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.Accepted, $"{call}: {await answer.Content.ReadAsStringAsync()}");
            var location = answer.Headers.Location?.OriginalString;
            Assert.StartsWith($"{pathBase}/{call.Split('/')[1][..3]}", location?.Replace("/deliveries/", $"/{call.Split('/')[1]}/", StringComparison.Ordinal));
            await client.CallAsync(200, $"GET {location}");
        }
    }

    [Fact]
    public async Task An_answer_that_is_given_again_has_its_location_under_the_base_that_is_called_now()
    {
        var customer = await api.CustomerAsync();
        using var first = await customer.Admin.RequestAsync("POST /v1/projects", """{"id":"p"}""", idempotencyKey: "k");
        using var again = await customer.Admin.RequestAsync("POST /projects", """{"id":"p"}""", idempotencyKey: "k");

        Assert.Equal("/v1/projects/p", first.Headers.Location?.OriginalString);
        Assert.Equal("/projects/p", again.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task An_organization_a_project_and_a_key_read_back_as_they_are_listed_to_whoever_may_see_them()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        var project = await one.Admin.CallAsync(201, "POST /projects", """{"id":"p","name":"P"}""");
        var key = (await one.Admin.CallAsync(201, "POST /api-keys", """{"role":"member","name":"K"}""")).Text("id");
        using var ofProject = await one.ClientAsync("admin", "p");
        using var member = await one.ClientAsync("member");

        Assert.Equal(project.ToString(), (await one.Admin.CallAsync(200, "GET /projects/p")).ToString());
        Assert.Equal(project.ToString(), (await ofProject.CallAsync(200, "GET /projects/p")).ToString());
        Assert.Equal(project.ToString(), (await member.CallAsync(200, "GET /projects/p")).ToString());
        var listed = (await one.Admin.CallAsync(200, "GET /api-keys")).Data().Single(k => k.Text("id") == key);
        Assert.Equal(listed.ToString(), (await one.Admin.CallAsync(200, $"GET /api-keys/{key}")).ToString());
        Assert.Equal(one.Id, (await api.Operator.CallAsync(200, $"GET /organizations/{one.Id}")).Text("id"));

        await other.Admin.RefusalAsync(404, "GET /projects/p");
        await other.Admin.RefusalAsync(404, $"GET /api-keys/{key}");
        await ofProject.RefusalAsync(404, "GET /projects/default");
        await ofProject.RefusalAsync(404, $"GET /api-keys/{key}");
        await member.RefusalAsync(403, $"GET /api-keys/{key}");
        await one.Admin.RefusalAsync(403, $"GET /organizations/{one.Id}");
        await api.Operator.RefusalAsync(404, "GET /organizations/nobody");
        await one.Admin.CallAsync(204, $"DELETE /api-keys/{key}");
        await one.Admin.RefusalAsync(404, $"GET /api-keys/{key}");
    }

    [Theory]
    [InlineData("/integrations", 200)]
    [InlineData("/v1/integrations", 200)]
    [InlineData("/integrations/", 200)]
    [InlineData("/v1/integrations/", 200)]
    [InlineData("/health/live", 200)]
    [InlineData("/health/ready", 200)]
    [InlineData("/integrations/int_1", 404)]
    [InlineData("/nothing", 404)]
    [InlineData("/events?limit=0", 422)]
    [InlineData("/deliveries/x/retry", 405)]
    [InlineData("/docs/", 200)]
    public async Task HEAD_is_answered_as_GET_is_without_the_body(string path, int status)
    {
        using var get = await api.Operator.RequestAsync($"GET {path}");
        using var head = await api.Operator.RequestAsync($"HEAD {path}");

        Assert.Equal((status, status), ((int)get.StatusCode, (int)head.StatusCode));
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Equal(get.Content.Headers.Allow, head.Content.Headers.Allow);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("OPTIONS /integrations", "GET,POST")]
    [InlineData("DELETE /events", "GET,POST")]
    [InlineData("PUT /jobs/batch", "GET,PATCH,POST")]
    [InlineData("GET /integrations/x/test", "POST")]
    [InlineData("POST /integrations/x", "DELETE,GET,PATCH,PUT")]
    public async Task A_405_says_every_method_that_the_path_takes(string call, string allowed)
    {
        using var answer = await api.Operator.RequestAsync(call);

        await answer.RefusalAsync(405);
        Assert.Equal(allowed, string.Join(',', answer.Content.Headers.Allow.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("GET /integrations/", 200, null)]
    [InlineData("POST /events/", 202, """{"type":"a.b","payload":{}}""")]
    [InlineData("POST /events/batch/", 202, """[{"type":"a.b","payload":{}}]""")]
    public async Task A_slash_at_the_end_makes_no_difference(string call, int status, string? body)
    {
        var customer = await api.CustomerAsync();

        await customer.Admin.CallAsync(status, call, body);
    }

    [Theory]
    [InlineData("GET /integrations", null)]
    [InlineData("GET /event-types/job.created", null)]
    [InlineData("POST /events", """{"type":"a.b","payload":{}}""")]
    [InlineData("POST /jobs/batch", """[{"kind":"parse"}]""")]
    public async Task An_answer_is_json_in_utf_8(string call, string? body)
    {
        using var answer = await api.Operator.RequestAsync(call, body);

        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("utf-8", answer.Content.Headers.ContentType?.CharSet);
    }

    [Fact]
    public async Task Of_two_keys_in_both_headers_the_one_in_Authorization_counts()
    {
        var customer = await api.CustomerAsync();
        var member = (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""")).Text("key");
        async Task<int> StatusAsync(string authorization, string apiKey)
        {
            using var client = api.Server.ClientWith(null);
            client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
            client.DefaultRequestHeaders.TryAddWithoutValidation("x-api-key", apiKey);
            using var answer = await client.RequestAsync("GET /organizations");
            return (int)answer.StatusCode;
        }

        Assert.Equal(200, await StatusAsync($"Bearer {TestServer.OperatorKey}", member));
        Assert.Equal(403, await StatusAsync($"Bearer {member}", TestServer.OperatorKey));
        Assert.Equal(401, await StatusAsync("Bearer nobody's", TestServer.OperatorKey));
        // Of another scheme, it is some proxy's business and no key of ours.
        Assert.Equal(200, await StatusAsync("Basic dTpw", TestServer.OperatorKey));
    }
}
