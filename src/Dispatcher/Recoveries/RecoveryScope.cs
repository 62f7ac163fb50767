// What a task is about: the integration, what it subscribes to now, and the span.

namespace Dispatcher.Recoveries;

/// <summary>What an integration gets, and how: what dispatcher.subscribes (migrations/0001) asks of it.</summary>
/// <param name="Project">Only events of this project; null: all.</param>
/// <param name="Inbox">Only events of this inbox; null: all.</param>
/// <param name="Events">Types and patterns.</param>
/// <param name="Ordered">Whether its deliveries keep the order of their keys.</param>
internal sealed record Subscription(string? Project, string? Inbox, string[] Events, bool Ordered)
{
    /// <summary>Of a task that asks for nobody's settings.</summary>
    public static readonly Subscription None = new(null, null, [], false);
}

/// <summary>Which deliveries a bulk action is about, besides the span.</summary>
/// <param name="Integration">Only those to this integration; null: to all.</param>
/// <param name="EventType">Only those of events of this type; null: of all.</param>
/// <param name="Statuses">Only those that stand at one of these.</param>
/// <param name="Project">Only those of this project's events; null: of all.</param>
internal sealed record BulkFilter(Guid? Integration, string? EventType, string[] Statuses, string? Project);

/// <summary>Where the rows of a task are.</summary>
/// <param name="Kind">See <see cref="TaskKind"/>.</param>
/// <param name="Organization">The organization.</param>
/// <param name="Integration">The integration; empty: a bulk action on those of all.</param>
/// <param name="Subscription">Its settings as they are now: a replay follows changes that are made while it goes on.</param>
/// <param name="Bound">The id before which the span ends.</param>
/// <param name="AskedAt">When the task was asked for, by the database's clock: what is exhausted later is not its business.</param>
internal sealed record RecoveryScope(
    string Kind, string Organization, Guid Integration, Subscription Subscription, Guid Bound, DateTimeOffset AskedAt)
{
    /// <summary>Of bulk actions: which deliveries.</summary>
    public BulkFilter? Filter { get; init; }
}

/// <summary>What one statement looked at.</summary>
/// <param name="Last">The last id it looked at; null: none is left.</param>
/// <param name="Found">How many of those it looked at are to be sent.</param>
/// <param name="Integrations">Of bulk actions: how many of them to each integration.</param>
internal readonly record struct Stretch(Guid? Last, long Found, IReadOnlyList<KeyValuePair<Guid, long>>? Integrations = null);
