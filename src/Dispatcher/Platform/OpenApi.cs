// The OpenAPI 3.1 document at /openapi/v1.json, and its reader at /docs, which needs no other host.

using Dispatcher.Events;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal static class OpenApi
{
    public const string Json = "application/json";
    public const string NdJson = "application/x-ndjson";
    public const string MergePatch = "application/merge-patch+json";
    public const string ProblemJson = "application/problem+json";

    /// <summary>Bodies are read as JSON whatever they are called: a curl line without a content type works. Not in the document.</summary>
    public const string AnyContentType = "*/*";

    private const string Document = "v1";

    /// <summary>The reader's scripts know other hosts; its browser asks none. What it holds is ours, so what is inline may run.</summary>
    private const string OwnHostOnly = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'";

    public static void AddDispatcherOpenApi(this IServiceCollection services) => services.AddOpenApi(Document, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.CreateSchemaReferenceId = OpenApiSchemas.NameOf;
        options.AddSchemaTransformer<OpenApiSchemas>();
        options.AddOperationTransformer<OpenApiOperations>();
        options.AddDocumentTransformer<WebhooksReference>();
        options.AddDocumentTransformer<OpenApiDocuments>();
    });

    public static void MapDispatcherOpenApi(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<DispatcherOptions>();
        app.MapOpenApi().WithMetadata(new AllowAnonymousAttribute()).Finally(endpoint =>
        {
            // The framework answers a name that it does not know in plain text.
            var cache = new OpenApiCache(endpoint.RequestDelegate!, options);
            endpoint.RequestDelegate = context => (string?)context.Request.RouteValues["documentName"] == Document
                ? cache.WriteAsync(context)
                : throw Problem.NotFound($"There is nothing at {context.Request.Path}.").AsException();
        });
        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/docs")) context.Response.Headers.ContentSecurityPolicy = OwnHostOnly;
            return next(context);
        });
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.DocumentTitle = "Dispatcher API";
            ui.SwaggerEndpoint("../openapi/v1.json", "Dispatcher");
        });
    }
}
