// The webhooks of the API reference: what a receiver gets, for each type that jobs and the server itself emit.

using System.Text.Json.Nodes;
using Dispatcher.Dispatching;
using Dispatcher.Jobs;
using Dispatcher.Platform;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Events;

internal sealed class WebhooksReference(Catalogue catalogue, JobKinds kinds, DispatcherOptions options) : IOpenApiDocumentTransformer
{
    public async Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (var payload in new[] { typeof(JobPayload), typeof(WorkflowPayload), typeof(DeliveryExhaustedPayload), typeof(IntegrationDisabledPayload) })
            document.AddComponent(payload.Name, await context.GetOrCreateSchemaAsync(payload, null, cancellationToken));
        var headers = Headers().ToList();
        foreach (var (name, header) in headers) document.AddComponent("receive-" + name, header);

        document.Webhooks = new Dictionary<string, IOpenApiPathItem>();
        foreach (var (type, description, example) in catalogue.Seeds().OrderBy(s => s.Type, StringComparer.Ordinal))
        {
            var operation = Receive(type, description, JsonNode.Parse(example)!, document);
            operation.Parameters = [.. headers.Select(h => new OpenApiParameterReference("receive-" + h.Name, document))];
            document.Webhooks[type] = new OpenApiPathItem { Operations = new() { [HttpMethod.Post] = operation } };
        }
    }

    private OpenApiOperation Receive(string type, string description, JsonNode example, OpenApiDocument document) => new()
    {
        OperationId = "receive" + string.Concat(type.Split('.', '_', '-').Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..])),
        Summary = description,
        Description =
            $"What an integration that subscribes to `{type}` gets. At least once: receivers drop what they have had by `webhook-id`, verify the " +
            "signature over the bytes as they came, and answer at once. What is not answered with 2xx in time is tried again.",
        Tags = new HashSet<OpenApiTagReference> { new("Webhooks", document) },
        Security = [],
        RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = "The event's payload, byte for byte as it was accepted.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [OpenApi.Json] = new() { Schema = new OpenApiSchemaReference(PayloadOf(type).Name, document), Example = example },
            },
        },
        Responses = new OpenApiResponses
        {
            ["2XX"] = new OpenApiResponse { Description = "Received. Headers and body must have come within the integration's `timeout_seconds`." },
            ["410"] = new OpenApiResponse { Description = "No more of these, ever: the integration is disabled." },
            ["429"] = new OpenApiResponse { Description = "Too many. Tried again as scheduled, or at `Retry-After` where that is later, up to an hour." },
            ["503"] = new OpenApiResponse { Description = "Not now. Tried again as scheduled, or at `Retry-After` where that is later, up to an hour." },
            ["default"] = new OpenApiResponse { Description = "Anything else, redirects included, is a failed attempt: tried again as scheduled." },
        },
    };

    private Type PayloadOf(string type) => type switch
    {
        SystemEvents.DeliveryExhausted => typeof(DeliveryExhaustedPayload),
        SystemEvents.IntegrationDisabled => typeof(IntegrationDisabledPayload),
        _ => kinds.IsWorkflow(type) ? typeof(WorkflowPayload) : typeof(JobPayload),
    };

    private IEnumerable<(string Name, OpenApiParameter Header)> Headers()
    {
        yield return Header("webhook-id", "The event's id: the same on every attempt and for every integration.", Examples.Event);
        yield return Header("webhook-timestamp", "When this attempt was made, in Unix seconds. Refuse what is more than 5 minutes off.", "1696161600");
        yield return Header(
            "webhook-signature",
            "Space-separated signatures, one by each live secret: `v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, " +
            "keyed with what the base64 after `whsec_` stands for.",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        if (options.Signing.SvixHeaders)
        {
            yield return Header("svix-id", "The same as `webhook-id`.", Examples.Event);
            yield return Header("svix-timestamp", "The same as `webhook-timestamp`.", "1696161600");
            yield return Header("svix-signature", "The same as `webhook-signature`.", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        }

        yield return Header("dispatcher-event", "The event's type.", Examples.EventType);
        yield return Header("dispatcher-attempt", "Which attempt this is, from 1.", "1");
        yield return Header("user-agent", "`Dispatcher/` and the server's version.", "Dispatcher/" + ServerVersion.Text);
    }

    private static (string Name, OpenApiParameter Header) Header(string name, string description, string example) => (name, new OpenApiParameter
    {
        Name = name,
        In = ParameterLocation.Header,
        Required = true,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        Example = example,
    });
}
