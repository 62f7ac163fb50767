// One API call: sends, tries again where that is safe, and turns the answer into a value or an exception.

using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Dispatcher.Client;

/// <summary>
/// Every call here may be repeated: a POST carries an Idempotency-Key, and a GET or a PATCH to a state does no more the second time than
/// the first.
/// </summary>
internal sealed class ApiTransport
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpClient _http;
    private readonly Uri _base;
    private readonly DispatcherRetryOptions _retry;
    private readonly TimeProvider _time;

    public ApiTransport(HttpClient http, Uri baseAddress, DispatcherRetryOptions retry, TimeProvider time)
    {
        if (!baseAddress.IsAbsoluteUri || baseAddress.Scheme is not ("http" or "https"))
            throw new ArgumentException($"The base address must be an http or https URL, not '{baseAddress}'.", nameof(baseAddress));
        retry.Validate();

        _http = http;
        _retry = retry;
        _time = time;
        // Without the slash, a relative path would replace the base's last segment: http://host/v1 + events = http://host/events.
        _base = baseAddress.AbsoluteUri.EndsWith('/') ? baseAddress : new Uri(baseAddress.AbsoluteUri + "/");
    }

    public Task<TAnswer> GetAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, body: null, answerType, cancellationToken);

    public Task<TAnswer> PostAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, JsonSerializer.SerializeToUtf8Bytes(body, bodyType), answerType, cancellationToken);

    /// <summary>POSTs nothing to a path that says all.</summary>
    public Task<TAnswer> PostAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, body: null, answerType, cancellationToken);

    public Task<TAnswer> PatchAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Patch, path, JsonSerializer.SerializeToUtf8Bytes(body, bodyType), answerType, cancellationToken);

    /// <summary>POSTs a batch and reads one outcome per item.</summary>
    /// <exception cref="DispatcherApiException">
    /// The server refused the batch as a whole, or answered with another number of items.
    /// </exception>
    public async Task<IReadOnlyList<BatchItem<TAnswer>>> PostBatchAsync<TItem, TAnswer>(
        string path,
        IReadOnlyList<TItem> items,
        JsonTypeInfo<IReadOnlyList<TItem>> itemsType,
        JsonTypeInfo<TAnswer> answerType,
        CancellationToken cancellationToken)
        where TAnswer : class
    {
        var answer = await PostAsync(path, items, itemsType, DispatcherJson.Default.BatchAnswer, cancellationToken).ConfigureAwait(false);
        if (answer.Data?.Count != items.Count)
            throw Unreadable(HttpStatusCode.Accepted, $"{items.Count} items were sent, {answer.Data?.Count ?? 0} were answered.");
        return [.. answer.Data.Select(element => ReadItem(element, answerType))];
    }

    private static BatchItem<TAnswer> ReadItem<TAnswer>(JsonElement element, JsonTypeInfo<TAnswer> answerType)
        where TAnswer : class
    {
        try
        {
            // A failed job has an "error" of its own, a text; the error of an item is a problem object.
            if (!element.TryGetProperty("error", out var error) || error.ValueKind != JsonValueKind.Object)
                return new BatchItem<TAnswer>(element.Deserialize(answerType) ?? throw new JsonException("The item is null."));

            var problem = error.Deserialize(DispatcherJson.Default.ApiProblem);
            return new BatchItem<TAnswer>(new DispatcherApiException((HttpStatusCode)(problem?.Status ?? 0), problem));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable(HttpStatusCode.Accepted, e.Message, e);
        }
    }

    private async Task<TAnswer> SendAsync<TAnswer>(
        HttpMethod method, string path, byte[]? body, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
    {
        var idempotencyKey = method == HttpMethod.Post ? Guid.NewGuid().ToString("N") : null;
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan? delay;
            try
            {
                using var request = BuildRequest(method, path, body, idempotencyKey);
                using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
                if (response.IsSuccessStatusCode)
                    return await ReadAnswerAsync(response, answerType, cancellationToken).ConfigureAwait(false);

                var refusal = await ReadRefusalAsync(response, cancellationToken).ConfigureAwait(false);
                delay = IsPassing(refusal) ? DelayAfter(attempt, refusal.RetryAfter) : null;
                if (delay is null)
                    throw refusal;
            }
            catch (HttpRequestException e) when (IsPassing(e.HttpRequestError) && DelayAfter(attempt) is { } wait)
            {
                delay = wait;
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested && e.InnerException is TimeoutException)
            {
                // HttpClient reports its own timeout as a cancellation that nobody asked for.
                delay = DelayAfter(attempt) ?? throw new HttpRequestException($"No answer from {_base} in time.", e.InnerException);
            }

            await Task.Delay(delay.Value, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private HttpRequestMessage BuildRequest(HttpMethod method, string path, byte[]? body, string? idempotencyKey)
    {
        var request = new HttpRequestMessage(method, new Uri(_base, path));
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = Json;
        }

        return request;
    }

    private static async Task<TAnswer> ReadAnswerAsync<TAnswer>(
        HttpResponseMessage response, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(bytes, answerType) ?? throw new JsonException("The answer is null.");
        }
        catch (JsonException e)
        {
            throw Unreadable(response.StatusCode, e.Message, e);
        }
    }

    private async Task<DispatcherApiException> ReadRefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        ApiProblem? problem = null;
        try
        {
            if (bytes.Length > 0)
                problem = JsonSerializer.Deserialize(bytes, DispatcherJson.Default.ApiProblem);
        }
        catch (JsonException)
        {
            // A proxy answered with a page of its own: the status is all there is to tell.
        }

        return new DispatcherApiException(response.StatusCode, problem, RetryAfterOf(response));
    }

    private TimeSpan? RetryAfterOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _time.GetUtcNow(),
        _ => null,
    };

    private TimeSpan? DelayAfter(int attempt, TimeSpan? retryAfter = null) =>
        _retry.DelayAfter(attempt, retryAfter, Random.Shared.NextDouble());

    /// <summary>
    /// A conflict is final, unless the server asks to come again: then it is still at work on an earlier attempt with the same
    /// Idempotency-Key, and will give its answer.
    /// </summary>
    private static bool IsPassing(DispatcherApiException refusal) => (HttpStatusCode)refusal.Status switch
    {
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway => true,
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => true,
        HttpStatusCode.Conflict => refusal.RetryAfter is not null,
        _ => false,
    };

    /// <summary>A wrong certificate, protocol or password does not mend itself; everything else about a connection may.</summary>
    private static bool IsPassing(HttpRequestError error) => error is not (HttpRequestError.SecureConnectionError
        or HttpRequestError.VersionNegotiationError or HttpRequestError.UserAuthenticationError
        or HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.InvalidResponse);

    private static DispatcherApiException Unreadable(HttpStatusCode status, string why, Exception? inner = null) =>
        new(status, new ApiProblem("The server's answer is not what this client reads", null, why, null), null, inner);
}
