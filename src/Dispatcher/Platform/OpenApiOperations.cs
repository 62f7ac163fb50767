// Operations of the API reference: their parameters, and every status that they can answer with.

using System.Globalization;
using System.Text.Json.Nodes;
using Dispatcher.Access;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal sealed class OpenApiOperations : IOpenApiOperationTransformer
{
    private const string RepeatSafely =
        "With an `Idempotency-Key` the call can be repeated safely: for 24 hours the first answer is given again, and nothing happens twice.";

    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        operation.RequestBody?.Content?.Remove(OpenApi.AnyContentType);
        if (metadata.OfType<IAllowAnonymous>().Any()) operation.Security = [];
        if (metadata.OfType<Operation>().LastOrDefault() is not { } said) return Task.CompletedTask;

        var isPost = context.Description.HttpMethod == HttpMethods.Post;
        operation.Description = Describe(said, metadata.OfType<Admits>().LastOrDefault() ?? Admits.Operators, isPost);
        var declared = ParametersOf(context.Description.RelativePath!, said, metadata).ToList();
        operation.Parameters = [.. declared, .. (operation.Parameters ?? []).ExceptBy(declared.Select(p => p.Name), p => p.Name), .. HeadersOf(isPost)];
        var responses = operation.Responses ??= [];
        foreach (var (status, answer) in responses) Complete(status, (OpenApiResponse)answer, said, isPost);
        foreach (var status in RefusalsOf(operation, said, isPost).Order())
            responses[status.ToString(CultureInfo.InvariantCulture)] = OpenApiRefusals.Of(status, said.Answers.GetValueOrDefault(status), context.Document!);
        foreach (var (name, json) in said.Requests) AddExample(operation.RequestBody, name, json);
        return Task.CompletedTask;
    }

    private static string Describe(Operation said, Admits admits, bool isPost)
    {
        var roles = string.Join(", ", admits.Roles.Select(r => $"`{r.ToString().ToLowerInvariant()}`"));
        return $"{said.Description}{(isPost ? "\n\n" + RepeatSafely : "")}\n\nFor keys of the role{(admits.Roles.Length > 1 ? "s" : "")} {roles}.";
    }

    private static IEnumerable<IOpenApiParameter> ParametersOf(string path, Operation said, IList<object> metadata) =>
        from parameter in metadata.OfType<Parameter>().Concat(said.Parameters).GroupBy(p => p.Name).Select(same => same.Last())
        let inPath = path.Contains($"{{{parameter.Name}}}", StringComparison.Ordinal)
        orderby inPath descending
        select new OpenApiParameter
        {
            Name = parameter.Name,
            In = inPath ? ParameterLocation.Path : ParameterLocation.Query,
            Required = inPath,
            Description = parameter.Description,
            Schema = parameter.Schema,
            Example = parameter.Schema.Examples![0].DeepClone(),
        };

    private static IEnumerable<IOpenApiParameter> HeadersOf(bool isPost)
    {
        if (!isPost) yield break;
        yield return new OpenApiParameter
        {
            Name = IdempotencyMiddleware.Header,
            In = ParameterLocation.Header,
            Description = "A name of the caller's for this very call, at best a UUID. Within 24 hours the same key with the same request gives the first answer again.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = IdempotencyMiddleware.MaxKeyLength },
            Example = "0b7f5d0e-6f0f-4c46-9f52-5a3c1f6f7a10",
        };
    }

    private static void Complete(string status, OpenApiResponse answer, Operation said, bool isPost)
    {
        var code = int.Parse(status, CultureInfo.InvariantCulture);
        answer.Description = said.Answers.GetValueOrDefault(code) ?? code switch
        {
            201 => "It is made and stored.",
            202 => "It is stored, and will be done.",
            204 => "Done. There is nothing to say.",
            _ => "As asked for.",
        };
        answer.Headers ??= new Dictionary<string, IOpenApiHeader>();
        if (code is 201 or 202 && said.Location is { } location) answer.Headers["Location"] = Header("Where to read it.", "uri-reference", location);
        if (isPost) answer.Headers["Idempotent-Replayed"] = Header("`true` where this is the first answer to the same `Idempotency-Key`, given again; else absent.", null, "true");
    }

    private static HashSet<int> RefusalsOf(OpenApiOperation operation, Operation said, bool isPost)
    {
        // A query with U+0000 is malformed everywhere, and so is an organization unknown that nobody has.
        HashSet<int> statuses = [400, 401, 403, 404, 429, 500, 503];
        var hasBody = operation.RequestBody is not null;
        if (isPost) statuses.UnionWith([409, 413, 422]);
        if (isPost || hasBody) statuses.Add(408);
        if (hasBody) statuses.UnionWith([413, 422]);
        if (operation.Parameters!.Any(p => p.In == ParameterLocation.Query && p.Name != "organization")) statuses.Add(422);
        statuses.UnionWith(said.Answers.Keys.Where(status => status >= 400));
        return statuses;
    }

    private static OpenApiHeader Header(string description, string? format, string example) => new()
    {
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = format },
        Example = example,
    };

    private static void AddExample(IOpenApiRequestBody? body, string name, string json)
    {
        foreach (var content in body?.Content?.Values ?? [])
        {
            content.Examples ??= new Dictionary<string, IOpenApiExample>();
            content.Examples[name] = new OpenApiExample { Summary = name, Value = JsonNode.Parse(json) };
        }
    }
}
