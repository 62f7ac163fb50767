// Request bodies as parameters of handlers.

using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Metadata;

namespace Dispatcher.Platform;

/// <summary>A JSON request body, as a handler's parameter: malformed JSON is 400, unknown members and wrong types are 422 by name.</summary>
/// <param name="value">What could be read of it.</param>
/// <param name="faults">What could not.</param>
internal sealed class Body<T>(T value, Faults faults) : IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider where T : class
{
    /// <exception cref="ProblemException">422, where a member is unknown or has the wrong type.</exception>
    public T Value
    {
        get
        {
            faults.ThrowIfAny();
            return value;
        }
    }

    /// <summary>Applies rules, so that one answer names every member at fault: unknown, of the wrong type, or against a rule.</summary>
    /// <exception cref="ProblemException">422, where any member is at fault.</exception>
    public void Check(Action<T, Faults> rules)
    {
        rules(value, faults);
        faults.ThrowIfAny();
    }

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        var empty = bytes.Span.IsEmpty && typeof(T).IsAssignableTo(typeof(IMayBeEmpty));
        var (value, faults) = RequestBody.Read<T>(empty ? "{}"u8 : bytes.Span);
        return new Body<T>(value, faults);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata([OpenApi.Json, OpenApi.AnyContentType], typeof(T), isOptional: typeof(T).IsAssignableTo(typeof(IMayBeEmpty))));
}

/// <summary>
/// A JSON merge patch (RFC 7396) of a request, as a handler's parameter: its members have the names and types of the request's, and
/// null takes a member away.
/// </summary>
/// <param name="members">What could be read of it.</param>
/// <param name="faults">What could not.</param>
internal sealed class Patch<T>(JsonObject members, Faults faults) : IBindableFromHttpContext<Patch<T>>, IEndpointParameterMetadataProvider where T : class
{
    /// <exception cref="ProblemException">422, where a member is unknown or has the wrong type.</exception>
    public JsonObject Members
    {
        get
        {
            faults.ThrowIfAny();
            return members;
        }
    }

    /// <summary>Lays the patch over what is there and applies rules to the outcome, as <see cref="Body{T}.Check"/> does.</summary>
    /// <exception cref="ProblemException">422, where any member is at fault.</exception>
    public T Check(Func<JsonObject, T> merge, Action<T, Faults> rules)
    {
        var merged = merge(members);
        rules(merged, faults);
        faults.ThrowIfAny();
        return merged;
    }

    public static async ValueTask<Patch<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        var (members, faults) = RequestBody.ReadMembers<T>(bytes.Span);
        return new Patch<T>(members, faults);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata([OpenApi.MergePatch, OpenApi.Json, OpenApi.AnyContentType], typeof(T)));
}

/// <summary>A request whose members are all optional, so that no body at all is the same as an empty object.</summary>
internal interface IMayBeEmpty;

/// <summary>A request that says all in its path, as a handler's parameter. A body is not asked for; one with members is refused, as nobody would look at them.</summary>
internal sealed record NoMembers : IMayBeEmpty, IBindableFromHttpContext<NoMembers>
{
    public static async ValueTask<NoMembers?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        (await Body<NoMembers>.BindAsync(context, parameter))!.Value;
}
