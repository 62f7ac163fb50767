// A case for every POST endpoint: what is sent, how it is answered, and how often it has been done.

using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

/// <summary>A POST that is to be done once.</summary>
/// <param name="Client">Who calls.</param>
/// <param name="Path">What is called.</param>
/// <param name="Body">What is sent.</param>
/// <param name="Status">How it is answered.</param>
/// <param name="Effects">Counts how often it has been done.</param>
internal sealed record OncePost(HttpClient Client, string Path, string? Body, int Status, Func<Task<long>> Effects)
{
    public Task<HttpResponseMessage> SendAsync(string idempotencyKey) => Client.RequestAsync($"POST {Path}", Body, idempotencyKey: idempotencyKey);
}

internal sealed class OncePosts(ApiServer api)
{
    private const string Event = """{"type":"a.b","payload":{}}""";
    private const string Span = """{"since":"2026-01-01T00:00:00Z"}""";

    private Records Records => new(api.Server.ConnectionString);

    /// <summary>Each makes what it needs in an organization of its own.</summary>
    public Dictionary<string, Func<Customer, Task<OncePost>>> ByPath => new()
    {
        ["/organizations"] = c => PostAsync(api.Operator, "/organizations", $$"""{"name":"of {{c.Id}}"}""", 201, $"organization WHERE name = 'of {c.Id}'"),
        ["/event-types"] = c => PostAsync(api.Operator, "/event-types", $$"""{"name":"of.{{c.Id}}"}""", 201, $"event_type WHERE name = 'of.{c.Id}'"),
        ["/projects"] = c => PostAsync(c, "/projects", """{"name":"P"}""", 201, "project"),
        ["/api-keys"] = c => PostAsync(c, "/api-keys", """{"role":"member"}""", 201, "api_key"),
        ["/webhook"] = c => PostAsync(c, "/webhook", "{}", 200, "portal_session"),
        ["/integrations"] = c => PostAsync(c, "/integrations", """{"type":"webhook","events":["a.b"],"target":"https://example.com/"}""", 201, "integration"),
        ["/jobs"] = c => PostAsync(c, "/jobs", """{"kind":"parse"}""", 201, "event"),
        ["/jobs/batch"] = c => PostAsync(c, "/jobs/batch", """[{"kind":"parse"},{"kind":"none"}]""", 202, "event"),
        ["/events"] = c => PostAsync(c, "/events", Event, 202, "event"),
        ["/events/batch"] = c => PostAsync(c, "/events/batch", $"[{Event},{{}}]", 202, "event"),
        ["/integrations/{id}/secret/rotate"] = async c =>
            await PostAsync(c, $"/integrations/{await RegisterAsync(c)}/secret/rotate", "{}", 200, "integration_secret"),
        ["/integrations/{id}/test"] = async c =>
            await PostAsync(c, $"/integrations/{await RegisterAsync(c)}/test", """{"event":"job.created"}""", 202, "event", "target IS NOT NULL"),
        ["/integrations/{id}/recover"] = async c => await PostAsync(c, $"/integrations/{await RegisterAsync(c)}/recover", Span, 202, "task"),
        ["/integrations/{id}/replay"] = async c => await PostAsync(c, $"/integrations/{await RegisterAsync(c)}/replay", Span, 202, "task"),
        ["/integrations/{id}/tasks/{task}/cancel"] = async c => await PostAsync(c, $"{await WaitingTaskAsync(c)}/cancel", null, 200, "task", "status = 'cancelled'"),
        ["/deliveries/bulk"] = c => PostAsync(c, "/deliveries/bulk", """{"action":"retry","filter":{}}""", 202, "task"),
        ["/deliveries/bulk/{task}/cancel"] = async c => await PostAsync(c, $"/deliveries/bulk/{await WaitingBulkAsync(c)}/cancel", null, 200, "task", "status = 'cancelled'"),
        ["/deliveries/{id}/cancel"] = async c => await PostAsync(c, $"{await FailedDeliveryAsync(c)}/cancel", null, 200, "delivery"),
        ["/deliveries/{id}/retry"] = RetryAsync,
    };

    private Task<OncePost> PostAsync(Customer customer, string path, string? body, int status, string table, string condition = "true") =>
        PostAsync(customer.Admin, path, body, status, $"{table} WHERE organization_id = '{customer.Id}' AND {condition}");

    /// <summary>A POST whose effect is a row more.</summary>
    private Task<OncePost> PostAsync(HttpClient client, string path, string? body, int status, string rows) =>
        Task.FromResult(new OncePost(client, path, body, status, () => Records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.{rows}")));

    /// <summary>A delivery that can be retried again and again: what was done is counted in attempts, once nothing is live.</summary>
    private async Task<OncePost> RetryAsync(Customer customer)
    {
        await RegisterAsync(customer);
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted")).Text("id");
        return new OncePost(customer.Admin, $"/deliveries/{id}/retry", null, 202, async () =>
        {
            await Eventually.TrueAsync(
                async () => await Records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.queue WHERE organization_id = '{customer.Id}'") == 0, "nothing is live");
            return await Records.ScalarAsync<long>($"SELECT sum(attempts) FROM dispatcher.delivery WHERE organization_id = '{customer.Id}'");
        });
    }

    private static async Task<string> FailedDeliveryAsync(Customer customer)
    {
        await RegisterAsync(customer, "\"retry\":{\"base_seconds\":3600}");
        return $"/deliveries/{(await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed")).Text("id")}";
    }

    /// <summary>A task that goes on waiting, because its integration is disabled.</summary>
    private async Task<string> WaitingTaskAsync(Customer customer)
    {
        var integration = await RegisterAsync(customer, "\"enabled\":false");
        await Records.ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, since, until, position, bound, total, created_at)
            SELECT organization_id, dispatcher.uuid_v7(), id, 'recover', now(), now(), dispatcher.uuid_v7(), dispatcher.uuid_v7(), 0, now()
            FROM dispatcher.integration WHERE organization_id = '{customer.Id}'
            """);
        var task = (await customer.Admin.CallAsync(200, $"GET /integrations/{integration}/tasks")).Data()[0].Text("id");
        return $"/integrations/{integration}/tasks/{task}";
    }

    /// <summary>A bulk action whose turn is far away.</summary>
    private async Task<string> WaitingBulkAsync(Customer customer)
    {
        await Records.ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, kind, statuses, until, position, bound, total, created_at, next_at)
            VALUES ('{customer.Id}', dispatcher.uuid_v7(), 'bulk_retry', ARRAY['failed'], now(), dispatcher.uuid_v7(), dispatcher.uuid_v7(), 0, now(), now() + interval '1 day')
            """);
        return (await customer.Admin.CallAsync(200, "GET /deliveries/bulk")).Data()[0].Text("id");
    }

    /// <summary>An integration that nobody listens for, with one attempt unless it is said otherwise; gives its id.</summary>
    private static async Task<string> RegisterAsync(Customer customer, string members = "\"retry\":{\"max_attempts\":1}") =>
        (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), members, "\"a.b\"")).Text("id");
}
