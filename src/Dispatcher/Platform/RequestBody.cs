// Reads request bodies: bounded, whole, and with errors that name the member.

using System.Buffers;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Metadata;

namespace Dispatcher.Platform;

/// <summary>A JSON request body, as a handler's parameter: malformed JSON is 400, unknown members and wrong types are 422 by name.</summary>
internal sealed class Body<T>(T value) : IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider where T : class
{
    /// <summary>Bodies of resources are small; events have limits of their own.</summary>
    private const int LimitBytes = 512 * 1024;

    public T Value { get; } = value;

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        using var bytes = await RequestBytes.ReadAsync(context, LimitBytes);
        var empty = bytes.Span.IsEmpty && typeof(T).IsAssignableTo(typeof(IMayBeEmpty));
        return new Body<T>(RequestBody.Parse<T>(empty ? "{}"u8 : bytes.Span));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata([OpenApi.Json, OpenApi.AnyContentType], typeof(T)));
}

/// <summary>A request whose members are all optional, so that no body at all is the same as an empty object.</summary>
internal interface IMayBeEmpty;

internal static class RequestBody
{
    public static T Parse<T>(ReadOnlySpan<byte> json) where T : class
    {
        var type = (JsonTypeInfo<T>)WireJson.Default.GetTypeInfo(typeof(T))!;
        if (FindUnstorable(json) is { } unstorable) throw unstorable.AsException();
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw Problem.Malformed("The body must be a JSON object, not null.").AsException();
        }
        catch (JsonException e)
        {
            throw Explain(json, e, type).AsException();
        }
    }

    /// <summary>
    /// Finds text that is JSON by its grammar and yet cannot be stored or written again: bytes that are not UTF-8, half a surrogate
    /// pair, U+0000. Null when there is none, and when the body is not JSON at all.
    /// </summary>
    private static Problem? FindUnstorable(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return Problem.Malformed("The body is not UTF-8.");
        if (json.IndexOf("\\u"u8) < 0) return null;
        var member = "body";
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) continue;
                if (reader.ValueIsEscaped && !IsStorable(ref reader)) return Problem.Invalid(member, "must not hold U+0000 or half a surrogate pair.");
                if (reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 }) member = reader.GetString()!;
            }
        }
        catch (JsonException)
        {
            // Said better by whoever parses it.
        }

        return null;
    }

    private static bool IsStorable(ref Utf8JsonReader reader)
    {
        try
        {
            return !reader.GetString()!.Contains('\0', StringComparison.Ordinal);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Says where JSON text stops being JSON; null when it is well-formed.</summary>
    public static Problem? FindMalformation(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
            }

            return null;
        }
        catch (JsonException e)
        {
            return Problem.Malformed($"The body is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.");
        }
    }

    private static Problem Explain(ReadOnlySpan<byte> json, JsonException error, JsonTypeInfo type)
    {
        if (FindMalformation(json) is { } malformed) return malformed;

        using var document = JsonDocument.Parse(json.ToArray());
        if (document.RootElement.ValueKind != JsonValueKind.Object) return Problem.Malformed("The body must be a JSON object.");

        var faults = new Faults();
        var known = type.Properties.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in document.RootElement.EnumerateObject())
        {
            if (!known.ContainsKey(member.Name)) faults.Add(member.Name, "is not a member of this request.");
            else if (!seen.Add(member.Name)) faults.Add(member.Name, "is given twice.");
        }

        if (!faults.Any)
        {
            var path = (error.Path ?? "$").TrimStart('$').TrimStart('.');
            var top = path.Split('.', '[')[0];
            faults.Add(
                path.Length > 0 ? path : "body",
                path == top && known.TryGetValue(top, out var property) ? $"must be {Describe(property.PropertyType)}." : "is unknown or not of the right type.");
        }

        return faults.ToProblem();
    }

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return "a string";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(double)) return "a number";
        if (type == typeof(DateTimeOffset)) return "an RFC 3339 time with its offset, such as 2023-10-01T12:00:00Z";
        if (type.IsArray) return $"an array, each item {Describe(type.GetElementType()!)}";
        return "an object";
    }
}

/// <summary>The bytes of a request body in a pooled buffer.</summary>
internal sealed class RequestBytes : IDisposable
{
    private byte[] _buffer;
    private int _length;

    private RequestBytes(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>Reads the whole body; one that is longer than the limit ends the request with 413 before it is read.</summary>
    public static async ValueTask<RequestBytes> ReadAsync(HttpContext context, int limit)
    {
        var announced = context.Request.ContentLength;
        if (announced > limit) throw TooLarge(limit);

        var bytes = new RequestBytes((int)(announced + 1 ?? 4096));
        try
        {
            while (true)
            {
                if (bytes._length == bytes._buffer.Length) bytes.Grow();
                var read = await context.Request.Body.ReadAsync(bytes._buffer.AsMemory(bytes._length), context.RequestAborted);
                if (read == 0) return bytes;
                bytes._length += read;
                if (bytes._length > limit) throw TooLarge(limit);
            }
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        var buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private static ProblemException TooLarge(int limit) => Problem.TooLarge($"The body is larger than {limit} bytes.").AsException();
}
