// What the first of an integration's pages shows: how it does, what failed last, and its settings.

using System.Globalization;
using System.Text.Json;
using Dispatcher.Integrations;
using Dispatcher.Pages.Components;
using Dispatcher.Platform;
using Dispatcher.Statistics;

namespace Dispatcher.Pages.Integrations;

/// <summary>The first page.</summary>
/// <param name="Head">The integration.</param>
/// <param name="Range">The span that the figures are about.</param>
/// <param name="Stats">How it did.</param>
/// <param name="Failures">The last deliveries that failed.</param>
/// <param name="IsUnused">Whether there has never been a delivery.</param>
/// <param name="Facts">Its settings.</param>
public sealed record OverviewModel(
    IntegrationHead Head, ChartRange Range, IntegrationFigures Stats, IReadOnlyList<DeliveryLine> Failures, bool IsUnused, IntegrationFacts Facts);

/// <summary>How an integration did in a span of time, as figures and charts.</summary>
public sealed record IntegrationFigures
{
    internal IntegrationFigures(IntegrationStats stats)
    {
        Delivered = stats.Deliveries.Succeeded;
        Exhausted = stats.Deliveries.Exhausted;
        Attempts = stats.Attempts.Total;
        SuccessRate = stats.SuccessRate;
        Waiting = ChartText.Amount(stats.Pending) + (stats.PendingIsMore ? " +" : "");
        P50 = stats.LatencyMs?.P50;
        P95 = stats.LatencyMs?.P95;
        P99 = stats.LatencyMs?.P99;
        Causes = [.. stats.Attempts.ByOutcome.Where(o => o.Key != "succeeded").OrderByDescending(o => o.Value)
            .Select(o => new CauseCount(Cause.Of(o.Key), o.Value))];
        Times = [.. stats.Series.Select(p => p.At)];
        Outcomes =
        [
            new("Succeeded", "good", [.. stats.Series.Select(p => (double?)p.Succeeded)]),
            new("Failed", "bad", [.. stats.Series.Select(p => (double?)p.Failed)]),
        ];
        Latencies =
        [
            new("p50", "good", [.. stats.Series.Select(p => p.P50)]),
            new("p95", "accent", [.. stats.Series.Select(p => p.P95)]),
            new("p99", "warn", [.. stats.Series.Select(p => p.P99)]),
        ];
    }

    /// <summary>Deliveries that arrived.</summary>
    public long Delivered { get; }

    /// <summary>Deliveries whose last attempt failed.</summary>
    public long Exhausted { get; }

    /// <summary>POSTs made.</summary>
    public long Attempts { get; }

    /// <summary>The share of the attempts that succeeded, 0 to 1; null when there were none.</summary>
    public double? SuccessRate { get; }

    /// <summary>How many deliveries wait or are under way now.</summary>
    public string Waiting { get; }

    /// <summary>Latencies in milliseconds; null when there were no attempts.</summary>
    public double? P50 { get; }

    /// <inheritdoc cref="P50"/>
    public double? P95 { get; }

    /// <inheritdoc cref="P50"/>
    public double? P99 { get; }

    /// <summary>Why attempts failed, the most frequent first.</summary>
    public IReadOnlyList<CauseCount> Causes { get; }

    /// <summary>When each point of the charts begins.</summary>
    public IReadOnlyList<DateTimeOffset> Times { get; }

    /// <summary>Attempts by how they ended.</summary>
    public IReadOnlyList<ChartSeries> Outcomes { get; }

    /// <summary>Latencies in milliseconds.</summary>
    public IReadOnlyList<ChartSeries> Latencies { get; }

    /// <summary>A share for people. Never 100 % while anything failed, nor 0 % while anything succeeded.</summary>
    public static string PercentOf(double? share) => share switch
    {
        null => "–",
        > 0 and < 0.001 => "< 0.1 %",
        { } value => (Math.Floor(value * 1000) / 10).ToString("0.#", CultureInfo.InvariantCulture) + " %",
    };
}

/// <summary>A cause, and how many attempts failed of it.</summary>
public sealed record CauseCount(Cause Cause, long Attempts);

/// <summary>An integration's settings, none of them secret.</summary>
/// <param name="Events">What it subscribes to.</param>
/// <param name="Scope">Whose events it gets, in words.</param>
/// <param name="Limits">How fast and how many at once, in words.</param>
/// <param name="Retry">When a failed delivery is tried again, in words.</param>
/// <param name="Ordering">In which order deliveries go, in words.</param>
/// <param name="Signing">How deliveries are signed, in words.</param>
/// <param name="Headers">The names of its static headers.</param>
/// <param name="Metadata">The customer's own JSON object, indented; null: it is empty.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
public sealed record IntegrationFacts(
    IReadOnlyList<string> Events, string Scope, string Limits, string Retry, string Ordering, string Signing, IReadOnlyList<string> Headers,
    string? Metadata, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>An event type that it would get.</summary>
    public string ExampleType => Events[0] is var first && first == "*" ? "document_predict" : first.Replace(".*", ".created", StringComparison.Ordinal);

    internal static IntegrationFacts Of(Integration integration, DispatcherOptions options)
    {
        var view = integration.ToView(options);
        return new IntegrationFacts(
            view.Events,
            (view.Project, view.Inbox) switch
            {
                (null, null) => "All events of the organization",
                ({ } project, null) => $"Events of the project {project}",
                (null, { } inbox) => $"Events of the inbox {inbox}",
                ({ } project, { } inbox) => $"Events of the inbox {inbox} in the project {project}",
            },
            string.Create(CultureInfo.InvariantCulture, $"{(view.RateLimitPerSecond is { } rate ? $"At most {rate} a second" : "No limit a second")}, {(view.MaxConcurrency is { } most ? $"at most {most} at once" : "as many at once as the server allows")}, {view.TimeoutSeconds:0.###} s for an answer"),
            string.Create(CultureInfo.InvariantCulture, $"{view.Retry.MaxAttempts} attempts at most, the second after {view.Retry.BaseSeconds:0.###} s, each further one after twice the time"),
            view.Ordering == "by_key" ? "One at a time for each ordering key, in the order of acceptance" : "None",
            view.Signing == "ed25519" ? "ed25519 (v1a), with a public key" : "HMAC-SHA256 (v1), with a secret that both sides have",
            [.. view.Headers.Keys.Concat(view.BasicAuth is null ? [] : ["Authorization (basic)"])],
            view.Metadata.EnumerateObject().Any() ? JsonText.Indent(view.Metadata) : null,
            view.CreatedAt,
            view.UpdatedAt);
    }
}
