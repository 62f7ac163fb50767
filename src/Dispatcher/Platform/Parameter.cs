// Query and path parameters of operations, as endpoint metadata: what handlers read from the request themselves is declared beside the route.

using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

/// <summary>A parameter of an operation. Of two of one name the later counts: an operation may say better what a type says in general.</summary>
/// <param name="Name">Its name in the query, or in the route's pattern.</param>
/// <param name="Description">What it asks for, and what its absence means.</param>
/// <param name="Schema">Its form, with an example.</param>
internal sealed record Parameter(string Name, string Description, OpenApiSchema Schema)
{
    /// <summary>An id of ours, such as <c>int_…</c>.</summary>
    public static Parameter Id(string name, string prefix, string description) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        Pattern = $"^{prefix}[0-9a-fA-F]{{32}}$",
        Examples = [prefix + Examples.Uuid],
    });

    /// <summary>An id that callers choose.</summary>
    public static Parameter Identifier(string name, string description, string example) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        MinLength = 1,
        MaxLength = Access.Identifiers.MaxLength,
        Pattern = Access.Identifiers.Pattern,
        Examples = [example],
    });

    public static Parameter Text(string name, string description, string example, int maxLength, string? pattern = null) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        MinLength = 1,
        MaxLength = maxLength,
        Pattern = pattern,
        Examples = [example],
    });

    /// <summary>An RFC 3339 time.</summary>
    public static Parameter Time(string name, string description) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        Format = "date-time",
        Examples = [Examples.Time],
    });

    public static Parameter OneOf(string name, string description, IReadOnlyList<string> values) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        Enum = [.. values.Select(v => (JsonNode)v)],
        Examples = [values[0]],
    });

    public static Parameter Number(string name, string description, int minimum, int maximum, int byDefault) => new(name, description, new OpenApiSchema
    {
        Type = JsonSchemaType.Integer,
        Format = "int32",
        Minimum = minimum.ToString(CultureInfo.InvariantCulture),
        Maximum = maximum.ToString(CultureInfo.InvariantCulture),
        Default = byDefault,
        Examples = [byDefault],
    });
}
