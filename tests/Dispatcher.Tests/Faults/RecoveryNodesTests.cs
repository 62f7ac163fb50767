// kill -9 of the node that works a task off: another goes on where it was, and nothing is done twice.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Recoveries;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class RecoveryNodesTests(PostgresFixture postgres)
{
    private const int Count = 3500;

    [Theory]
    [InlineData("recover")]
    [InlineData("replay")]
    public async Task A_node_that_is_killed_in_the_middle_of_a_task_leaves_it_to_another_that_does_each_row_once(string kind)
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await Receiver.StartAsync();
        await using var victim = await ServerProcess.StartAsync(database);
        var integration = await victim.RegisterAsync(receiver.Url);
        var stock = new Stock(database, integration);
        await (kind == "recover" ? stock.AddExhaustedAsync(Count) : stock.AddEventsAsync(Count));

        // The third step stops at a row that somebody else has locked.
        await using var source = NpgsqlDataSource.Create(database);
        await using var blocker = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var hold = await blocker.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await HoldUpAsync(kind, stock, blocker);
        var task = await Stock.AskAsync(victim.Client, kind, integration);
        Assert.Equal(Count, Stock.CountOf(task));
        await Eventually.TrueAsync(async () => Stock.DoneOf(await Stock.ReadAsync(victim.Client, task)) == 2000, "two steps are done");
        await Eventually.TrueAsync(async () => await stock.ScalarAsync<long>(Waiting) == 1, "the third step is under way");
        // What is sent and not recorded yet would come twice, as after any kill.
        await Eventually.TrueAsync(async () => await stock.CountAsync("live") == 0, "what the first two steps brought is delivered");
        await using var survivor = await ServerProcess.StartAsync(database);
        await victim.KillAsync();
        var left = await Stock.ReadAsync(survivor.Client, task);
        await hold.RollbackAsync(TestContext.Current.CancellationToken);

        var ended = await Stock.TaskAsync(survivor.Client, task, "completed");
        Assert.Equal(("running", 2000), (left.Text("status"), Stock.DoneOf(left)));
        Assert.Equal((Count, Count), (Stock.CountOf(ended), Stock.DoneOf(ended)));
        await stock.AllSucceededAsync(Count, TimeSpan.FromSeconds(60));
        Assert.Equal(0, await stock.CountAsync("exhausted"));
        Assert.Equal(Count, receiver.All.Count);
        await survivor.TerminateAsync();
    }

    private const string Waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";

    private static async Task HoldUpAsync(string kind, Stock stock, NpgsqlConnection blocker)
    {
        var table = kind == "recover" ? "delivery" : "event";
        var key = await stock.ScalarAsync<Guid>($"SELECT id FROM dispatcher.{table} ORDER BY id OFFSET 2500 LIMIT 1");
        var sql = $"SELECT FROM dispatcher.delivery WHERE id = '{key}' FOR UPDATE";
        if (kind == "replay")
        {
            // Events are only read: a trigger has the delivery that is made of this one wait.
            sql = "SELECT pg_advisory_xact_lock(4711)";
            await stock.ExecuteAsync(
                $"""
                CREATE FUNCTION dispatcher.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;
                CREATE TRIGGER hold_up BEFORE INSERT ON dispatcher.queue FOR EACH ROW WHEN (NEW.event_id = '{key}') EXECUTE FUNCTION dispatcher.hold_up()
                """);
        }

        await using var command = new NpgsqlCommand(sql, blocker);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
