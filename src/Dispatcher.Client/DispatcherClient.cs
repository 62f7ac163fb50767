// The HTTP API of a Dispatcher server, as methods.

using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Dispatcher.Client;

/// <summary>
/// Publishes events, moves jobs, registers integrations and reads deliveries. Safe to share between threads; one for the whole program is
/// best.
/// </summary>
/// <remarks>
/// Every method throws <see cref="DispatcherApiException"/> where the server refuses, and <see cref="HttpRequestException"/> where no
/// answer came; both only after the tries that <see cref="DispatcherRetryOptions"/> allows.
/// </remarks>
public sealed class DispatcherClient : IDisposable
{
    /// <summary>The most items that the server takes in one batch.</summary>
    public const int MaxBatchItems = 1_000;

    private readonly ApiTransport _transport;
    private readonly HttpClient? _owned;

    /// <summary>
    /// Uses a client that the caller has set up: its <see cref="HttpClient.BaseAddress"/> is the server, its default headers carry the key
    /// (<c>Authorization: Bearer …</c>), its <see cref="HttpClient.Timeout"/> bounds one attempt. Fits <c>AddHttpClient</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The client has no base address, or one that is not http or https.</exception>
    public DispatcherClient(HttpClient http, DispatcherRetryOptions? retry = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        var baseAddress = http.BaseAddress ?? throw new ArgumentException("Set the client's BaseAddress to the server's.", nameof(http));
        _transport = new ApiTransport(http, baseAddress, retry ?? new DispatcherRetryOptions(), time ?? TimeProvider.System);
    }

