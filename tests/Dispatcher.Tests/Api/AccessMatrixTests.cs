// Section 2 of the contract as a table: every endpoint of the server with every caller. An endpoint without a row fails a test.

using System.Text.RegularExpressions;
using Dispatcher.Pages;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Api;

public sealed partial class AccessMatrixTests(MatrixWorld world) : IClassFixture<MatrixWorld>
{
    // Whom each cell is about. What is asked for belongs to project "p" of the organization "acme".
    //
    //      no key, an unknown, an expired and a revoked one
    //      |     operator
    //      |     |     admin, member and emitter of acme
    //      |     |     |             those of its project p
    //      |     |     |             |             those of its project q
    //      |     |     |             |             |             those of another organization
    private const string Anybody =
           "200 | 200 | 200 200 200 | 200 200 200 | 200 200 200 | 200 200 200";
    private const string OperatorsRead =
           "401 | 200 | 403 403 403 | 403 403 403 | 403 403 403 | 403 403 403";
    private const string OperatorsMake =
           "401 | 201 | 403 403 403 | 403 403 403 | 403 403 403 | 403 403 403";
    private const string OperatorsDelete =
           "401 | 204 | 403 403 403 | 403 403 403 | 403 403 403 | 403 403 403";
    private const string ReadersOfTheirs =
           "401 | 200 | 200 200 403 | 200 200 403 | 200 200 403 | 200 200 403";
    private const string ReadersOfIt =
           "401 | 200 | 200 200 403 | 200 200 403 | 404 404 403 | 404 404 403";
    private const string AdminsOfTheirs =
           "401 | 200 | 200 403 403 | 200 403 403 | 200 403 403 | 200 403 403";
    private const string AdminsOfIt =
           "401 | 200 | 200 403 403 | 200 403 403 | 404 403 403 | 404 403 403";
    private const string AdminsStart =
           "401 | 202 | 202 403 403 | 202 403 403 | 404 403 403 | 404 403 403";
    private const string AdminsDelete =
           "401 | 204 | 204 403 403 | 204 403 403 | 404 403 403 | 404 403 403";
    private const string AdminsMake =
           "401 | 201 | 201 403 403 | 201 403 403 | 403 403 403 | 201 403 403";
    private const string EmittersMake =
           "401 | 201 | 201 403 201 | 201 403 201 | 403 403 403 | 201 403 201";
    private const string EmittersPublish =
           "401 | 202 | 202 403 202 | 202 403 202 | 403 403 403 | 202 403 202";
    // A batch is taken, and says of each item what became of it.
    private const string EmittersSendBatches =
           "401 | 202 | 202 403 202 | 202 403 202 | 202 403 202 | 202 403 202";

    private const string Integration = """{"type":"webhook","events":["job.created"],"target":"https://example.com/","project":"p"}""";
    private const string Span = """{"since":"2024-01-01T00:00:00Z"}""";

