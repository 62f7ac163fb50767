// The Hangfire host: bundles are jobs of Hangfire's workers, and what goes wrong with a job costs no delivery.

using System.Net;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Tests.Hangfire;

public sealed class HangfireHostTests
{
    private readonly PostgresFixture _postgres;

    public HangfireHostTests(PostgresFixture postgres)
    {
        Hosts.RequireHangfire();
        _postgres = postgres;
    }

    [Fact]
    public async Task A_delivery_is_the_bundle_of_a_job_that_a_worker_has_run()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);

        await server.PublishAsync("a.b");

        await receiver.WaitForAsync(1);
        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(HangfireServer.SucceededJobs) == 1, "the job has succeeded");
        var delivery = (await server.GetAsync("/deliveries")).GetProperty("data")[0].GetProperty("id").GetString()!;
        Assert.Contains(delivery, await records.ScalarAsync<string>("SELECT arguments::text FROM hangfire.job"), StringComparison.Ordinal);
        Assert.Contains("1 delivery: 1 attempted", await records.ScalarAsync<string>(
            "SELECT s.data::text FROM hangfire.job j JOIN hangfire.state s ON s.id = j.stateid"), StringComparison.Ordinal);
        // A bundle's job is kept for minutes, whatever the retention of its deliveries.
        Assert.True(await records.ScalarAsync<bool>("SELECT expireat < now() + interval '1 hour' FROM hangfire.job"));
    }

    [Fact]
    public async Task A_thousand_deliveries_are_few_jobs()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);

        await HangfireServer.PublishAsync(server, 1000);

        await receiver.WaitForAsync(1000);
        var records = new Records(server.ConnectionString);
        await records.AllSucceededAsync(1000);
        Assert.InRange(await records.ScalarAsync<long>("SELECT count(*) FROM hangfire.job"), 2, 50);
        Assert.Equal(1000, receiver.All.Count);
    }

    [Fact]
    public async Task A_job_that_is_run_again_sends_nothing()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");
        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(HangfireServer.SucceededJobs) == 1, "the job has succeeded");
        var job = await records.ScalarAsync<long>("SELECT id FROM hangfire.job");

        using var again = await server.Client.PostAsync($"/hangfire/jobs/actions/requeue/{job}", null);

        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(
            "SELECT count(*) FROM hangfire.state WHERE name = 'Succeeded' AND data::text LIKE '%Sent nothing%'") == 1, "the job has run again");
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task Deliveries_whose_job_was_lost_are_sent_all_the_same()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        var records = new Records(server.ConnectionString);
        // As if somebody had deleted the first job before a worker came for it.
        await records.ExecuteAsync(
            """
            CREATE TABLE public.lost (n integer);
            CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT FROM public.lost) THEN RETURN NEW; END IF;
                INSERT INTO public.lost VALUES (1);
                RETURN NULL;
            END $$;
            CREATE TRIGGER lose BEFORE INSERT ON hangfire.jobqueue FOR EACH ROW EXECUTE FUNCTION public.lose();
            """);

        await server.PublishAsync("a.b");

        await receiver.WaitForAsync(1, TimeSpan.FromSeconds(30));
        Assert.Equal(1, await records.ScalarAsync<long>("SELECT count(*) FROM public.lost"));
        await records.AllSucceededAsync(1);
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task Targets_that_hang_hold_up_no_bundle_however_few_workers_there_are()
    {
        await using var server = await HangfireServer.StartAsync(_postgres, new() { ["Dispatcher:Hangfire:Workers"] = "2" });
        await using var hanging = await Receiver.StartAsync();
        await using var healthy = await Receiver.StartAsync();
        hanging.Answer = (_, _, context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        await server.RegisterAsync(hanging.Url, new { timeout_seconds = 60 }, "slow.one");
        await server.RegisterAsync(healthy.Url, null, "fast.one");
        var records = new Records(server.ConnectionString);
        for (var n = 1; n <= 6; n++)
        {
            // Each in a bundle of its own: there are more that hang than there are workers.
            await server.PublishAsync("slow.one");
            await hanging.WaitForAsync(n);
        }

        Assert.InRange(await records.ScalarAsync<long>("SELECT count(*) FROM hangfire.job WHERE statename = 'Processing'"), 1, 2);
        for (var n = 1; n <= 3; n++)
        {
            await server.PublishAsync("fast.one");
            await healthy.WaitForAsync(n, TimeSpan.FromSeconds(8));
        }

        Assert.Equal(6, hanging.All.Count);
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.delivery WHERE status = 'succeeded'") == 3, "the others have succeeded");
    }

    [Fact]
    public async Task The_queue_of_a_node_that_has_gone_is_cleared_and_its_jobs_say_why()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");
        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(HangfireServer.SucceededJobs) == 1, "the job has succeeded");
        await records.ExecuteAsync(
            """
            WITH left_behind AS (
                INSERT INTO hangfire.job (statename, invocationdata, arguments, createdat)
                SELECT 'Enqueued', invocationdata, arguments, now() FROM hangfire.job RETURNING id
            )
            INSERT INTO hangfire.jobqueue (jobid, queue) SELECT id, 'node-999999' FROM left_behind
            """);

        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM hangfire.jobqueue") == 0, "the queue is empty", TimeSpan.FromSeconds(40));
        Assert.Equal("Its node has gone: others deliver what \"node-999999\" had", await records.ScalarAsync<string>(
            "SELECT s.reason FROM hangfire.job j JOIN hangfire.state s ON s.id = j.stateid WHERE j.statename = 'Deleted'"));
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task A_server_that_stops_gives_back_what_no_worker_has_begun_and_leaves_no_server_behind()
    {
        var database = await _postgres.CreateDatabaseAsync();
        var records = new Records(database);
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, _, context) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        };
        await using (var server = await HangfireServer.StartAsync(_postgres, connectionString: database))
        {
            await server.RegisterAsync(receiver.Url, new { max_concurrency = 4 });
            await HangfireServer.PublishAsync(server, 1000);
            await receiver.WaitForAsync(20);
        }

        var sent = receiver.All.Count;
        Assert.InRange(sent, 20, 999);
        Assert.Equal(1000 - sent, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE owner IS NULL"));
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM hangfire.server"));
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM hangfire.job WHERE statename IN ('Failed', 'Processing')"));
    }
}
