// The client's recover and replay against the documented wire.

using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class DispatcherClientRecoveryTests
{
    private static readonly DateTimeOffset Since = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_recovery_and_a_replay_are_asked_for_in_the_documented_shape()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(202, """
            {"id":"tsk_1","kind":"recover","integration_id":"int_1","since":"2026-01-01T00:00:00.000Z","until":"2026-01-02T00:00:00.000Z",
             "count":1000000,"counting":true,"done":0,"status":"queued","created_at":"2026-01-03T00:00:00.000Z","finished_at":null}
            """);
        server.Next(202, """{"id":"tsk_2","kind":"replay","integration_id":"int_1","count":3,"counting":false,"done":3,"status":"completed"}""");

        var recovery = await client.RecoverAsync("int_1", Since, Since.AddDays(1));
        var replay = await client.ReplayAsync("int_1", Since);

        var first = await server.RequestAsync();
        Assert.Equal("POST /integrations/int_1/recover", $"{first.Method} {first.Path}");
        Assert.Equal("""{"since":"2026-01-01T00:00:00+00:00","until":"2026-01-02T00:00:00+00:00"}""", first.Body);
        Assert.NotEmpty(first.IdempotencyKey);
        var second = await server.RequestAsync();
        Assert.Equal("POST /integrations/int_1/replay", $"{second.Method} {second.Path}");
        Assert.Equal("""{"since":"2026-01-01T00:00:00+00:00"}""", second.Body);
        Assert.Equal(
            new RecoveryTask("tsk_1", RecoveryKind.Recover, RecoveryStatus.Queued, 1_000_000, 0)
            {
                Counting = true,
                IntegrationId = "int_1",
                Since = Since,
                Until = Since.AddDays(1),
                CreatedAt = Since.AddDays(2),
            },
            recovery);
        Assert.Equal((RecoveryKind.Replay, RecoveryStatus.Completed, 3L, false), (replay.Kind, replay.Status, replay.Done, replay.Counting));
    }

    [Fact]
    public async Task Tasks_are_read_listed_and_cancelled()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        const string failed = """{"id":"tsk_1","kind":"replay","count":2,"counting":false,"done":1,"status":"failed","error":"A step failed."}""";
        server.Next(200, failed);
        server.Next(200, $$"""{"data":[{{failed}}],"next_cursor":"abc"}""");
        server.Next(200, """{"id":"tsk_2","kind":"replay","count":2,"counting":false,"done":1,"status":"cancelled"}""");

        var task = await client.GetTaskAsync("int_1", "tsk_1");
        var page = await client.ListTasksAsync("int_1", 1, "a+b");
        var cancelled = await client.CancelTaskAsync("int_1", "tsk_2");

        Assert.Equal(("A step failed.", RecoveryStatus.Failed), (task.Error, task.Status));
        Assert.Equal(("abc", task), (page.NextCursor, Assert.Single(page.Data)));
        Assert.Equal(RecoveryStatus.Cancelled, cancelled.Status);
        string[] calls = ["GET /integrations/int_1/tasks/tsk_1", "GET /integrations/int_1/tasks?limit=1&cursor=a%2Bb", "POST /integrations/int_1/tasks/tsk_2/cancel"];
        foreach (var call in calls)
        {
            var request = await server.RequestAsync();
            Assert.Equal((call, ""), ($"{request.Method} {request.Path}", request.Body));
        }
    }
}
