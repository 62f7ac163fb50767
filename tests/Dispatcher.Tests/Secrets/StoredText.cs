// Looks through the whole schema: every column of every table, whatever its type.

using System.Text;
using Npgsql;

namespace Dispatcher.Tests.Secrets;

internal static class StoredText
{
    /// <summary>Where in the schema any of these texts is stored, as text or as bytes: table and text.</summary>
    public static async Task<List<string>> FindAsync(string connectionString, params string[] texts)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        List<string> tables = [];
        await using (var command = source.CreateCommand(
            """
            SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'dispatcher' AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
            """))
        await using (var reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync()) tables.Add(reader.GetString(0));
        }

        Assert.Contains("dispatcher.idempotency", tables);
        List<string> found = [];
        foreach (var table in tables)
        {
            foreach (var text in texts)
            {
                // A row as text shows bytes in hex.
                await using var search = source.CreateCommand($"SELECT EXISTS (SELECT FROM {table} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0)");
                search.Parameters.AddWithValue(text);
                search.Parameters.AddWithValue(Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text)));
                if ((bool)(await search.ExecuteScalarAsync())!) found.Add($"{table}: {text}");
            }
        }

        return found;
    }
}
