// What an integration may say. Every rule of every member, in one place.

using System.Text;
using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Events;
using Dispatcher.Platform;
using Dispatcher.Sending;
using Dispatcher.Signing;

namespace Dispatcher.Integrations;

internal static class IntegrationRules
{
    public const int MaxMetadataBytes = 16 * 1024;

    /// <param name="request">What it shall be.</param>
    /// <param name="options">The server's own.</param>
    /// <param name="faults">Takes what is wrong.</param>
    /// <param name="kept">What it is, of a patch: what stays as it is was taken by the rules of its time, and keeps nobody from changing the rest.</param>
    public static void Check(IntegrationRequest request, DispatcherOptions options, Faults faults, Integration? kept = null)
    {
        faults.Require(request.Type is not null, "type", "is required; it must be \"webhook\".");
        faults.Require(request.Type is null or "webhook", "type", "must be \"webhook\".");
        if (kept is null || request.Events?.SequenceEqual(kept.Events, StringComparer.Ordinal) != true) CheckEvents(request.Events, faults);
        if (kept is null || request.Target != kept.Target) CheckTarget(request.Target, options.Egress.RequireHttps, faults);
        CheckHeaders(request, faults);
        CheckBasicAuth(request.BasicAuth, faults);
        faults.Require(request.Name is null or { Length: >= 1 and <= 200 }, "name", "must have 1 to 200 characters.");
        Identifiers.CheckOptional(faults, "project", request.Project);
        Identifiers.CheckOptional(faults, "inbox", request.Inbox);
        faults.Require(request.RateLimitPerSecond is null or (>= 1 and <= 100_000), "rate_limit_per_second", "must be from 1 to 100000.");
        faults.Require(request.MaxConcurrency is null or (>= 1 and <= 1000), "max_concurrency", "must be from 1 to 1000.");
        faults.Require(request.TimeoutSeconds is null or (>= 0.1 and <= 300), "timeout_seconds", "must be from 0.1 to 300.");
        faults.Require(request.Retry?.BaseSeconds is null or (> 0 and <= 3600), "retry.base_seconds", "must be above 0 and at most 3600.");
        faults.Require(request.Retry?.MaxAttempts is null or (>= 1 and <= 10), "retry.max_attempts", "must be from 1 to 10.");
        faults.Require(request.Ordering is null or "none" or "by_key", "ordering", "must be \"none\" or \"by_key\".");
        faults.Require(request.Signing is null or SigningScheme.Hmac or SigningScheme.Ed25519, "signing", "must be \"hmac\" or \"ed25519\".");
        if (request.Metadata is { } metadata)
        {
            faults.Require(metadata.ValueKind == JsonValueKind.Object, "metadata", "must be an object.");
            faults.Require(Encoding.UTF8.GetByteCount(metadata.GetRawText()) <= MaxMetadataBytes, "metadata", $"must have at most {MaxMetadataBytes} bytes.");
        }
    }

    /// <summary>What only a new integration can be refused for: an existing one is judged by where it was made.</summary>
    public static void CheckNew(IntegrationRequest request, DispatcherOptions options, Faults faults)
    {
        Check(request, options, faults);
        faults.Require(
            request.Signing != SigningScheme.Ed25519 || Ed25519Key.IsAvailable,
            "signing", "cannot be \"ed25519\" on this server: it needs Linux and OpenSSL 1.1.1 or newer (libcrypto).");
    }

    /// <summary>How an integration signs is for good: its receiver would refuse what is signed in another way.</summary>
    public static void CheckSame(IntegrationRequest request, Integration integration)
    {
        if (request.Signing is { } signing && signing != integration.Signing)
            throw Problem.Invalid("signing", $"cannot be changed: it is \"{integration.Signing}\". Register another integration, and delete this one.").AsException();
    }

    private static void CheckEvents(string[]? events, Faults faults)
    {
        if (events is null or [])
        {
            faults.Add("events", "is required: at least one event type, a prefix such as \"job.*\", or \"*\".");
            return;
        }

        faults.Require(events.Length <= 100, "events", "must have at most 100 items.");
        for (var i = 0; i < events.Length; i++)
        {
            if (events[i] is null || !EventNames.IsPattern(events[i]))
                faults.Add($"events[{i}]", $"must be \"*\", a type, or a prefix with \".*\"; a type {EventNames.Rule}.");
        }
    }

    private static void CheckTarget(string? target, bool requireHttps, Faults faults)
    {
        if (string.IsNullOrWhiteSpace(target))
        {
            faults.Add("target", "is required: an absolute http or https URL.");
            return;
        }

        if (TargetUrl.FaultOf(target) is { } fault) faults.Add("target", fault);
        else if (requireHttps && !target.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
            faults.Add("target", "must be an https URL: this server sends to no other.");
    }

    /// <summary>The sender's own rules (<see cref="StaticHeaders"/>), and what only a whole request can show.</summary>
    private static void CheckHeaders(IntegrationRequest request, Faults faults)
    {
        if (request.Headers is not { } headers) return;
        faults.Require(headers.Count <= StaticHeaders.MaxCount, "headers", $"must have at most {StaticHeaders.MaxCount} members.");
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers)
        {
            var member = $"headers.{name}";
            if (value is null) faults.Add(member, "must be a string.");
            else if (!StaticHeaders.TryCheck(name, value, out var refusal)) faults.Add(member, refusal);
            else if (!seen.Add(name)) faults.Add(member, "is given twice.");
            else if (request.BasicAuth is not null && name.Equals("authorization", StringComparison.OrdinalIgnoreCase))
                faults.Add(member, "cannot be combined with basic_auth.");
        }
    }

    private static void CheckBasicAuth(BasicAuth? auth, Faults faults)
    {
        if (auth is null) return;
        faults.Require(auth.Password is not null, "basic_auth.password", "is required; it may be empty.");
        faults.Require(auth.Username is { Length: >= 1 and <= 500 } && !auth.Username.Contains(':') && !auth.Username.Any(char.IsControl),
            "basic_auth.username", "must have 1 to 500 characters, none of them \":\".");
        faults.Require(
            auth.Password is null || (auth.Password.Length <= 500 && !auth.Password.Any(char.IsControl)),
            "basic_auth.password", "must have at most 500 characters, none of them a control character.");
    }
}