    /// <summary>Makes an HTTP client of its own and disposes of it.</summary>
    /// <exception cref="ArgumentException">An option is out of its range; the message says which.</exception>
    public DispatcherClient(DispatcherClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrWhiteSpace(options.ApiKey);

        // A redirected POST would arrive as a GET, or hand the key to another host; and pooled connections must follow the server's DNS.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) };
        _owned = new HttpClient(handler) { Timeout = options.AttemptTimeout };
        _owned.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.ApiKey);
        _transport = new ApiTransport(_owned, options.BaseAddress, options.Retry, options.TimeProvider);
    }

    /// <summary>Publishes one event. When the task completes, the event and its deliveries are durable.</summary>
    public Task<EventReceipt> PublishAsync(EventMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return _transport.PostAsync(
            "events", message, DispatcherJson.Default.EventMessage, DispatcherJson.Default.EventReceipt, cancellationToken);
    }

    /// <summary>Publishes up to <see cref="MaxBatchItems"/> events at once. The outcomes stand in the order of the events.</summary>
    public Task<IReadOnlyList<BatchItem<EventReceipt>>> PublishBatchAsync(
        IReadOnlyList<EventMessage> messages, CancellationToken cancellationToken = default)
    {
        CheckBatch(messages);
        return _transport.PostBatchAsync(
            "events/batch",
            messages,
            DispatcherJson.Default.IReadOnlyListEventMessage,
            DispatcherJson.Default.EventReceipt,
            cancellationToken);
    }

    /// <summary>Registers an endpoint. Keep the answer's <see cref="Integration.Secret"/>: it is shown this once.</summary>
    public Task<Integration> CreateIntegrationAsync(IntegrationSettings settings, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return _transport.PostAsync(
            "integrations", settings, DispatcherJson.Default.IntegrationSettings, DispatcherJson.Default.Integration, cancellationToken);
    }

    /// <summary>How an integration did in a span of time: attempts by outcome, success rate, latencies, each minute or hour of it.</summary>
    /// <param name="id"><c>int_…</c></param>
    /// <param name="since">The beginning, at most 31 days before the end. Default: 24 hours before it.</param>
    /// <param name="until">The end. Default: now.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public Task<IntegrationStats> GetStatsAsync(
        string id, DateTimeOffset? since = null, DateTimeOffset? until = null, CancellationToken cancellationToken = default)
    {
        var query = new Query();
        query.Append("since", since);
        query.Append("until", until);
        return _transport.GetAsync($"integrations/{Segment(id)}/stats{query}", DispatcherJson.Default.IntegrationStats, cancellationToken);
    }

    /// <summary>One page of deliveries, newest first.</summary>
    public Task<Page<Delivery>> ListDeliveriesAsync(DeliveryQuery? query = null, CancellationToken cancellationToken = default) =>
        _transport.GetAsync("deliveries" + QueryString(query), DispatcherJson.Default.PageDelivery, cancellationToken);

    /// <summary>One delivery with its attempts.</summary>
    public Task<Delivery> GetDeliveryAsync(string id, CancellationToken cancellationToken = default) =>
        _transport.GetAsync("deliveries/" + Segment(id), DispatcherJson.Default.Delivery, cancellationToken);

    /// <summary>
    /// Has every exhausted delivery of an integration sent again whose event was accepted in a span. The answer says how many they are;
    /// read the task for how far it has come.
    /// </summary>
    /// <param name="integrationId">The integration (<c>int_…</c>), which must be enabled.</param>
    /// <param name="since">The beginning of the span.</param>
    /// <param name="until">Its end; <c>null</c>: now.</param>
    /// <param name="cancellationToken">Ends the call; what it has asked for goes on.</param>
    public Task<RecoveryTask> RecoverAsync(
        string integrationId, DateTimeOffset since, DateTimeOffset? until = null, CancellationToken cancellationToken = default) =>
        AskAsync(integrationId, "recover", new RecoverySpan(since, until), cancellationToken);

    /// <summary>
    /// Has the events of a span delivered that match an integration and that it never got: accepted while it was disabled, or before it
    /// existed. The answer says how many they are; read the task for how far it has come.
    /// </summary>
    /// <inheritdoc cref="RecoverAsync"/>
    public Task<RecoveryTask> ReplayAsync(
        string integrationId, DateTimeOffset since, DateTimeOffset? until = null, CancellationToken cancellationToken = default) =>
        AskAsync(integrationId, "replay", new RecoverySpan(since, until), cancellationToken);

    /// <summary>How far a recovery or a replay has come.</summary>
    public Task<RecoveryTask> GetTaskAsync(string integrationId, string taskId, CancellationToken cancellationToken = default) =>
        _transport.GetAsync($"{Tasks(integrationId)}/{Segment(taskId)}", DispatcherJson.Default.RecoveryTask, cancellationToken);

    /// <summary>One page of an integration's recoveries and replays, newest first.</summary>
    /// <param name="integrationId">The integration.</param>
    /// <param name="limit">How many at most: 1 to 250. Default: 50.</param>
    /// <param name="cursor">The <see cref="Page{T}.NextCursor"/> of the page before.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<Page<RecoveryTask>> ListTasksAsync(
        string integrationId, int? limit = null, string? cursor = null, CancellationToken cancellationToken = default) =>
        _transport.GetAsync(
            Tasks(integrationId) + QueryString(new DeliveryQuery { Limit = limit, Cursor = cursor }),
            DispatcherJson.Default.PageRecoveryTask,
            cancellationToken);

    /// <summary>Ends a recovery or a replay; what it has put in line until then is sent.</summary>
    public Task<RecoveryTask> CancelTaskAsync(string integrationId, string taskId, CancellationToken cancellationToken = default) =>
        _transport.PostAsync($"{Tasks(integrationId)}/{Segment(taskId)}/cancel", DispatcherJson.Default.RecoveryTask, cancellationToken);

    /// <summary>Makes a link into the portal, for a customer of yours to open: no other login is asked for.</summary>
    /// <param name="options">Whom and what it is for. Default: all that the key sees.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<PortalLink> CreatePortalLinkAsync(PortalLinkOptions? options = null, CancellationToken cancellationToken = default)
    {
        var query = new Query();
        query.Append("organization", options?.Organization);
        return _transport.PostAsync(
            $"webhook{query}",
            new PortalLinkRequest(options?.Project, (int?)options?.ExpiresIn?.TotalSeconds, options?.Role),
            DispatcherJson.Default.PortalLinkRequest,
            DispatcherJson.Default.PortalLink,
            cancellationToken);
    }

    /// <summary>Creates a job, which emits <c>job.created</c> and what else its kind asks for.</summary>
    public Task<Job> CreateJobAsync(JobStart start, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(start);
        return _transport.PostAsync("jobs", start, DispatcherJson.Default.JobStart, DispatcherJson.Default.Job, cancellationToken);
    }

    /// <summary>Moves a job to another state; the move and its events are one transaction.</summary>
    public Task<Job> UpdateJobAsync(string id, JobUpdate update, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(update);
        return _transport.PatchAsync(
            "jobs/" + Segment(id), update, DispatcherJson.Default.JobUpdate, DispatcherJson.Default.Job, cancellationToken);
    }

    /// <summary>The job as it stands.</summary>
    public Task<Job> GetJobAsync(string id, CancellationToken cancellationToken = default) =>
        _transport.GetAsync("jobs/" + Segment(id), DispatcherJson.Default.Job, cancellationToken);

    /// <summary>Creates and moves up to <see cref="MaxBatchItems"/> jobs at once. The outcomes stand in the order of the items.</summary>
    public Task<IReadOnlyList<BatchItem<Job>>> SendJobsAsync(
        IReadOnlyList<JobBatchItem> items, CancellationToken cancellationToken = default)
    {
        CheckBatch(items);
        return _transport.PostBatchAsync(
            "jobs/batch", items, DispatcherJson.Default.IReadOnlyListJobBatchItem, DispatcherJson.Default.Job, cancellationToken);
    }

    /// <summary>Disposes of the HTTP client, unless it is the caller's.</summary>
    public void Dispose() => _owned?.Dispose();

    private static void CheckBatch<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count is 0 or > MaxBatchItems)
            throw new ArgumentException($"A batch has 1 to {MaxBatchItems} items, not {items.Count}.", nameof(items));
    }

    private Task<RecoveryTask> AskAsync(string integrationId, string what, RecoverySpan span, CancellationToken cancellationToken) =>
        _transport.PostAsync(
            $"integrations/{Segment(integrationId)}/{what}",
            span,
            DispatcherJson.Default.RecoverySpan,
            DispatcherJson.Default.RecoveryTask,
            cancellationToken);

    private static string Tasks(string integrationId) => $"integrations/{Segment(integrationId)}/tasks";

    private static string Segment(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return Uri.EscapeDataString(id);
    }

    private static string QueryString(DeliveryQuery? query)
    {
        if (query is null)
            return "";

        var text = new Query();
        text.Append("integration", query.Integration);
        text.Append("event", query.Event);
        text.Append("type", query.Type);
        text.Append("status", query.Status?.ToString().ToLowerInvariant());
        text.Append("since", query.Since);
        text.Append("until", query.Until);
        text.Append("limit", query.Limit?.ToString(CultureInfo.InvariantCulture));
        text.Append("cursor", query.Cursor);
        return text.ToString();
    }

    /// <summary>A query string, empty or with its question mark.</summary>
    private sealed class Query
    {
        private readonly StringBuilder _text = new();

        public void Append(string name, string? value)
        {
            if (value is not null)
                _text.Append(_text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        public void Append(string name, DateTimeOffset? time) =>
            Append(name, time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));

        public override string ToString() => _text.ToString();
    }
}
