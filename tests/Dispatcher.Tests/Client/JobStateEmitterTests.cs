// The emitter: what goes into a batch, in which order, what a caller waits for, and that nothing is doubled or dropped.

using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class JobStateEmitterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly JobStateEmitterOptions AtOnce = new() { Linger = TimeSpan.Zero };

    [Fact]
    public async Task An_emitted_event_is_reported_durable_once_the_server_has_taken_it()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client);
        var taken = server.Hold();

        var emission = await emitter.EnqueueAsync(Event(1));
        var request = await server.RequestAsync();
        Assert.False(emission.Durable.IsCompleted);
        taken.SetResult();

        Assert.Equal(new EventReceipt(emission.Id, 2), await emission.Durable.WaitAsync(Patience));
        Assert.Equal("POST /events/batch", $"{request.Method} {request.Path}");
        Assert.Equal($$"""[{"type":"job.e1","payload":{ "n": 1 },"id":"{{emission.Id}}"}]""", request.Body);
    }

    [Fact]
    public async Task Events_linger_for_company_and_then_go_together_in_order()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var stopped = new ProbeTime(timersFire: false);
        await using var emitter = new JobStateEmitter(client, new() { TimeProvider = stopped });

        await emitter.EnqueueAsync(Event(1));
        await stopped.Waiting;
        await emitter.EnqueueAsync(Event(2));
        await emitter.EnqueueAsync(Event(3));
        await emitter.FlushAsync();

        Assert.Equal(["job.e1", "job.e2", "job.e3"], (await server.RequestAsync()).Each("type"));
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task The_linger_ends_after_20_milliseconds_by_default()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var time = new ProbeTime(timersFire: true);
        await using var emitter = new JobStateEmitter(client, new() { TimeProvider = time });

        await emitter.EmitAsync(Event(1)).WaitAsync(Patience);

        Assert.Equal([TimeSpan.FromMilliseconds(20)], time.Waits);
    }

    [Fact]
    public async Task What_comes_in_while_a_batch_is_on_its_way_makes_the_next_batch()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, AtOnce);
        var first = server.Hold();

        await emitter.EnqueueAsync(Event(0));
        await server.RequestAsync();
        for (var i = 1; i <= 5; i++)
            await emitter.EnqueueAsync(Event(i));
        first.SetResult();

        Assert.Equal(["job.e1", "job.e2", "job.e3", "job.e4", "job.e5"], (await server.RequestAsync()).Each("type"));
    }

    [Fact]
    public async Task Many_producers_events_all_arrive_once_with_one_batch_on_its_way_at_a_time()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, new() { MaxBatchEvents = 100, Capacity = 50 });

        var receipts = await Task.WhenAll(Enumerable.Range(0, 2_000).Select(i => Task.Run(() => emitter.EmitAsync(Event(i)))));

        var sent = new List<string?>();
        while (sent.Count < 2_000)
            sent.AddRange((await server.RequestAsync()).Each("id"));
        Assert.Equal(receipts.Select(receipt => receipt.Id).Order(), sent.Order());
        Assert.Equal(2_000, sent.Distinct().Count());
        Assert.Equal(1, server.MostAtOnce);
    }

    [Fact]
    public async Task A_batch_has_1000_events_at_most()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, new() { TimeProvider = new ProbeTime(timersFire: false) });

        for (var i = 0; i < 1_001; i++)
            await emitter.EnqueueAsync(Event(i));
        await emitter.FlushAsync();

        Assert.Equal(1_000, (await server.RequestAsync()).Items().Count);
        Assert.Equal(["job.e1000"], (await server.RequestAsync()).Each("type"));
    }

    [Fact]
    public async Task A_batch_has_so_many_payload_bytes_at_most_and_a_larger_payload_goes_alone()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(
            client, new() { MaxBatchBytes = 100, TimeProvider = new ProbeTime(timersFire: false) });

        foreach (var bytes in new[] { 60, 40, 1, 500, 100 })
            await emitter.EnqueueAsync(new EventMessage($"b{bytes}", JsonPayload.FromText(new string('7', bytes))));
        await emitter.FlushAsync();

        Assert.Equal(["b60", "b40"], (await server.RequestAsync()).Each("type"));
        Assert.Equal(["b1"], (await server.RequestAsync()).Each("type"));
        Assert.Equal(["b500"], (await server.RequestAsync()).Each("type"));
        Assert.Equal(["b100"], (await server.RequestAsync()).Each("type"));
    }

    [Fact]
    public async Task A_batch_that_is_sent_again_carries_the_same_ids_and_the_same_key()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect(new ProbeTime(timersFire: true));
        await using var emitter = new JobStateEmitter(client);
        server.NextProblem(503, "Store unreachable", retryAfter: "2");

        var receipt = await emitter.EmitAsync(Event(1));

        var (first, second) = (await server.RequestAsync(), await server.RequestAsync());
        Assert.Equal([receipt.Id], first.Each("id"));
        Assert.Equal(first.Body, second.Body);
        Assert.Equal(first.IdempotencyKey, second.IdempotencyKey);
    }

    [Fact]
    public async Task A_callers_own_id_is_kept()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, AtOnce);

        var emission = await emitter.EnqueueAsync(Event(1) with { Id = "mine" });

        Assert.Equal("mine", emission.Id);
        Assert.Equal(["mine"], (await server.RequestAsync()).Each("id"));
    }

    [Fact]
    public async Task An_event_that_the_server_refuses_fails_alone()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, new() { TimeProvider = new ProbeTime(timersFire: false) });
        server.Next(202, """
            {"data":[{"id":"evt_1","deliveries":1},{"error":{"title":"Too large","status":413}},{"id":"evt_3","deliveries":1}]}
            """);

        var good = await emitter.EnqueueAsync(Event(1));
        var bad = await emitter.EnqueueAsync(Event(2));
        var last = await emitter.EnqueueAsync(Event(3));
        await emitter.FlushAsync();

        Assert.Equal("evt_1", (await good.Durable).Id);
        Assert.Equal("evt_3", (await last.Durable).Id);
        Assert.Equal(413, (await Assert.ThrowsAsync<DispatcherApiException>(() => bad.Durable)).Status);
    }

    [Fact]
    public async Task A_batch_that_is_refused_as_a_whole_fails_its_events_and_the_next_batch_goes_on()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, AtOnce);
        server.NextProblem(401, "Unknown key");

        Assert.Equal(401, (await Assert.ThrowsAsync<DispatcherApiException>(() => emitter.EmitAsync(Event(1)))).Status);

        var second = await emitter.EnqueueAsync(Event(2));
        Assert.Equal(second.Id, (await second.Durable.WaitAsync(Patience)).Id);
    }

    [Fact]
    public async Task Failures_are_told_to_those_who_do_not_look_at_the_task()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var told = new List<string>();
        await using var emitter = new JobStateEmitter(client, AtOnce with
        {
            OnFailed = (message, failure) => told.Add($"{message.Type}: {failure.Message}"),
        });
        server.NextProblem(403, "No");

        await emitter.EnqueueAsync(Event(1));
        await emitter.FlushAsync();

        Assert.Equal(["job.e1: 403 No"], told);
    }

    [Fact]
    public async Task A_full_queue_makes_the_caller_wait_until_there_is_room()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, AtOnce with { Capacity = 2, MaxBatchEvents = 1 });
        var first = server.Hold();

        await emitter.EnqueueAsync(Event(0));
        await server.RequestAsync();
        await emitter.EnqueueAsync(Event(1));
        await emitter.EnqueueAsync(Event(2));
        var waiting = emitter.EnqueueAsync(Event(3)).AsTask();
        Assert.False(waiting.IsCompleted);
        first.SetResult();

        var emission = await waiting.WaitAsync(Patience);
        Assert.Equal(emission.Id, (await emission.Durable.WaitAsync(Patience)).Id);
    }

    [Fact]
    public async Task A_caller_that_gives_up_waiting_for_room_leaves_nothing_behind()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client, AtOnce with { Capacity = 1, MaxBatchEvents = 1 });
        using var cancellation = new CancellationTokenSource();
        var first = server.Hold();

        await emitter.EnqueueAsync(Event(0));
        await server.RequestAsync();
        await emitter.EnqueueAsync(Event(1));
        var waiting = emitter.EnqueueAsync(Event(2), cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        first.SetResult();
        await emitter.FlushAsync();

        Assert.Equal(["job.e1"], (await server.RequestAsync()).Each("type"));
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task A_caller_that_gives_up_waiting_for_durability_does_not_stop_the_event()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        using var cancellation = new CancellationTokenSource();
        await using (var emitter = new JobStateEmitter(client, new() { TimeProvider = new ProbeTime(timersFire: false) }))
        {
            var emit = emitter.EmitAsync(Event(1), cancellation.Token);
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => emit);
        }

        Assert.Equal(["job.e1"], (await server.RequestAsync()).Each("type"));
    }

    [Fact]
    public async Task Disposing_sends_what_waits_and_then_nothing_is_taken_in()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var emitter = new JobStateEmitter(client, new() { MaxBatchEvents = 2, TimeProvider = new ProbeTime(timersFire: false) });
        var emissions = new List<Emission>();
        for (var i = 0; i < 5; i++)
            emissions.Add(await emitter.EnqueueAsync(Event(i)));

        await emitter.DisposeAsync();
        await emitter.DisposeAsync();

        Assert.All(emissions, emission => Assert.True(emission.Durable.IsCompletedSuccessfully));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => emitter.EmitAsync(Event(6)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => emitter.FlushAsync());
    }

    [Fact]
    public async Task Disposing_gives_up_on_a_server_that_hangs_and_tells_every_event()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var emitter = new JobStateEmitter(client, AtOnce with { MaxBatchEvents = 1, TimeProvider = new ProbeTime(timersFire: true) });
        server.Hold();
        var onItsWay = await emitter.EnqueueAsync(Event(0));
        await server.RequestAsync();
        var waiting = await emitter.EnqueueAsync(Event(1));

        await emitter.DisposeAsync().AsTask().WaitAsync(Patience);

        await Assert.ThrowsAsync<TimeoutException>(() => onItsWay.Durable);
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.Durable);
    }

    [Fact]
    public async Task Jobs_are_created_and_moved_at_once_and_not_in_a_batch()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        await using var emitter = new JobStateEmitter(client);
        server.Next(201, """{"id":"j","kind":"document_predict","status":"pending"}""");
        server.Next(200, """{"id":"j","kind":"document_predict","status":"processing"}""");

        await emitter.CreateAsync(new JobStart("document_predict") { Id = "j" });
        var job = await emitter.MoveAsync("j", new JobUpdate(JobStatus.Processing));

        Assert.Equal(JobStatus.Processing, job.Status);
        Assert.Equal(
            ["POST /jobs", "PATCH /jobs/j"],
            [Line(await server.RequestAsync()), Line(await server.RequestAsync())]);
    }

    [Fact]
    public void Options_out_of_their_range_are_refused()
    {
        using var http = new HttpClient { BaseAddress = new Uri("http://127.0.0.1:1") };
        using var client = new DispatcherClient(http);

        Assert.Throws<ArgumentOutOfRangeException>(() => new JobStateEmitter(client, new() { MaxBatchEvents = 1_001 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new JobStateEmitter(client, new() { Capacity = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new JobStateEmitter(client, new() { Linger = TimeSpan.FromHours(1) }));
    }

    private static EventMessage Event(int n) => new($"job.e{n}", JsonPayload.FromText($$"""{ "n": {{n}} }"""));

    private static string Line(PlayedRequest request) => $"{request.Method} {request.Path}";
}
