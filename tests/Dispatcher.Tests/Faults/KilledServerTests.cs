// kill -9 and SIGTERM in the middle of deliveries: nothing is lost, and only what was in flight comes twice.

using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

/// <summary>In process; <see cref="HangfireKilledServerTests"/> has the same done by the other host.</summary>
[Collection(ProcessTests.Name)]
public class KilledServerTests(ITestOutputHelper log)
{
    private const int MaxConcurrency = 32;

    protected virtual string Host => Hosts.InProcess;

    [Fact]
    public async Task A_kill_9_in_the_middle_of_5000_deliveries_loses_nothing_and_repeats_only_what_was_in_flight()
    {
        await using var postgres = await OwnPostgres.StartAsync();
        await KillInTheMiddleAsync(ServerProcess.Settings(postgres.ConnectionString), postgres.ConnectionString);
    }

    [Fact]
    public async Task A_kill_9_of_a_server_with_its_own_PostgreSQL_loses_nothing_either()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"dispatcher-faults-{Guid.NewGuid():N}");
        try
        {
            await KillInTheMiddleAsync(
                new Dictionary<string, string> { ["Dispatcher__DataDirectory"] = folder },
                $"Host={folder}/socket;Username=dispatcher;Database=dispatcher");
        }
        finally
        {
            Npgsql.NpgsqlConnection.ClearAllPools();
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_server_that_was_killed_with_its_own_PostgreSQL_has_its_rows_back_as_soon_as_it_starts_again()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"dispatcher-faults-{Guid.NewGuid():N}");
        var settings = new Dictionary<string, string> { ["Dispatcher__DataDirectory"] = folder, [Hosts.Setting] = Host };
        var records = new Records($"Host={folder}/socket;Username=dispatcher;Database=dispatcher");
        try
        {
            await using var receiver = await Receiver.StartAsync();
            var mend = new TaskCompletionSource();
            receiver.Answer = async (_, _, context) =>
            {
                await mend.Task.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                context.Response.StatusCode = 204;
            };
            var load = new Load(100);
            await using (var server = await ServerProcess.StartAsync(settings))
            {
                await server.RegisterAsync(receiver.Url);
                await load.PublishAsync(server.Client);
                await receiver.WaitForAsync(10);
                // Of another machine, as far as its name tells: that one may live, and is waited for.
                await records.ExecuteAsync("INSERT INTO dispatcher.node (name, roles, version) VALUES ('elsewhere/4194304', 'worker', '0')");
                await server.KillAsync();
            }

            mend.SetResult();
            await using var next = await ServerProcess.StartAsync(settings);
            Assert.Equal(
                new[] { $"{Environment.MachineName}/{next.Id}", "elsewhere/4194304" }.Order(StringComparer.Ordinal),
                await records.ScalarAsync<string[]>("SELECT array_agg(name ORDER BY name COLLATE \"C\") FROM dispatcher.node"));
            await records.AllSucceededAsync(load.Count);
        }
        finally
        {
            Npgsql.NpgsqlConnection.ClearAllPools();
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_SIGTERM_in_the_middle_of_a_load_finishes_what_is_in_flight_so_that_nothing_is_lost_or_repeated()
    {
        await using var postgres = await OwnPostgres.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) => AnswerAfterAsync(context, TimeSpan.FromMilliseconds(100));
        var load = new Load(2000);
        await using (var server = await ServerProcess.StartAsync(postgres.ConnectionString, (Hosts.Setting, Host)))
        {
            await server.RegisterAsync(receiver.Url);
            var publishing = load.PublishAsync(server.Client);
            await receiver.WaitForAsync(500);
            var began = TimeProvider.System.GetTimestamp();
            await server.TerminateAsync();
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10), server.Output);
            await publishing;
        }

        Assert.InRange(receiver.All.Count, 500, load.Count - 1);
        var records = new Records(postgres.ConnectionString);
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.node"));
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE owner IS NOT NULL"));
        await using var next = await ServerProcess.StartAsync(postgres.ConnectionString, (Hosts.Setting, Host));
        await load.PublishAsync(next.Client);

        var posts = await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(20));
        await records.AllSucceededAsync(load.Count);
        Assert.Equal(load.Count, posts.Count);
        Assert.Equal(load.Count, receiver.All.Count);
    }

    private async Task KillInTheMiddleAsync(Dictionary<string, string> settings, string connectionString)
    {
        settings["Dispatcher__Delivery__MaxConcurrency"] = $"{MaxConcurrency}";
        settings[Hosts.Setting] = Host;
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) => AnswerAfterAsync(context, TimeSpan.FromMilliseconds(20));
        var load = new Load(5000);
        var server = await ServerProcess.StartAsync(settings);
        await using (server)
        {
            await server.RegisterAsync(receiver.Url);
            // Still publishing when the server dies: what was not answered is published again, as any provider would.
            var publishing = load.PublishAsync(server.Client);
            await receiver.WaitForAsync(1500);
            await server.KillAsync();
            await publishing;
            Assert.InRange(receiver.All.Count, 1500, load.Count - 1);

            var before = receiver.All.Select(p => p.Id).ToHashSet();
            // The database has outlived its server, its own one too.
            var unrecorded = (await new Records(connectionString).UnrecordedAsync()).ToHashSet();
            await using var next = await ServerProcess.StartAsync(settings);
            await load.PublishAsync(next.Client);

            var posts = await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(40));
            var records = new Records(connectionString);
            await records.AllSucceededAsync(load.Count);
            var repeated = posts.GroupBy(p => p.Id).Where(g => g.Count() > 1).Select(g => g.Key).ToHashSet();
            log.WriteLine($"{before.Count} arrived before the kill, {repeated.Count} arrived twice");
            // In flight is what was sent and not yet recorded: the POSTs under way, and those whose record the disk was just taking.
            before.IntersectWith(unrecorded);
            Assert.Subset(before, repeated);
            Assert.InRange(repeated.Count, 0, 4 * MaxConcurrency);
            await next.TerminateAsync();
        }
    }

    private static async Task AnswerAfterAsync(Microsoft.AspNetCore.Http.HttpContext context, TimeSpan wait)
    {
        await Task.Delay(wait);
        context.Response.StatusCode = 204;
    }
}

[Collection(ProcessTests.Name)]
public sealed class HangfireKilledServerTests : KilledServerTests
{
    public HangfireKilledServerTests(ITestOutputHelper log) : base(log) => Hosts.RequireHangfire();

    protected override string Host => Hosts.Hangfire;
}
