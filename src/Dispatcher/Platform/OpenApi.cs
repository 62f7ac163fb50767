// The OpenAPI 3.1 document at /openapi/v1.json, and its reader at /docs, which needs no other host.

using Dispatcher.Access;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal static class OpenApi
{
    public const string Json = "application/json";
    public const string NdJson = "application/x-ndjson";

    /// <summary>Bodies are read as JSON whatever they are called: a curl line without a content type works. Not in the document.</summary>
    public const string AnyContentType = "*/*";

    private const string Document = "v1";
    private const string BearerScheme = "bearer";
    private const string KeyScheme = "apiKey";

    public static void AddDispatcherOpenApi(this IServiceCollection services) => services.AddOpenApi(Document, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer(DescribeAsync);
        options.AddOperationTransformer(AddProblemsAsync);
    });

    public static void MapDispatcherOpenApi(this WebApplication app)
    {
        app.MapOpenApi().WithMetadata(new AllowAnonymousAttribute()).Finally(endpoint =>
        {
            // The framework answers a name that it does not know in plain text.
            var answer = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = context => (string?)context.Request.RouteValues["documentName"] == Document
                ? answer(context)
                : throw Problem.NotFound($"There is nothing at {context.Request.Path}.").AsException();
        });
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.DocumentTitle = "Dispatcher API";
            ui.SwaggerEndpoint("../openapi/v1.json", "Dispatcher");
        });
    }

    private static Task DescribeAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Dispatcher",
            Version = ServerVersion.Text,
            Description = "Registers webhook integrations, takes events and job states, and delivers them as signed POSTs.",
        };
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [BearerScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A key, as Authorization: Bearer <key>." },
            [KeyScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "x-api-key", Description = "The same key." },
        };
        document.Security =
        [
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] },
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] },
        ];
        return Task.CompletedTask;
    }

    /// <summary>Every operation may answer with a problem; which ones follows from what it is.</summary>
    private static async Task AddProblemsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var admits = context.Description.ActionDescriptor.EndpointMetadata.OfType<Admits>().LastOrDefault();
        if (admits is null) return;
        operation.RequestBody?.Content?.Remove(AnyContentType);
        var schema = await context.GetOrCreateSchemaAsync(typeof(Problem), null, ct);
        var method = context.Description.HttpMethod;
        Add("401", "No key, or one that is unknown, revoked or expired.");
        Add("403", $"The key's role may not do this; {string.Join(", ", admits.Roles.Select(r => r.ToString().ToLowerInvariant()))} may.");
        if (context.Description.RelativePath!.Contains('{')) Add("404", "There is no such thing, or it is another tenant's.");
        Add("422", "A member or a query parameter is wrong; errors says which and why.");
        if (method is "POST" or "PUT" or "PATCH")
        {
            Add("400", "The body is not JSON.");
            Add("409", "It conflicts with what is there.");
            Add("413", "The body is too large.");
        }

        if (method is "POST")
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = IdempotencyMiddleware.Header,
                In = ParameterLocation.Header,
                Description = "The same key with the same request within 24 hours gives the first answer again.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = 255 },
            });
        }

        void Add(string status, string description)
        {
            operation.Responses ??= [];
            operation.Responses.TryAdd(status, new OpenApiResponse
            {
                Description = description,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() { Schema = schema } },
            });
        }
    }
}
