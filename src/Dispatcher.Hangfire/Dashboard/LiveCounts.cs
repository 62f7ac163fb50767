// What the navigation counts: deliveries that wait, and integrations that fail.

using Hangfire.Dashboard;
using Npgsql;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>
/// Pages and their scripts ask every few seconds, and Hangfire asks without waiting: so the counts are read before, at most once a second
/// however many look, with scans that stop at <see cref="Most"/>.
/// </summary>
internal sealed class LiveCounts(NpgsqlDataSource source, TimeProvider time) : IDisposable
{
    public const int Most = 10_000;

    public static readonly DashboardMetric Deliveries = new(
        "dispatcher:deliveries", "Deliveries that wait or are under way", page => Of(page)._deliveries is { } n ? Metric(n, MetricStyle.Default) : null);

    public static readonly DashboardMetric FailingIntegrations = new(
        "dispatcher:failing", "Integrations that fail", page => Of(page)._failing is { } n ? Metric(n, n > 0 ? MetricStyle.Danger : MetricStyle.Default) : null);

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private static readonly string Sql =
        $"""
        SELECT (SELECT count(*) FROM (SELECT FROM dispatcher.queue LIMIT {Most + 1}) q)::integer,
               (SELECT count(*) FROM (SELECT FROM dispatcher.integration_health LIMIT {Most + 1}) h)::integer
        """;

    private readonly SemaphoreSlim _reading = new(1, 1);
    private int? _deliveries;
    private int? _failing;
    private long? _readAt;

    /// <summary>Reads the counts if the last ones are old. While the database cannot be reached there are none.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        await _reading.WaitAsync(ct);
        try
        {
            if (_readAt is { } at && time.GetElapsedTime(at) < Fresh) return;
            (_deliveries, _failing) = (null, null);
            await using var command = source.CreateCommand(Sql);
            await using var reader = await command.ExecuteReaderAsync(ct);
            await reader.ReadAsync(ct);
            (_deliveries, _failing) = (reader.GetInt32(0), reader.GetInt32(1));
            _readAt = time.GetTimestamp();
        }
        finally
        {
            _reading.Release();
        }
    }

    public void Dispose() => _reading.Dispose();

    private static LiveCounts Of(RazorPage page) => page.Context.GetHttpContext().RequestServices.GetRequiredService<LiveCounts>();

    private static Metric Metric(int count, MetricStyle style) =>
        new(count > Most ? $"{Most:N0}+" : $"{count:N0}") { IntValue = count, Style = style };
}
