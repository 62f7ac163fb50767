// Cursors and keyset pages.

using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;

namespace Dispatcher.Tests.Properties;

public sealed class CursorProperties(ApiServer api) : IClassFixture<ApiServer>
{
    private static readonly string[] Lists =
        ["/integrations", "/events", "/deliveries", "/server/deliveries", "/deliveries/bulk", "/nodes", "/event-types", "/api-keys", "/projects", "/organizations", "/integrations/{0}/tasks"];

    private static readonly Gen<string> Key = Inputs.Text(1, 60).Where(key => !key.Contains('\0', StringComparison.Ordinal));

    [Fact]
    public void A_key_reads_back_from_its_cursor() => Property.Holds(Key, key =>
    {
        Assert.True(PageQuery.TryDecode(PageQuery.Encode(key), out var read));
        Assert.Equal(key, read);
    });

    [Fact]
    public void Nothing_but_what_a_page_gives_is_a_cursor() => Property.Holds(
        Gen.OneOf(Inputs.Garbage(50), Inputs.From("ABab09-_=+/ ", 0, 450), Key.Select(PageQuery.Encode).SelectMany(c => Inputs.Changed(c, "ABab09-_= "))),
        text => Assert.True(!PageQuery.TryDecode(text, out var key) || PageQuery.Encode(key) == text));

    [Fact]
    public async Task A_cursor_made_up_by_chance_is_422_on_every_list()
    {
        var integration = (await api.Server.RegisterAsync(new Uri("https://example.com/"))).Text("id");
        var garbage = Property.Draw(
            Gen.OneOf(
                Inputs.Text(1, 30), Inputs.Bytes(1, 40).Select(Convert.ToBase64String),
                Inputs.Text(1, 30).Where(t => !t.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')).Select(PageQuery.Encode)),
            25);

        foreach (var text in garbage.Where(t => !t.Contains('\0', StringComparison.Ordinal)))
        {
            foreach (var list in Lists)
                await api.Operator.RefusalAsync(422, $"GET {list.Replace("{0}", integration, StringComparison.Ordinal)}?cursor={Uri.EscapeDataString(text)}", null, "cursor");
        }
    }

    [Fact]
    public async Task Pages_of_any_size_neither_skip_nor_repeat_while_rows_come_and_go()
    {
        var random = new Random((int)Chance.Seed);
        for (var run = 0; run < 8 * Chance.Effort; run++)
        {
            var customer = await api.CustomerAsync();
            await using var connection = new NpgsqlConnection(api.Server.ConnectionString);
            await connection.OpenAsync();
            // Few different times, so that many rows have the same one and only their ids tell them apart.
            var old = new HashSet<string>();
            for (var i = random.Next(12); i >= 0; i--) old.Add(await AddAsync(random.Next(3)));
            old.Add("default");

            var (seen, cursor) = (new List<string>(), (string?)null);
            do
            {
                var page = await customer.Admin.CallAsync(200, $"GET /projects?limit={random.Next(1, 5)}{(cursor is null ? "" : "&cursor=" + cursor)}");
                seen.AddRange(page.Data().Select(p => p.Text("id")));
                cursor = page.GetProperty("next_cursor").GetString();
                if (random.Next(2) == 0) await AddAsync(10_000_000);
                // What was not seen yet may go, and so may the row that the cursor stands on.
                var doomed = random.Next(3) == 0 ? seen[^1] : old.Except(seen).FirstOrDefault();
                if (random.Next(3) == 0 && doomed is not null and not "default" && old.Contains(doomed))
                {
                    await customer.Admin.CallAsync(204, $"DELETE /projects/{doomed}");
                    if (!seen.Contains(doomed)) old.Remove(doomed);
                }
            }
            while (cursor is not null);

            Assert.True(seen.Count == seen.Distinct().Count(), $"{Chance.Replay}: a row came twice");
            Assert.True(old.SetEquals(seen.Where(old.Contains)) && old.IsSubsetOf(seen), $"{Chance.Replay}: missing {string.Join(", ", old.Except(seen))}");

            async Task<string> AddAsync(int second)
            {
                var id = $"p-{random.Next(1_000_000)}-{old.Count}";
                await using var insert = new NpgsqlCommand(
                    "INSERT INTO dispatcher.project (organization_id, id, name, created_at) VALUES ($1, $2, 'P', '2025-01-01T00:00:00Z'::timestamptz + $3 * interval '1 second')",
                    connection);
                insert.Parameters.AddWithValue(customer.Id);
                insert.Parameters.AddWithValue(id);
                insert.Parameters.AddWithValue(second);
                await insert.ExecuteNonQueryAsync();
                return id;
            }
        }
    }
}
