// Makes requests for an endpoint: right ones, nearly right ones, and garbage. What it needs to know of an endpoint is in its metadata.

using System.Text;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Dispatcher.Tests.Fuzz;

/// <summary>One request.</summary>
/// <param name="Role">Whose key it comes with.</param>
/// <param name="Method">The method.</param>
/// <param name="Path">Path and query, percent-encoded.</param>
/// <param name="Organization">Which organization it is about, if it is about any.</param>
/// <param name="Body">The body, if there is one.</param>
/// <param name="ContentType">Its type, if it says so.</param>
/// <param name="Headers">Further headers.</param>
internal sealed record FuzzRequest(
    string Role, string Method, string Path, string Organization, byte[]? Body, string? ContentType, List<(string Name, string Value)> Headers)
{
    public override string ToString() =>
        $"{Role}: {Method} {Short(Path)} {ContentType} [{string.Join("; ", Headers.Select(h => $"{h.Name}: {Short(h.Value)}"))}] {(Body is null ? "" : Short(Encoding.UTF8.GetString(Body), 1500))}";

    private static string Short(string text, int length = 300) => text.Length <= length ? text : $"{text[..length]}… ({text.Length})";
}

internal sealed class RequestMaker(Garbage garbage, FuzzWorld world, int endpointNumber)
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "FOO"];

    private static readonly string[] Parameters =
        ["limit", "cursor", "since", "until", "status", "type", "integration", "event", "project", "inbox", "organization", "documentName", "id", "body", "tenant", "é"];

    /// <summary>What a member of this name may well be, wherever it stands, as JSON. What is not here gets something of its type.</summary>
    private static readonly Dictionary<string, string[]> Plausible = new()
    {
        ["IntegrationRequest.type"] = ["\"webhook\""],
        ["type"] = ["\"a.b\"", "\"job.completed\"", "\"x\""],
        ["events"] = ["[\"*\"]", "[\"a.*\",\"b\"]"],
        ["target"] = [$"\"{FuzzWorld.Target}\""],
        ["headers"] = ["{\"X-A\":\"a\"}", "{}", "{\"X-A\":\"********\"}"],
        ["basic_auth"] = ["null", "{\"username\":\"u\",\"password\":\"p\"}"],
        ["project"] = ["null", "\"p\"", "\"default\""],
        ["inbox"] = ["null", "\"i\""],
        ["organization"] = ["null"],
        ["retry"] = ["{\"base_seconds\":1,\"max_attempts\":3}", "{}"],
        ["signing"] = ["\"hmac\"", "\"ed25519\""],
        ["rate_limit_per_second"] = ["null", "5"],
        ["max_concurrency"] = ["null", "5"],
        ["timeout_seconds"] = ["null", "5"],
        ["ordering"] = ["\"none\"", "\"by_key\""],
        ["ordering_key"] = ["null", "\"k\""],
        ["metadata"] = ["{\"a\":{\"b\":[1]}}", "{}"],
        ["secret"] = ["null"],
        ["grace_seconds"] = ["0", "1", "600"],
        ["event"] = ["\"job.created\"", "\"a.b\""],
        ["payload"] = ["{\"n\":1}", "{ }", "{\"a\":\"\\ud800\"}"],
        ["example"] = ["{\"n\":1}", "null"],
        ["kind"] = ["\"parse\"", "\"document_predict\"", "\"workflow\"", "\"document_ingestion\""],
        ["workflow_name"] = ["\"w\""],
        ["status"] = ["\"processing\"", "\"successful\"", "\"failure\"", "\"pending\""],
        ["usage"] = ["{\"pages_parsed\":1}", "null"],
        ["fn_status"] = ["{\"a\":\"success\"}", "null"],
        ["result"] = ["[1,{\"a\":null}]", "null", "\"x\""],
        ["since"] = ["\"2024-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00Z\""],
        ["until"] = ["null", "\"9999-12-31T23:59:59Z\""],
        ["role"] = ["\"member\"", "\"emitter\""],
        ["expires_at"] = ["null", "\"9999-12-31T23:59:59.9999999Z\""],
        ["retention_days"] = ["null", "7"],
        ["deprecated"] = ["true"],
        ["id"] = ["null"],
        ["name"] = ["\"n\""],
        ["description"] = ["\"d\"", "null"],
    };

    private int _made;

    public FuzzRequest Make(RouteEndpoint endpoint)
    {
        var method = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0];
        if (garbage.Once(12)) method = garbage.Of(Methods);
        var role = garbage.Of(["operator", "operator", "operator", "operator", "admin", "admin", "admin", "member", "emitter", "nobody"]);
        var query = Query(role, out var organization);
        var (body, type) = method is "POST" or "PUT" or "PATCH" || (method is not "TRACE" and not "HEAD" && garbage.Once(12)) ? Body(endpoint) : (null, null);
        var headers = Enumerable.Range(0, garbage.Once(3) ? garbage.Upto(4) : 0).Select(_ => garbage.Header()).ToList();
        // Each for itself, so that no answer is another's.
        if (garbage.Once(8)) headers.Add(("Idempotency-Key", $"{endpointNumber}-{_made}-{garbage.HeaderValue()}"));
        _made++;
        return new FuzzRequest(role, method, Path(endpoint) + query, organization, body, type, headers);
    }

    private string Path(RouteEndpoint endpoint)
    {
        var segments = endpoint.RoutePattern.RawText!.Trim('/').Split('/');
        var path = new StringBuilder(garbage.Once(20) ? "/v1" : "");
        for (var i = 0; i < segments.Length; i++)
        {
            path.Append('/');
            if (!segments[i].Contains('{', StringComparison.Ordinal)) path.Append(segments[i]);
            else if (segments[i].Contains("documentName", StringComparison.Ordinal)) path.Append(garbage.Once(2) ? "v1.json" : garbage.Segment() + ".json");
            else if (garbage.Once(6)) path.Append(garbage.Segment());
            else if (garbage.Once(8) || !world.Ids.TryGetValue(segments[i - 1], out var ids)) path.Append(garbage.Of([.. world.Ids.Values.SelectMany(v => v)]));
            else path.Append(garbage.Of(ids));
        }

        if (garbage.Once(30)) path.Append('/').Append(garbage.Once(2) ? "" : garbage.Segment());
        return path.ToString();
    }

    private string Query(string role, out string organization)
    {
        organization = world.Organization;
        var parts = new List<string>();
        if (role == "operator" && !garbage.Once(8)) parts.Add($"organization={world.Organization}");
        else if (role == "operator") organization = "default";
        for (var i = garbage.Once(3) ? garbage.Upto(4) : 0; i > 0; i--)
        {
            // An organization that somebody else's garbage may have made would take what is counted here.
            var name = garbage.Of(Parameters);
            parts.Add($"{Uri.EscapeDataString(name)}={(name == "organization" ? garbage.Of(["%ff", "", "no-such", "a%20b"]) : garbage.QueryValue())}");
        }

        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
    }

    private (byte[]? Body, string? ContentType) Body(RouteEndpoint endpoint)
    {
        var accepts = endpoint.Metadata.GetOrderedMetadata<IAcceptsMetadata>().LastOrDefault(a => a.RequestType is not null);
        var contentType = garbage.Upto(10) switch { 0 => null, 1 => garbage.ContentType(), _ => "application/json" };
        if (accepts is null) return garbage.Once(2) ? (null, null) : (Encoding.UTF8.GetBytes(garbage.Json()), contentType);

        var json = Sample(accepts.RequestType!);
        if (accepts.ContentTypes.Contains("application/x-ndjson") && garbage.Once(3))
            (json, contentType) = (json.Trim('[', ']').Replace(",{", "\n{", StringComparison.Ordinal), "application/x-ndjson");
        return garbage.Upto(12) switch
        {
            0 => (garbage.Damaged(json), contentType),
            1 => (garbage.Bytes(), contentType),
            2 => (Encoding.UTF8.GetBytes(garbage.Json()), contentType),
            3 => (Encoding.UTF8.GetBytes(garbage.NoJson()), contentType),
            _ => (Encoding.UTF8.GetBytes(json), contentType),
        };
    }

    private string Sample(Type type)
    {
        if (type.IsArray)
        {
            var count = garbage.Once(10) ? garbage.Upto(1100) : garbage.Upto(4);
            return $"[{string.Join(',', Enumerable.Range(0, count).Select(_ => garbage.Once(6) ? garbage.Json() : Sample(type.GetElementType()!)))}]";
        }

        var info = WireJson.Default.GetTypeInfo(type)!;
        var members = info.Properties.Where(_ => !garbage.Once(4)).Select(p => (p.Name, Json: Value(type, p.Name, p.PropertyType))).ToList();
        // What can never be left out is mostly there.
        foreach (var name in new[] { "type", "events", "target", "payload", "kind", "role", "status", "since", "event" })
        {
            if (info.Properties.FirstOrDefault(p => p.Name == name) is { } must && !members.Exists(m => m.Name == name) && !garbage.Once(4))
                members.Add((name, Value(type, name, must.PropertyType)));
        }

        for (var faults = garbage.Once(2) ? 0 : garbage.Upto(3); faults > 0; faults--)
        {
            if (members.Count == 0 || garbage.Once(5)) members.Add((garbage.Member(), garbage.Json()));
            else if (garbage.Once(8)) members.Add(garbage.Of(members));
            else members[garbage.Upto(members.Count)] = (garbage.Of(members).Name, garbage.Json());
        }

        return $"{{{string.Join(',', members.Select(m => $"\"{m.Name}\":{m.Json}"))}}}";
    }

    private string Value(Type owner, string name, Type type)
    {
        // Ids that callers choose: mostly new ones, now and then one that is known.
        if (name is "id" or "name" && owner.Name is not "IntegrationRequest" && !garbage.Once(3))
            return garbage.Once(6) ? "\"one\"" : $"\"{(owner.Name == "EventTypeRequest" ? "made." : "made-")}{endpointNumber}-{_made}-{garbage.Upto(100_000)}\"";
        if (Plausible.TryGetValue($"{owner.Name}.{name}", out var values) || Plausible.TryGetValue(name, out values)) return garbage.Of(values);
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(bool) ? garbage.Of(["true", "false"])
            : type == typeof(string) ? "\"x\""
            : type == typeof(DateTimeOffset) ? "\"2099-01-01T00:00:00Z\""
            : type.IsArray ? "[]"
            : type.IsValueType && type.IsPrimitive ? "1"
            : "{}";
    }
}
