// What section 1 of the contract says of lists, for every list there is.

using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Dispatcher.Pages;
using Dispatcher.Platform;
using Dispatcher.Tests.Faults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Api;

public sealed class ListsTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>A list, and how it gets longer: <see cref="AddAsync"/> gives the new row's key.</summary>
    private sealed record Growing(HttpClient Client, string Path, string Key, Func<Task<string>> AddAsync)
    {
        public Task<JsonElement> PageAsync(string query) => Client.CallAsync(200, $"GET {Path}?{query}");
    }

    /// <summary>Every list. One that is missing here fails <see cref="Every_list_is_looked_at"/>.</summary>
    private Dictionary<string, Func<Customer, Task<Growing>>> Lists => new()
    {
        ["/organizations"] = _ => PostedAsync(api.Operator, "/organizations", _ => "{}"),
        ["/projects"] = c => PostedAsync(c.Admin, "/projects", _ => "{}"),
        ["/api-keys"] = c => PostedAsync(c.Admin, "/api-keys", _ => """{"role":"member"}"""),
        ["/event-types"] = c => PostedAsync(
            api.Operator, "/event-types", n => $$"""{"name":"t{{n.ToString("x8", CultureInfo.InvariantCulture)}}.{{c.Id}}"}""", "name"),
        ["/portal-sessions"] = c => Task.FromResult(new Growing(c.Admin, "/portal-sessions", "id", async () =>
        {
            await c.Admin.CallAsync(200, "POST /webhook", "{}");
            return await NewestAsync(c, "/portal-sessions");
        })),
        ["/audit"] = c => Task.FromResult(new Growing(c.Admin, "/audit", "id", async () =>
        {
            await c.Admin.CallAsync(201, "POST /projects", "{}");
            return await NewestAsync(c, "/audit");
        })),
        ["/integrations"] = c => PostedAsync(c.Admin, "/integrations", _ => """{"type":"webhook","events":["a.b"],"target":"https://example.com/"}"""),
        ["/events"] = c => Task.FromResult(new Growing(c.Admin, "/events", "id", () => c.PublishAsync())),
        ["/deliveries"] = DeliveriesAsync,
        ["/server/deliveries"] = async c => await DeliveriesAsync(c) with { Client = api.Operator, Path = "/server/deliveries" },
        ["/deliveries/bulk"] = c => Task.FromResult(new Growing(c.Admin, "/deliveries/bulk", "id", () => BulkAsync(c))),
        ["/nodes"] = _ => Task.FromResult(new Growing(api.Operator, "/nodes", "name", NodeAsync)),
        ["/integrations/{id}/tasks"] = TasksAsync,
    };

    public static TheoryData<string> Paths => [.. new ListsTests(null!).Lists.Keys];

    [Fact]
    public void Every_list_is_looked_at()
    {
        var endpoints = api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<MethodInfo>()?.GetParameters().Any(p => p.ParameterType == typeof(PageQuery)) == true)
            .Where(e => e.Metadata.GetMetadata<OfFace>() is null)
            .Select(e => "/" + e.RoutePattern.RawText!.Trim('/'));

        Assert.Equal(endpoints.Order(StringComparer.Ordinal), Lists.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task A_walk_is_newest_first_and_neither_skips_nor_repeats_while_rows_arrive(string path)
    {
        var list = await Lists[path](await api.CustomerAsync());
        for (var limit = 1; limit <= 3; limit++)
        {
            var before = new List<string>();
            for (var i = 0; i < 7; i++) before.Insert(0, await list.AddAsync());
            using var walked = new CancellationTokenSource();
            var arriving = Task.Run(async () =>
            {
                // Few, because some of these lists are the whole server's.
                for (var i = 0; i < 10 && !walked.IsCancellationRequested; i++) await list.AddAsync();
            });

            var seen = new List<string>();
            string? cursor = null;
            do
            {
                var page = await list.PageAsync($"limit={limit}{(cursor is null ? "" : "&cursor=" + cursor)}");
                Assert.InRange(page.Data().Count, 1, limit);
                Assert.All(page.Data(), row => Assert.DoesNotContain(row.Text(list.Key), seen));
                seen.AddRange(page.Data().Select(row => row.Text(list.Key)));
                cursor = page.GetProperty("next_cursor").GetString();
            }
            while (cursor is not null && !before.TrueForAll(seen.Contains));

            await walked.CancelAsync();
            await arriving;
            Assert.Equal(before, seen.Where(before.Contains));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task The_last_page_has_no_cursor_and_a_full_one_that_is_the_last_has_none_either(string path)
    {
        var list = await Lists[path](await api.CustomerAsync());
        for (var i = 0; i < 3; i++) await list.AddAsync();
        var all = (await list.PageAsync("limit=250")).Data();

        var walked = new List<string>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await list.PageAsync($"limit={all.Count - 1}{cursor}");
            Assert.True(walked.Count < all.Count, "the list goes on behind its end");
            walked.AddRange(page.Data().Select(row => row.Text(list.Key)));
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }

        Assert.Equal(all.Select(row => row.Text(list.Key)), walked);
        Assert.Equal(JsonValueKind.Null, (await list.PageAsync($"limit={all.Count}")).GetProperty("next_cursor").ValueKind);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task A_limit_or_a_cursor_that_is_none_is_refused_by_name_and_an_unknown_parameter_is_not(string path)
    {
        var list = await Lists[path](await api.CustomerAsync());
        foreach (var limit in new[] { "0", "-1", "251", "abc", "1.0", "%2b1", "", "2&limit=3" })
            await list.Client.RefusalAsync(422, $"GET {list.Path}?limit={limit}", null, "limit");
        foreach (var cursor in new[] { "*", "", "AAAA", "%00", "a.b", new string('A', 401) })
        {
            using var answer = await list.Client.RequestAsync($"GET {list.Path}?cursor={cursor}");
            await answer.RefusalAsync(cursor == "%00" ? 400 : 422, cursor == "%00" ? [] : ["cursor"]);
        }

        await list.PageAsync("limit=250");
        await list.PageAsync("colour=red&limit=1");
    }

    [Fact]
    public async Task A_cursor_of_another_list_is_a_place_in_this_one_or_is_refused_by_name()
    {
        var customer = await api.CustomerAsync();
        var lists = new List<Growing>();
        var cursors = new List<string>();
        foreach (var make in Lists.Values)
        {
            var list = await make(customer);
            for (var i = 0; i < 2; i++) await list.AddAsync();
            lists.Add(list);
            cursors.Add((await list.PageAsync("limit=1")).Text("next_cursor"));
        }

        foreach (var list in lists)
        {
            foreach (var cursor in cursors)
            {
                using var answer = await list.Client.RequestAsync($"GET {list.Path}?cursor={cursor}");
                if (!answer.IsSuccessStatusCode) await answer.RefusalAsync(422, "cursor");
            }
        }
    }

    [Fact]
    public async Task With_another_filter_a_cursor_is_the_same_place()
    {
        var customer = await api.CustomerAsync();
        var older = await customer.PublishAsync("a.c");
        var first = await customer.PublishAsync("a.b");
        await customer.PublishAsync("a.c");
        await customer.PublishAsync("a.b");
        var page = await customer.Admin.CallAsync(200, "GET /events?type=a.b&limit=1");
        var next = await customer.Admin.CallAsync(200, $"GET /events?type=a.b&limit=1&cursor={page.Text("next_cursor")}");
        Assert.Equal(first, Assert.Single(next.Data()).Text("id"));

        var other = await customer.Admin.CallAsync(200, $"GET /events?type=a.c&cursor={PageQuery.Encode(first[4..])}");

        Assert.Equal(older, Assert.Single(other.Data()).Text("id"));
    }

    private static Task<Growing> PostedAsync(HttpClient client, string path, Func<int, string> body, string key = "id")
    {
        var n = 0;
        return Task.FromResult(new Growing(
            client, path, key, async () => (await client.CallAsync(201, $"POST {path}", body(Interlocked.Increment(ref n)))).Text(key)));
    }

    /// <summary>Deliveries that fail at once: while they are walked, they move from the live ones to the finished ones.</summary>
    private static async Task<Growing> DeliveriesAsync(Customer customer)
    {
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}", "\"a.b\"");
        return new Growing(customer.Admin, "/deliveries", "id", async () =>
        {
            var made = await customer.Admin.CallAsync(200, $"GET /events/{await customer.PublishAsync()}");
            return made.GetProperty("deliveries")[0].Text("id");
        });
    }

    private static async Task<string> NewestAsync(Customer customer, string list) =>
        (await customer.Admin.CallAsync(200, $"GET {list}?limit=1")).Data()[0].Text("id");

    private async Task<string> BulkAsync(Customer customer)
    {
        var id = Ids.NewUuid(TimeProvider.System.GetUtcNow());
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, kind, status, statuses, until, position, bound, total, created_at, finished_at)
            VALUES ('{customer.Id}', '{id}', 'bulk_retry', 'completed', ARRAY['failed'], now(), '{id}', '{id}', 0, now(), now())
            """);
        return Ids.Format(Ids.Task, id);
    }

    /// <summary>A node that will be heard for an hour.</summary>
    private async Task<string> NodeAsync()
    {
        var name = $"elsewhere-{Guid.NewGuid():N}/1";
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"INSERT INTO dispatcher.node (name, roles, version, heartbeat_at) VALUES ('{name}', 'worker', '0', now() + interval '1 hour')");
        return name;
    }

    private async Task<Growing> TasksAsync(Customer customer)
    {
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id");
        return new Growing(customer.Admin, $"/integrations/{integration}/tasks", "id", async () =>
        {
            var id = Ids.NewUuid(TimeProvider.System.GetUtcNow());
            await new Records(api.Server.ConnectionString).ExecuteAsync(
                $"""
                INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, status, since, until, position, bound, total, created_at, finished_at)
                SELECT '{customer.Id}', '{id}', id, 'recover', 'completed', now(), now(), '{id}', '{id}', 0, now(), now()
                FROM dispatcher.integration WHERE organization_id = '{customer.Id}' AND 'int_' || replace(id::text, '-', '') = '{integration}'
                """);
            return Ids.Format(Ids.Task, id);
        });
    }
}
