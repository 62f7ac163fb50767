// The server's settings. Tuning goes into a file that is written anew at every start, so that a newer Dispatcher brings its newer
// defaults to an old cluster, while ALTER SYSTEM still has the last word for an operator who knows better. What keeps the server
// private goes on the command line, where nothing overrules it.

using System.Globalization;
using System.Text;

namespace Dispatcher.Storage.Embedded;

internal static class PostgresSettings
{
    public static readonly IReadOnlyDictionary<string, string> Defaults = new Dictionary<string, string>
    {
        // An accepted event has been promised: it is on disk before the caller hears 202.
        ["fsync"] = "on",
        ["synchronous_commit"] = "on",
        // The hot part is small (live deliveries and the newest partitions); beyond that the system's file cache does as well.
        ["shared_buffers"] = "128MB",
        // A few nodes' connection pools and an operator's psql.
        ["max_connections"] = "100",
        // A statement over all partitions of a long retention locks each of them and its indexes.
        ["max_locks_per_transaction"] = "256",
        // Far-apart checkpoints: after each one, the first change of a page logs the whole page.
        ["checkpoint_timeout"] = "15min",
        ["max_wal_size"] = "2GB",
        // The queue table turns over many times a minute, and is as large as what dies between two vacuums.
        ["autovacuum_naptime"] = "5s",
        // Short statements over few rows: compiling them costs more than it saves.
        ["jit"] = "off",
        // A failed statement reaches us as an exception. The log would repeat its text and keys, which are our users' data.
        ["log_min_messages"] = "log",
        ["log_line_prefix"] = "%m [%p] ",
        // The name that its processes bear in ps.
        ["cluster_name"] = "dispatcher",
    };

    /// <summary>The text of the configuration file, which reads the cluster's own <c>postgresql.conf</c> first.</summary>
    public static string FileText(IReadOnlyDictionary<string, string> overrides)
    {
        var text = new StringBuilder("# Written by Dispatcher at every start; changes belong into ALTER SYSTEM SET.\n");
        text.Append("include 'postgres/postgresql.conf'\n");
        // The last line for a name counts.
        foreach (var (name, value) in Defaults.Concat(overrides))
            text.Append(CultureInfo.InvariantCulture, $"{name} = '{value.Replace("'", "''", StringComparison.Ordinal)}'\n");
        return text.ToString();
    }

    /// <summary>The command-line options, quoted for the shell that pg_ctl starts the server with.</summary>
    public static string CommandLine(string configurationFile, string socketDirectory) =>
        $"-c config_file={Quote(configurationFile)} -c listen_addresses= -c port={DataFolder.Port} " +
        $"-c unix_socket_directories={Quote(socketDirectory)}";

    private static string Quote(string value) => $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
