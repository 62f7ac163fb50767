// SELECT dispatcher.publish(…) in the caller's own transaction, on the caller's own connection.

using System.Text.Json;
using Dispatcher.Tests.Support;
using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Tests.Api;

public sealed class PublishInTransactionTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData(NpgsqlDbType.Text, """{ "n":  1, "a":"\u00e4" }""", """{ "n":  1, "a":"\u00e4" }""")]
    [InlineData(NpgsqlDbType.Json, """{ "n":  1, "a":"\u00e4" }""", """{ "n":  1, "a":"\u00e4" }""")]
    [InlineData(NpgsqlDbType.Jsonb, """{ "n":  1, "a":"\u00e4" }""", """{"a": "ä", "n": 1}""")]
    public async Task What_is_published_is_sent_when_the_transaction_commits_and_not_before(NpgsqlDbType type, string payload, string delivered)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await using var connection = await ConnectAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, "CREATE TEMP TABLE invoice (id integer) ON COMMIT DROP; INSERT INTO invoice VALUES (1)");

        await using var command = new NpgsqlCommand("SELECT dispatcher.publish('invoice.made', $1, $2)", connection, transaction);
        command.Parameters.Add(new NpgsqlParameter { Value = payload, NpgsqlDbType = type });
        command.Parameters.AddWithValue(customer.Id);
        var id = (string)(await command.ExecuteScalarAsync())!;

        Assert.Matches("^evt_[0-9a-f]{12}7[0-9a-f]{19}$", id);
        await customer.Admin.RefusalAsync(404, $"GET /events/{id}");
        // What is published after it arrives before it: only the commit sets it free.
        var after = await customer.PublishAsync("after");
        Assert.Equal(after, (await receiver.WaitForAsync(1))[0].Id);

        await transaction.CommitAsync();

        var post = (await receiver.WaitForAsync(2))[1];
        Assert.Equal((id, "invoice.made", delivered), (post.Id, post.Headers["dispatcher-event"], post.Text));
        Assert.Equal(1, (await customer.DeliveryAsync($"event={id}", "succeeded")).GetProperty("attempt_count").GetInt32());
    }

    [Fact]
    public async Task What_is_published_is_never_sent_when_the_transaction_rolls_back()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await using var connection = await ConnectAsync();
        await using (await connection.BeginTransactionAsync())
        {
            await PublishAsync(connection, customer, "id => 'kept-free'");
        }

        // The same dedupe id is free again, and what comes next is all that comes.
        var next = await PublishAsync(connection, customer, "id => 'kept-free'");

        Assert.Equal(next, (await receiver.WaitForAsync(1))[0].Id);
        Assert.Equal([next], (await customer.Admin.CallAsync(200, "GET /events")).Data().Select(e => e.Text("id")));
        await customer.DeliveryAsync($"event={next}", "succeeded");
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task It_is_sent_soon_after_the_commit_without_waiting_for_a_poll_to_find_it()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await using var connection = await ConnectAsync();
        for (var i = 0; i < 8; i++) await PublishAsync(connection, customer, "");
        await receiver.WaitForAsync(8);

        var delays = new List<TimeSpan>();
        for (var i = 9; i < 18; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            await PublishAsync(connection, customer, "");
            await receiver.WaitForAsync(i);
            delays.Add(TimeProvider.System.GetElapsedTime(began));
        }

        // A poll alone comes every half second: the median would be a quarter.
        Assert.InRange(delays.Order().ElementAt(delays.Count / 2), TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task Every_argument_is_stored_and_decides_whom_the_event_reaches()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var scoped = await customer.RegisterAsync(receiver.Url, "\"project\":\"p\",\"inbox\":\"i\"");
        await customer.RegisterAsync(receiver.Url, "\"project\":\"q\"");
        await using var connection = await ConnectAsync();

        var id = await PublishAsync(connection, customer, "project => 'p', inbox => 'i', ordering_key => 'k', id => 'd'");

        var stored = await customer.Admin.CallAsync(200, "GET /events/d");
        Assert.Equal([id, "a.b", "p", "i", "k", "d"], new[] { "id", "type", "project", "inbox", "ordering_key", "dedupe_id" }.Select(m => stored.Text(m)));
        Assert.Equal(scoped.Text("id"), Assert.Single(stored.GetProperty("deliveries").EnumerateArray()).Text("integration_id"));
        await receiver.WaitForAsync(1);
    }

    [Fact]
    public async Task Without_further_arguments_it_belongs_to_default()
    {
        await using var connection = await ConnectAsync();
        await using var command = new NpgsqlCommand("""SELECT dispatcher.publish('literal.arguments', '{"n":1}')""", connection);

        var id = (string)(await command.ExecuteScalarAsync())!;

        var stored = await api.Operator.CallAsync(200, $"GET /events/{id}");
        Assert.Equal(JsonValueKind.Null, stored.GetProperty("project").ValueKind);
    }

    [Fact]
    public async Task The_same_id_again_gives_the_first_event_over_sql_and_http_alike()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await using var connection = await ConnectAsync();

        var first = await PublishAsync(connection, customer, "id => 'd'");
        var again = await PublishAsync(connection, customer, "id => 'd'");
        var overHttp = await customer.Admin.CallAsync(200, "POST /events", """{"type":"a.b","payload":{},"id":"d"}""");

        Assert.Equal(first, again);
        Assert.Equal(first, overHttp.Text("id"));
        var next = await customer.PublishAsync();
        Assert.Equal(new HashSet<string> { first, next }, (await receiver.WaitForAsync(2)).Select(p => p.Id).ToHashSet());
    }

    [Theory]
    [InlineData("type", "NULL", "'{}'", "")]
    [InlineData("type", "''", "'{}'", "")]
    [InlineData("type", "'a..b'", "'{}'", "")]
    [InlineData("type", "'a.*'", "'{}'", "")]
    [InlineData("type", "E'a\\nb'", "'{}'", "")]
    [InlineData("type", "E'a\\n'", "'{}'", "")]
    [InlineData("type", "repeat('a', 129)", "'{}'", "")]
    [InlineData("payload", "'a.b'", "NULL::text", "")]
    [InlineData("payload", "'a.b'", "'[]'", "")]
    [InlineData("payload", "'a.b'", "'1'::jsonb", "")]
    [InlineData("payload", "'a.b'", "'{\"a\":\"' || repeat('x', 16777216) || '\"}'", "")]
    [InlineData("json", "'a.b'", "'{'", "")]
    [InlineData("organization", "'a.b'", "'{}'", "organization => 'nobody'")]
    [InlineData("organization", "'a.b'", "'{}'", "organization => NULL")]
    [InlineData("project", "'a.b'", "'{}'", "project => 'a b'")]
    [InlineData("project", "'a.b'", "'{}'", "project => ''")]
    [InlineData("inbox", "'a.b'", "'{}'", "inbox => 'a/b'")]
    [InlineData("ordering_key", "'a.b'", "'{}'", "ordering_key => ''")]
    [InlineData("ordering_key", "'a.b'", "'{}'", "ordering_key => repeat('k', 257)")]
    [InlineData("id", "'a.b'", "'{}'", "id => ''")]
    [InlineData("id", "'a.b'", "'{}'", "id => repeat('i', 129)")]
    [InlineData("id", "'a.b'", "'{}'", "id => E'a\\nb'")]
    public async Task A_wrong_argument_is_refused_by_name(string argument, string type, string payload, string further)
    {
        await using var connection = await ConnectAsync();
        await using var command = new NpgsqlCommand(
            $"SELECT dispatcher.publish({type}, {payload}{(further.Length > 0 ? ", " + further : "")})", connection);

        var refusal = await Assert.ThrowsAsync<PostgresException>(async () => await command.ExecuteScalarAsync());

        Assert.StartsWith("22", refusal.SqlState, StringComparison.Ordinal);
        Assert.Contains(argument, refusal.MessageText, StringComparison.Ordinal);
    }

    private async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task<string> PublishAsync(NpgsqlConnection connection, Customer customer, string further)
    {
        await using var command = new NpgsqlCommand(
            $$"""SELECT dispatcher.publish('a.b', '{"n":1}', organization => '{{customer.Id}}'{{(further.Length > 0 ? ", " + further : "")}})""", connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
