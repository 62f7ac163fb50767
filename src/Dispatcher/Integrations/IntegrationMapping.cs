// Between the wire and the row.

using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Secrets;

namespace Dispatcher.Integrations;

internal static class IntegrationMapping
{
    private const string Mask = RecordedRequest.Mask;

    public static IntegrationView ToView(this Integration i, DispatcherOptions options) => new(
        Ids.Format(Ids.Integration, i.Id),
        i.Type,
        i.Name,
        i.Events,
        i.Target,
        HeadersOf(i).ToDictionary(h => h.Key, _ => Mask),
        i.BasicUsername is null ? null : new BasicAuth(i.BasicUsername, Mask),
        i.Project,
        i.Inbox,
        i.Enabled,
        i.DisabledReason,
        i.RateLimitPerSecond,
        i.MaxConcurrency,
        i.TimeoutSeconds ?? options.Delivery.TimeoutSeconds,
        new RetrySettings(i.RetryBaseSeconds ?? options.Retry.BaseSeconds, i.RetryMaxAttempts ?? options.Retry.MaxAttempts),
        i.Ordering,
        i.Signing,
        JsonElement.Parse(i.Metadata),
        i.CreatedAt,
        i.UpdatedAt);

    /// <summary>Writes a checked request over a row, secrets sealed. Values that were read masked and sent back keep what is there.</summary>
    public static void Apply(this Integration i, IntegrationRequest request, SecretBox box, TimeProvider time)
    {
        var kept = HeadersOf(i);
        request.RefuseMasks(i);
        var headers = (request.Headers ?? []).ToDictionary(
            h => h.Key,
            h => h.Value == Mask && kept.TryGetValue(h.Key, out var value)
                ? value
                : box.Seal(h.Value, SecretPlace.Header(i.OrganizationId, i.Id, h.Key)));
        i.Type = request.Type!;
        i.Name = request.Name;
        i.Events = [.. request.Events!.Distinct(StringComparer.Ordinal)];
        i.Target = request.Target!;
        i.Headers = JsonSerializer.Serialize(headers, WireJson.Default.DictionaryStringString);
        if (request.BasicAuth?.Password is not { } password) i.BasicPassword = null;
        else if (password != Mask) i.BasicPassword = box.Seal(password, SecretPlace.BasicPassword(i.OrganizationId, i.Id));
        i.BasicUsername = request.BasicAuth?.Username;
        i.Project = request.Project;
        i.Inbox = request.Inbox;
        i.Enabled = request.Enabled ?? true;
        if (i.Enabled) i.DisabledReason = null;
        i.RateLimitPerSecond = request.RateLimitPerSecond;
        i.MaxConcurrency = request.MaxConcurrency;
        i.TimeoutSeconds = request.TimeoutSeconds;
        i.RetryBaseSeconds = request.Retry?.BaseSeconds;
        i.RetryMaxAttempts = request.Retry?.MaxAttempts;
        i.Ordering = request.Ordering ?? "none";
        i.Metadata = request.Metadata?.GetRawText() ?? "{}";
        i.UpdatedAt = time.GetUtcNow();
    }

    /// <summary>The row as a request, its secrets as they are stored: two of them differ wherever the rows do.</summary>
    public static IntegrationRequest AsStored(this Integration i) => new(
        i.Type, i.Events, i.Target, i.Name, HeadersOf(i),
        i.BasicUsername is null ? null : new BasicAuth(i.BasicUsername, i.BasicPassword),
        i.Project, i.Inbox, i.Enabled, i.RateLimitPerSecond, i.MaxConcurrency, i.TimeoutSeconds,
        new RetrySettings(i.RetryBaseSeconds, i.RetryMaxAttempts), i.Ordering, JsonElement.Parse(i.Metadata), i.Signing);

    /// <summary>The row as it reads back, masks in place of values, merged with a patch (RFC 7396): null removes a member.</summary>
    public static IntegrationRequest Merge(this Integration i, JsonObject patch)
    {
        var stored = i.AsStored();
        var current = stored with
        {
            Headers = stored.Headers!.ToDictionary(h => h.Key, _ => Mask),
            BasicAuth = stored.BasicAuth is { } auth ? auth with { Password = Mask } : null,
        };
        var node = JsonSerializer.SerializeToNode(current, WireJson.Default.IntegrationRequest)!.AsObject();
        if (patch["headers"] is JsonObject changed) AdoptNames(node["headers"]!.AsObject(), changed);
        MergeInto(node, patch);
        return RequestBody.Parse<IntegrationRequest>(JsonSerializer.SerializeToUtf8Bytes(node, WireJson.Default.JsonObject));
    }

    /// <summary>A mask that stands for nothing was copied from another integration: sent as it is, it would fail at the receiver.</summary>
    /// <param name="request">What it shall be.</param>
    /// <param name="kept">What it is; null: it is new.</param>
    /// <exception cref="ProblemException">422, naming each such value.</exception>
    public static void RefuseMasks(this IntegrationRequest request, Integration? kept)
    {
        const string message = "is masked, and there is no value here that it could keep.";
        var headers = kept is null ? null : HeadersOf(kept);
        var faults = new Faults();
        foreach (var (name, value) in request.Headers ?? []) faults.Require(value != Mask || headers?.ContainsKey(name) == true, $"headers.{name}", message);
        faults.Require(request.BasicAuth?.Password != Mask || kept?.BasicPassword is not null, "basic_auth.password", message);
        faults.ThrowIfAny();
    }

    private static void MergeInto(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null) target.Remove(name);
            else if (value is JsonObject part && target[name] is JsonObject whole) MergeInto(whole, part);
            else target[name] = value.DeepClone();
        }
    }

    /// <summary>Header names are the same whatever their case: a patch changes the header that is there, and its spelling.</summary>
    private static void AdoptNames(JsonObject headers, JsonObject changed)
    {
        foreach (var (name, _) in changed)
        {
            var old = headers.Select(h => h.Key).FirstOrDefault(key => key.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (old is null || old == name) continue;
            headers.Remove(old, out var value);
            headers[name] = value;
        }
    }

    /// <summary>The headers with their stored, sealed values.</summary>
    private static Dictionary<string, string> HeadersOf(Integration i) => new(
        JsonSerializer.Deserialize(i.Headers, WireJson.Default.DictionaryStringString)!, StringComparer.OrdinalIgnoreCase);
}
