// Schemas of the contract records: what the framework's generator does not read from types, attributes and converters.

using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal sealed class OpenApiSchemas : IOpenApiSchemaTransformer
{
    /// <summary>The name of a type's schema; null for types whose schema stands where they are used: JSON of the caller's own says nothing by its type.</summary>
    public static string? NameOf(JsonTypeInfo type) =>
        IsJson(Nullable.GetUnderlyingType(type.Type) ?? type.Type) ? null : OpenApiOptions.CreateDefaultSchemaReferenceId(type);

    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type);
        var orNull = type is null ? default : JsonSchemaType.Null;
        type ??= context.JsonTypeInfo.Type;
        // The framework knows nothing of what these are written as.
        if (type == typeof(DateTimeOffset)) (schema.Type, schema.Format) = (JsonSchemaType.String | orNull, "date-time");
        if (schema.Properties is not null) Require(schema, context.JsonTypeInfo);
        if (context.JsonPropertyInfo?.AttributeProvider is not { } member) return Task.CompletedTask;
        if (IsJson(type) && !member.IsDefined(typeof(AnyJsonAttribute), false)) schema.Type = JsonSchemaType.Object | orNull;
        Bound(schema, member);
        if (member.GetCustomAttributes(typeof(ExampleAttribute), false) is [ExampleAttribute example]) schema.Examples = [NodeOf(example.Value, schema)];
        return Task.CompletedTask;
    }

    /// <summary>Of a request, what has no default; of an answer, what is not left out when there is nothing to say.</summary>
    private static void Require(OpenApiSchema schema, JsonTypeInfo type)
    {
        schema.Required = type.Properties
            .Where(p => p.AssociatedParameter is not { HasDefaultValue: true } && !IsLeftOut(p.AttributeProvider) && schema.Properties!.ContainsKey(p.Name))
            .Select(p => p.Name).ToHashSet();
    }

    private static bool IsLeftOut(ICustomAttributeProvider? member) =>
        member?.GetCustomAttributes(typeof(JsonIgnoreAttribute), false) is [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.WhenWritingNull }];

    private static void Bound(OpenApiSchema schema, ICustomAttributeProvider member)
    {
        foreach (var attribute in member.GetCustomAttributes(inherit: false))
        {
            switch (attribute)
            {
                case RequiredAttribute or JsonIgnoreAttribute { Condition: JsonIgnoreCondition.WhenWritingNull }:
                    schema.Type &= ~JsonSchemaType.Null;
                    break;
                case AllowedValuesAttribute allowed:
                    schema.Enum = [.. allowed.Values.Select(v => JsonValue.Create(JsonSerializer.SerializeToElement(v, WireJson.Default.Options))!)];
                    break;
                // The framework takes a dictionary for a list.
                case MaxLengthAttribute { Length: var most } when schema.Type?.HasFlag(JsonSchemaType.Object) == true:
                    (schema.MaxItems, schema.MaxLength, schema.MaxProperties) = (null, null, most);
                    break;
            }
        }

        // A null is none of the values that are listed, and yet allowed.
        if (schema.Enum is { Count: > 0 } values && schema.Type?.HasFlag(JsonSchemaType.Null) == true) values.Add(JsonNullSentinel.JsonNull);
    }

    private static JsonNode NodeOf(object value, OpenApiSchema schema) => value switch
    {
        string text when schema.Type is { } type && type.HasFlag(JsonSchemaType.String) => text,
        string json => JsonNode.Parse(json)!,
        bool flag => flag,
        int number => number,
        double number => number,
        _ => throw new NotSupportedException($"An example cannot be a {value.GetType()}."),
    };

    private static bool IsJson(Type type) => type == typeof(JsonElement) || type == typeof(JsonObject) || type == typeof(RawJson);
}
