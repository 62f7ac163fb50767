// Counts what this node does, in memory; CounterFlush adds it to the database every few seconds.

using System.Runtime.InteropServices;
using Dispatcher.Sending;

namespace Dispatcher.Statistics;

/// <summary>
/// What has been counted since the last flush. Counting takes a lock for some ten nanoseconds and allocates nothing once an
/// integration's tally exists, which is dropped when nothing was counted between two flushes.
/// </summary>
internal sealed class Counters(EngineMeter meter)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Tally> _integrations = [];
    private readonly Dictionary<string, Tally> _organizations = new(StringComparer.Ordinal);

    /// <summary>Counts an attempt that is durable and, where it ended its delivery, that too.</summary>
    public void Attempt(string organization, Guid integration, SendOutcome outcome, TimeSpan latency, DeliveryEnd end)
    {
        meter.Attempt(outcome, latency);
        meter.Ended(end, 1);
        lock (_gate)
        {
            var tally = Of(integration, organization);
            tally.Attempt(OutcomeOrder.PlaceOf(outcome), latency);
            if (end != DeliveryEnd.None) tally.Ended(end, 1);
        }
    }

    /// <summary>Counts deliveries that ended without an attempt.</summary>
    public void Ended(string organization, Guid integration, DeliveryEnd end, long deliveries)
    {
        meter.Ended(end, deliveries);
        lock (_gate) Of(integration, organization).Ended(end, deliveries);
    }

    /// <summary>Counts an event that is durable, with the deliveries that it made.</summary>
    public void Accepted(string organization, int deliveries)
    {
        meter.Accepted(deliveries);
        lock (_gate) Of(organization).Accepted(1, deliveries);
    }

    /// <summary>Takes all that has been counted, as rows in the one order in which every node writes them; null when there is nothing.</summary>
    public List<CounterRow>? Take()
    {
        var rows = new List<CounterRow>();
        var server = new Tally("");
        lock (_gate)
        {
            foreach (var (id, tally) in _integrations)
            {
                if (tally.IsEmpty)
                {
                    _integrations.Remove(id);
                    continue;
                }

                rows.Add(tally.ToRow(id));
                Of(tally.Organization).Add(tally);
                tally.Clear();
            }

            foreach (var (id, tally) in _organizations)
            {
                if (tally.IsEmpty)
                {
                    _organizations.Remove(id);
                    continue;
                }

                rows.Add(tally.ToRow(Guid.Empty));
                server.Add(tally);
                tally.Clear();
            }
        }

        if (rows.Count == 0) return null;
        rows.Add(server.ToRow(Guid.Empty));
        rows.Sort(InOrder);
        return rows;
    }

    /// <summary>Rows are locked in this order, so that nodes wait for each other instead of deadlocking; those that all share come last, and are held shortest.</summary>
    private static int InOrder(CounterRow a, CounterRow b)
    {
        var byLevel = LevelOf(a).CompareTo(LevelOf(b));
        if (byLevel != 0) return byLevel;
        var byOrganization = string.CompareOrdinal(a.Organization, b.Organization);
        return byOrganization != 0 ? byOrganization : a.Integration.CompareTo(b.Integration);
    }

    private static int LevelOf(CounterRow row) => row.Integration != Guid.Empty ? 0 : row.Organization.Length > 0 ? 1 : 2;

    private Tally Of(Guid integration, string organization)
    {
        ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_integrations, integration, out _);
        return tally ??= new Tally(organization);
    }

    private Tally Of(string organization)
    {
        ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_organizations, organization, out _);
        return tally ??= new Tally(organization);
    }
}
