// Garbage at every endpoint: never a server error, never a word of the server's inside, and nothing stored by halves.

using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Pages;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Fuzz;

public sealed partial class FuzzTests(PostgresFixture postgres)
{
    /// <summary>Requests for each endpoint, at the usual effort (see <see cref="Chance"/>).</summary>
    private const int RequestsEach = 60;

    /// <summary>What would be of the server's inside. None of it is in the garbage.</summary>
    private static readonly string[] Inside = ["Exception", "   at ", ".cs:line", "StackTrace", "Npgsql", "Microsoft.", "System.", "SqlState", "violates"];

    [Fact]
    public async Task Whatever_is_sent_to_an_endpoint_is_answered_properly_and_leaves_nothing_by_halves()
    {
        // Without workers: nothing is sent to whatever the targets say, and what was accepted stays where it can be counted.
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Roles"] = "api", ["Serilog:MinimumLevel:Default"] = "Error" });
        // Pages answer everybody here with the way to the sign-in.
        var endpoints = server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<NeedsSession>() is null).ToArray();
        var worlds = new FuzzWorld[endpoints.Length];
        for (var i = 0; i < worlds.Length; i++) worlds[i] = await FuzzWorld.MakeAsync(server, i);
        var before = await Census.TakeAsync(server.ConnectionString, Census.Tables);
        var (ledger, faults, statuses) = (new Ledger(), new ConcurrentQueue<string>(), new ConcurrentDictionary<int, int>());