    private static readonly Dictionary<string, (string Statuses, string? Body)> Table = new()
    {
        ["GET /health/live"] = (Anybody, null),
        ["GET /health/ready"] = (Anybody, null),
        ["GET /openapi/{documentName}.json"] = (Anybody, null),
        ["GET /metrics"] = (Anybody, null),

        ["POST /organizations"] = (OperatorsMake, "{}"),
        ["GET /organizations"] = (OperatorsRead, null),
        ["GET /organizations/{id}"] = (OperatorsRead, null),
        ["PATCH /organizations/{id}"] = (OperatorsRead, """{"name":"Changed"}"""),
        ["DELETE /organizations/{id}"] = (OperatorsDelete, null),

        ["POST /projects"] = ("401 | 201 | 201 403 403 | 403 403 403 | 403 403 403 | 201 403 403", "{}"),
        ["GET /projects"] = (ReadersOfTheirs, null),
        ["GET /projects/{id}"] = ("401 | 200 | 200 200 403 | 404 404 403 | 404 404 403 | 404 404 403", null),
        ["DELETE /projects/{id}"] = ("401 | 204 | 204 403 403 | 403 403 403 | 403 403 403 | 404 403 403", null),

        ["POST /api-keys"] = (AdminsMake, """{"role":"member","project":"p"}"""),
        ["GET /api-keys"] = (AdminsOfTheirs, null),
        ["GET /api-keys/{id}"] = (AdminsOfIt, null),
        ["DELETE /api-keys/{id}"] = (AdminsDelete, null),

        ["POST /webhook"] = ("401 | 200 | 200 200 403 | 200 200 403 | 403 403 403 | 200 200 403", """{"project":"p"}"""),
        ["GET /portal-sessions"] = (AdminsOfTheirs, null),
        ["DELETE /portal-sessions/{id}"] = (AdminsDelete, null),

        ["GET /audit"] = (AdminsOfTheirs, null),
        ["GET /audit/{id}"] = (AdminsOfIt, null),

        ["POST /integrations"] = (AdminsMake, Integration),
        ["GET /integrations"] = (ReadersOfTheirs, null),
        ["GET /integrations/{id}"] = (ReadersOfIt, null),
        ["PUT /integrations/{id}"] = (AdminsOfIt, Integration),
        ["PATCH /integrations/{id}"] = (AdminsOfIt, """{"name":"Changed"}"""),
        ["DELETE /integrations/{id}"] = (AdminsDelete, null),
        ["GET /integrations/{id}/secret"] = (AdminsOfIt, null),
        ["POST /integrations/{id}/secret/rotate"] = (AdminsOfIt, """{"grace_seconds":0}"""),
        ["POST /integrations/{id}/test"] = (AdminsStart, """{"event":"job.created"}"""),
        ["GET /integrations/{id}/stats"] = (ReadersOfIt, null),
        ["POST /integrations/{id}/recover"] = (AdminsStart, Span),
        ["POST /integrations/{id}/replay"] = (AdminsStart, Span),
        ["GET /integrations/{id}/tasks"] = (ReadersOfIt, null),
        ["GET /integrations/{id}/tasks/{task}"] = (ReadersOfIt, null),
        ["POST /integrations/{id}/tasks/{task}/cancel"] = (AdminsOfIt, null),

        // Operators read the whole server's, others their own.
        ["GET /stats"] = (ReadersOfTheirs, null),
        ["GET /stats/integrations"] = (OperatorsRead, null),
        ["GET /server/deliveries"] = (OperatorsRead, null),
        ["GET /nodes"] = (OperatorsRead, null),
        ["GET /settings"] = (OperatorsRead, null),

        ["POST /events"] = (EmittersPublish, """{"type":"a.b","payload":{},"project":"p"}"""),
        ["POST /events/batch"] = (EmittersSendBatches, """[{"type":"a.b","payload":{},"project":"p"}]"""),
        ["GET /events"] = (ReadersOfTheirs, null),
        ["GET /events/{id}"] = (ReadersOfIt, null),

        // One catalogue for all.
        ["GET /event-types"] = (ReadersOfTheirs, null),
        ["GET /event-types/{name}"] = (ReadersOfTheirs, null),
        ["POST /event-types"] = (OperatorsMake, """{"name":"made.by_the_matrix"}"""),
        ["PUT /event-types/{name}"] = (OperatorsRead, "{}"),
        ["DELETE /event-types/{name}"] = (OperatorsDelete, null),

        ["POST /jobs"] = (EmittersMake, """{"kind":"parse","project":"p"}"""),
        ["PATCH /jobs/{id}"] = ("401 | 200 | 200 403 200 | 200 403 200 | 404 403 404 | 404 403 404", """{"status":"processing"}"""),
        ["POST /jobs/batch"] = (EmittersSendBatches, """[{"kind":"parse","project":"p"}]"""),
        ["GET /jobs/{id}"] = (ReadersOfIt, null),
        ["GET /job/{job_id}"] = (ReadersOfIt, null),

        ["GET /deliveries"] = (ReadersOfTheirs, null),
        ["GET /deliveries/{id}"] = (ReadersOfIt, null),
        ["POST /deliveries/{id}/retry"] = (AdminsStart, null),
        ["POST /deliveries/{id}/cancel"] = (AdminsOfIt, null),

        ["POST /deliveries/bulk"] = ("401 | 202 | 202 403 403 | 202 403 403 | 202 403 403 | 202 403 403", """{"action":"retry","filter":{}}"""),
        ["GET /deliveries/bulk"] = (ReadersOfTheirs, null),
        ["GET /deliveries/bulk/count"] = (ReadersOfTheirs, null),
        ["GET /deliveries/bulk/{task}"] = (ReadersOfIt, null),
        ["POST /deliveries/bulk/{task}/cancel"] = (AdminsOfIt, null),
    };

    public static TheoryData<string> Endpoints => [.. Table.Keys];

    [Fact]
    public void Every_endpoint_of_the_server_has_a_row()
    {
        // Pages take cookies, and no keys.
        var mapped = world.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<OfFace>() is null)
            .Select(e => $"{e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]} /{e.RoutePattern.RawText!.Trim('/')}");

        Assert.Equal(Table.Keys.Order(StringComparer.Ordinal), mapped.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task Each_caller_gets_what_its_cell_says(string endpoint)
    {
        var (statuses, body) = Table[endpoint];
        var wrong = new List<string>();
        string? path = null;
        foreach (var (caller, expected) in world.Callers.Zip(CellsOf(statuses)))
        {
            path ??= await world.PathAsync(endpoint);
            using var answer = await caller.Client.RequestAsync(caller.IsOperator ? $"{path}?organization={MatrixWorld.Acme}" : path, body);
            if ((int)answer.StatusCode != expected) wrong.Add($"{caller.Name}: expected {expected}, got {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
            else if (expected >= 400) await answer.RefusalAsync(expected);
            // What a call may have changed or ended is made anew for the next caller.
            if (!path.StartsWith("GET", StringComparison.Ordinal) && answer.IsSuccessStatusCode) path = null;
        }

        Assert.True(wrong.Count == 0, $"{endpoint}\n{string.Join("\n", wrong)}");
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task A_tenants_key_that_names_another_organization_is_404(string endpoint)
    {
        var (statuses, body) = Table[endpoint];
        if (statuses == Anybody) return;
        var path = await world.PathAsync(endpoint);
        foreach (var (caller, cell) in world.Callers.Zip(CellsOf(statuses)).Where(c => c.First.IsOfAcme))
        {
            using var answer = await caller.Client.RequestAsync($"{path}?organization={MatrixWorld.Other}", body);
            await answer.RefusalAsync(cell == 403 ? 403 : 404);
        }
    }

    /// <summary>A status per caller: the first cell stands for all that have no key that works.</summary>
    private static List<int> CellsOf(string statuses)
    {
        var cells = Numbers().Matches(statuses).Select(m => int.Parse(m.Value, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        return [.. Enumerable.Repeat(cells[0], MatrixWorld.WithoutKey), .. cells.Skip(1)];
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Numbers();
}
