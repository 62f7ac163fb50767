// The bodies of the API reference, once all schemas are there: merge patches, unknown members, and examples put together from those of the members.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal static partial class OpenApiBodies
{
    public static void Complete(OpenApiDocument document)
    {
        var schemas = document.Components!.Schemas!;
        foreach (var schema in schemas.Values) Tidy(schema);
        var operations = document.Paths.Values.SelectMany(path => path.Operations!.Values).ToList();
        foreach (var body in operations.Select(o => o.RequestBody).OfType<OpenApiRequestBody>()) CompleteRequest(body, document);
        foreach (var answer in operations.SelectMany(o => o.Responses!.Values).OfType<OpenApiResponse>()) CompleteAnswer(answer);
        foreach (var unused in schemas.Keys.Except(Used(document)).ToList()) schemas.Remove(unused);
    }

    private static void CompleteRequest(OpenApiRequestBody body, OpenApiDocument document)
    {
        if (body.Content!.TryGetValue(OpenApi.NdJson, out var lines)) AsLines(lines, body.Content[OpenApi.Json]);
        if (body.Content.TryGetValue(OpenApi.MergePatch, out var patch))
        {
            patch.Schema = PatchOf(patch.Schema!, document);
            body.Content[OpenApi.Json].Schema = patch.Schema;
        }

        foreach (var content in body.Content.Values)
        {
            RefuseUnknownMembers(content.Schema!);
            if (content.Examples is null) content.Example ??= ExampleOf(content.Schema!);
        }
    }

    private static void CompleteAnswer(OpenApiResponse answer)
    {
        foreach (var content in answer.Content?.Values ?? []) content.Example ??= ExampleOf(content.Schema!);
    }

    /// <summary>A schema describes one JSON value, and these are many, one a line.</summary>
    private static void AsLines(OpenApiMediaType lines, OpenApiMediaType list)
    {
        lines.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Description = "One item of the list a line, each a JSON object; blank lines count for nothing." };
        var items = list.Examples?.Values.First().Value ?? ExampleOf(list.Schema!);
        lines.Examples = null;
        lines.Example = string.Concat(items!.AsArray().Select(item => item!.ToJsonString(WireJson.Wire.Options) + "\n"));
    }

    /// <summary>The same members as the request's, of which none has to be there.</summary>
    private static IOpenApiSchema PatchOf(IOpenApiSchema request, OpenApiDocument document)
    {
        if (request is not OpenApiSchemaReference { Reference.Id: { } name } || request.Required is null or { Count: 0 }) return request;
        var patchName = name.Replace("Request", "Patch", StringComparison.Ordinal);
        document.AddComponent(patchName, WithoutRequired(request));
        return new OpenApiSchemaReference(patchName, document);
    }

    private static OpenApiSchema WithoutRequired(IOpenApiSchema schema)
    {
        var copy = Concrete(schema)!;
        copy.Required = null;
        copy.Properties = copy.Properties?.ToDictionary(p => p.Key, p => Part(p.Value));
        return copy;

        static IOpenApiSchema Part(IOpenApiSchema part)
        {
            if (part is OpenApiSchemaReference && part.Required is { Count: > 0 }) return WithoutRequired(part);
            if (part.OneOf is not { } choices || part is not OpenApiSchema) return part;
            var copy = Concrete(part)!;
            copy.OneOf = [.. choices.Select(Part)];
            return copy;
        }
    }

    /// <summary>Requests take no member that they do not name.</summary>
    private static void RefuseUnknownMembers(IOpenApiSchema schema)
    {
        var target = schema is OpenApiSchemaReference reference ? reference.RecursiveTarget : schema as OpenApiSchema;
        if (target is null) return;
        if (target is { Properties: not null, AdditionalProperties: null }) target.AdditionalPropertiesAllowed = false;
        foreach (var part in (target.Properties?.Values ?? []).Concat(target.OneOf ?? []).Append(target.Items)) if (part is not null) RefuseUnknownMembers(part);
    }

    /// <summary>An example of a schema: its own, or one made of those of its parts.</summary>
    public static JsonNode? ExampleOf(IOpenApiSchema schema)
    {
        if ((schema.Examples?.FirstOrDefault() ?? schema.Default ?? schema.Enum?.FirstOrDefault()) is { } given) return given.DeepClone();
        if (schema.OneOf is { } choices) return choices.Select(ExampleOf).FirstOrDefault(example => example is not null);
        if (schema.Items is { } items) return ExampleOf(items) is { } item ? new JsonArray(item) : new JsonArray();
        if (schema.Properties is not { } members) return null;
        return new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, ExampleOf(m.Value))));
    }

    /// <summary>Puts a description where readers look for it, beside a choice and not within, and on one line, whatever the width of our sources.</summary>
    private static void Tidy(IOpenApiSchema schema)
    {
        if (schema is OpenApiSchema or OpenApiSchemaReference && schema.Description is { } text) schema.Description = LineBreaks().Replace(text, " ");
        if (schema is not OpenApiSchema own) return;
        foreach (var choice in own.OneOf ?? [])
        {
            Tidy(choice);
            if (choice is not OpenApiSchemaReference { Reference.Description: { } said } reference) continue;
            own.Description ??= said;
            reference.Reference.Description = null;
        }

        foreach (var part in (own.Properties?.Values ?? []).Append(own.Items)) if (part is not null) Tidy(part);
    }

    private static OpenApiSchema? Concrete(IOpenApiSchema schema) =>
        (schema is OpenApiSchemaReference reference ? reference.RecursiveTarget : schema)?.CreateShallowCopy() as OpenApiSchema;

    /// <summary>The schemas that anything refers to: those that only made way for others say nothing.</summary>
    private static HashSet<string> Used(OpenApiDocument document)
    {
        using var text = new StringWriter();
        document.SerializeAsV31(new OpenApiJsonWriter(text));
        return [.. References().Matches(text.ToString()).Select(m => m.Groups[1].Value)];
    }

    [GeneratedRegex("\"#/components/schemas/([^\"]+)\"")]
    private static partial Regex References();

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex LineBreaks();
}
