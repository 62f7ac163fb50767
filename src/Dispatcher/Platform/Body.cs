// Request bodies as parameters of handlers.

using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Metadata;

namespace Dispatcher.Platform;

/// <summary>A JSON request body, as a handler's parameter: malformed JSON is 400, unknown members and wrong types are 422 by name.</summary>
internal sealed class Body<T>(T value) : IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider where T : class
{
    public T Value { get; } = value;

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        var empty = bytes.Span.IsEmpty && typeof(T).IsAssignableTo(typeof(IMayBeEmpty));
        return new Body<T>(RequestBody.Parse<T>(empty ? "{}"u8 : bytes.Span));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata([OpenApi.Json, OpenApi.AnyContentType], typeof(T)));
}

/// <summary>
/// A JSON merge patch (RFC 7396) of a request, as a handler's parameter: its members have the names and types of the request's, and
/// null takes a member away.
/// </summary>
internal sealed class Patch<T>(JsonObject members) : IBindableFromHttpContext<Patch<T>>, IEndpointParameterMetadataProvider where T : class
{
    public JsonObject Members { get; } = members;

    public static async ValueTask<Patch<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        _ = RequestBody.Parse<T>(bytes.Span);
        return new Patch<T>(RequestBody.Parse<JsonObject>(bytes.Span));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => Body<T>.PopulateMetadata(parameter, builder);
}

/// <summary>A request whose members are all optional, so that no body at all is the same as an empty object.</summary>
internal interface IMayBeEmpty;
