// What a task is about: the integration, what it subscribes to now, and the span.

namespace Dispatcher.Recoveries;

/// <summary>What an integration gets, and how: what dispatcher.subscribes (migrations/0001) asks of it.</summary>
/// <param name="Project">Only events of this project; null: all.</param>
/// <param name="Inbox">Only events of this inbox; null: all.</param>
/// <param name="Events">Types and patterns.</param>
/// <param name="Ordered">Whether its deliveries keep the order of their keys.</param>
internal sealed record Subscription(string? Project, string? Inbox, string[] Events, bool Ordered);

/// <summary>Where the rows of a task are.</summary>
/// <param name="Kind">See <see cref="TaskKind"/>.</param>
/// <param name="Organization">The integration's organization.</param>
/// <param name="Integration">The integration.</param>
/// <param name="Subscription">Its settings as they are now: a replay follows changes that are made while it goes on.</param>
/// <param name="Bound">The id before which the span ends.</param>
/// <param name="AskedAt">When the task was asked for, by the database's clock: what is exhausted later is not its business.</param>
internal sealed record RecoveryScope(
    string Kind, string Organization, Guid Integration, Subscription Subscription, Guid Bound, DateTimeOffset AskedAt);

/// <summary>What one statement looked at.</summary>
/// <param name="Last">The last id it looked at; null: none is left.</param>
/// <param name="Found">How many of those it looked at are to be sent.</param>
internal readonly record struct Stretch(Guid? Last, long Found);
