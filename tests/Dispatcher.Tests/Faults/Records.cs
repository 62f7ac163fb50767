// What the database says about deliveries, asked directly: the server that would tell may be dead.

using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Faults;

internal sealed class Records(string connectionString)
{
    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task<int> ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Events whose delivery has not been recorded as finished, as their receivers know them.</summary>
    public Task<string[]> UnrecordedAsync() =>
        ScalarAsync<string[]>("SELECT coalesce(array_agg('evt_' || replace(event_id::text, '-', '')), '{}') FROM dispatcher.queue");

    /// <summary>When each delivery was sent, as far as that is recorded. A receiver on a busy machine sees what was evenly sent in heaps.</summary>
    public Task<DateTime[]> SentAsync() =>
        ScalarAsync<DateTime[]>("SELECT coalesce(array_agg(last_started_at), '{}') FROM dispatcher.delivery WHERE last_started_at IS NOT NULL");

    /// <summary>Waits until so many deliveries have succeeded, each with its last attempt in the record, and none is left.</summary>
    public async Task AllSucceededAsync(int count)
    {
        await Eventually.TrueAsync(async () => await ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue") == 0, "the queue is empty");
        Assert.Equal(count, await ScalarAsync<long>("SELECT count(*) FROM dispatcher.delivery"));
        Assert.Equal(count, await ScalarAsync<long>(
            """
            SELECT count(*) FROM dispatcher.delivery
            WHERE status = 'succeeded' AND attempts >= 1 AND last_outcome = 'succeeded' AND last_status_code = 204
              AND last_started_at IS NOT NULL AND last_signature IS NOT NULL
            """));
    }
}