        await Parallel.ForEachAsync(Enumerable.Range(0, endpoints.Length), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, ct) =>
        {
            var maker = new RequestMaker(new Garbage(new Random(SeedOf(endpoints[i]))), worlds[i], i);
            for (var n = 0; n < RequestsEach * Chance.Effort; n++)
            {
                var request = maker.Make(endpoints[i]);
                var (status, fault) = await SendAsync(worlds[i], request, endpoints[i], ledger, ct);
                statuses.AddOrUpdate(status, 1, (_, count) => count + 1);
                if (fault is not null) faults.Enqueue($"{status} {fault}\n    after {request}");
            }
        });

        TestContext.Current.TestOutputHelper?.WriteLine($"{Chance.Replay}; {string.Join(", ", statuses.OrderBy(s => s.Key).Select(s => $"{s.Value} x {s.Key}"))}");
        Assert.True(faults.IsEmpty, $"{Chance.Replay}; {faults.Count} faults:\n{string.Join('\n', faults.OrderDescending(StringComparer.Ordinal).Take(20))}");
        await AssertWholeAsync(server, before, ledger);
        await AssertReadableAsync(server, before, ledger, worlds);
        // The garbage is worth something only where enough of it is nearly right.
        Assert.True(statuses.GetValueOrDefault(422) > statuses.Values.Sum() / 20 && statuses.Where(s => s.Key < 300).Sum(s => s.Value) > statuses.Values.Sum() / 10);
        Assert.All(["organization", "project", "api_key", "integration", "event_type", "job", "task", "event"], table => Assert.True(ledger.Made(table) > 1, table));
    }

    /// <summary>Of an endpoint's own, so that what it is sent does not change when others come and go.</summary>
    private static int SeedOf(RouteEndpoint endpoint) =>
        $"{endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0]} {endpoint.RoutePattern.RawText}".Aggregate((int)Chance.Seed, (seed, c) => unchecked((seed * 31) + c));

    /// <summary>Sends a request; says what is wrong with the answer, if anything is.</summary>
    private static async Task<(int Status, string? Fault)> SendAsync(
        FuzzWorld world, FuzzRequest request, RouteEndpoint endpoint, Ledger ledger, CancellationToken ct)
    {
        var client = world.Clients[request.Role];
        var url = new Uri(client.BaseAddress!.GetLeftPart(UriPartial.Authority) + request.Path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), url);
        if (request.Body is not null) message.Content = new ByteArrayContent(request.Body);
        if (request.ContentType is not null) message.Content!.Headers.TryAddWithoutValidation("Content-Type", request.ContentType);
        foreach (var (name, value) in request.Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, value)) message.Content?.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await client.SendAsync(message, ct);
        var (status, text) = ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(ct));
        try
        {
            if (FaultOf(request, answer, text) is { } fault) return (status, $"{fault}: {text}");
            if (answer.IsSuccessStatusCode && ReachedPath(request, endpoint))
                ledger.Note(request, endpoint.RoutePattern.RawText!.Trim('/'), status, text);
            return (status, null);
        }
        catch (Exception e) when (e is JsonException or Xunit.Sdk.XunitException or KeyNotFoundException)
        {
            return (status, $"{e.Message} {text}");
        }
    }

    private static string? FaultOf(FuzzRequest request, HttpResponseMessage answer, string text)
    {
        var status = (int)answer.StatusCode;
        if (status >= 500) return "a server error";
        // Of refusals: metrics name what there is inside.
        if (status >= 400 && Array.Find(Inside, word => text.Contains(word, StringComparison.Ordinal)) is { } word) return $"tells of the inside: {word}";
        // To a page, or to where one signs in, and nowhere else.
        if (status == 302 && answer.Headers.Location is { IsAbsoluteUri: false } to && FacePath().IsMatch(to.OriginalString)) return null;
        if (status < 400) return status < 300 ? null : "neither a success nor a refusal";
        // What is no HTTP, or too large for a request line or a head, the web server refuses before there is a request: it has no body.
        if (status is 400 or 414 or 431 && text.Length == 0 && answer.Headers.ConnectionClose == true && IsNoRequest(request)) return null;
        // The portal and the dashboard say it in a page.
        if (FacePath().IsMatch(request.Path) && answer.Content.Headers.ContentType?.MediaType == "text/html") return null;
        if (answer.Content.Headers.ContentType?.MediaType != "application/problem+json") return "no problem details";
        if (request.Method != "HEAD") Http.AssertProblem(JsonElement.Parse(text), status);
        return null;
    }

    [GeneratedRegex(@"^/+(v1/+)?(portal|dashboard)(/|\?|$)", RegexOptions.IgnoreCase)]
    private static partial Regex FacePath();

    private static bool IsNoRequest(FuzzRequest request) => request.Path.Length > 8000 || request.Headers.Exists(h => h.Value.Length > 8000);

    /// <summary>Whether this endpoint's path was answered, by whatever method: garbage in it may well make it another's.</summary>
    private static bool ReachedPath(FuzzRequest request, RouteEndpoint endpoint) =>
        request.Path.Split('?')[0].Trim('/').Split('/').Count(s => s is not "v1") == endpoint.RoutePattern.RawText!.Trim('/').Split('/').Length;

    /// <summary>In every table there is what was there before and what was answered with success, and all of it belongs together.</summary>
    private static async Task AssertWholeAsync(TestServer server, Dictionary<string, HashSet<string>> before, Ledger ledger)
    {
        var after = await Census.TakeAsync(server.ConnectionString, Census.Tables);
        var emitted = (await Census.TakeAsync(server.ConnectionString, Census.Emitted))["event"];
        foreach (var (table, rows) in after)
        {
            var expected = ledger.Expected(table, before[table]).ToHashSet();
            if (table == "event") expected.UnionWith(emitted);
            Assert.True(rows.SetEquals(expected), $"{Chance.Replay}; {table}: not answered {List(rows.Except(expected))}; not there {List(expected.Except(rows))}");
        }

        foreach (var (what, rows) in await Census.TakeAsync(server.ConnectionString, Census.Broken))
            Assert.True(rows.Count == 0, $"{Chance.Replay}; {what}: {List(rows)}");

        var deliveries = await Census.DeliveriesAsync(server.ConnectionString);
        Assert.All(ledger.Deliveries, e => Assert.Equal(e.Value, deliveries.GetValueOrDefault(e.Key)));

        static string List(IEnumerable<string> rows) => $"[{string.Join(", ", rows.Take(10))}]";
    }

    /// <summary>Everything that was answered with success can be read, alone and in lists.</summary>
    private static async Task AssertReadableAsync(TestServer server, Dictionary<string, HashSet<string>> before, Ledger ledger, FuzzWorld[] worlds)
    {
        foreach (var (table, path) in new[] { ("integration", "integrations"), ("event", "events"), ("job", "jobs") })
        {
            foreach (var row in ledger.Expected(table, before[table]))
            {
                var (organization, id) = (row.Split('/')[0], row.Split('/')[1]);
                await server.Client.CallAsync(200, $"GET /{path}/{id}?organization={organization}");
            }
        }

        foreach (var organization in worlds.Select(w => w.Organization).Append("default"))
        {
            foreach (var list in new[] { "integrations", "events", "deliveries", "projects", "api-keys", "event-types", "organizations" })
            {
                string? cursor = null;
                do
                {
                    var page = await server.Client.CallAsync(200, $"GET /{list}?organization={organization}&limit=250{(cursor is null ? "" : "&cursor=" + cursor)}");
                    cursor = page.GetProperty("next_cursor").GetString();
                }
                while (cursor is not null);
            }
        }
    }
}
