// The API reference as a whole: what it is about, who may read it, and what can only be said once all of its schemas are there.

using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

internal sealed class OpenApiDocuments(DispatcherOptions options) : IOpenApiDocumentTransformer
{
    private const string BearerScheme = "bearer";
    private const string KeyScheme = "apiKey";

    /// <summary>The order in which readers meet them.</summary>
    private static readonly (string Name, string Description)[] Tags =
    [
        ("Integrations", "Webhook endpoints with their settings: what customers register."),
        ("Events", "Things that happened, published to every integration that asked for their type."),
        ("Jobs", "The provider's units of work: their changes of state are emitted as events."),
        ("Deliveries", "One event for one integration each, with every attempt that was made."),
        ("Event types", "The catalogue of what can be subscribed to, with an example of each."),
        ("Statistics", "How integrations and the server do over time."),
        ("Operating", "What operators look at: the server's nodes and settings."),
        ("Organizations", "The provider's customers."),
        ("Projects", "Parts of an organization that keys and integrations can be bound to."),
        ("API keys", "Keys, each with a role and a scope."),
        ("Portal", "Links that let customers look after their own integrations in a browser."),
        ("Audit trail", "Who changed what, and when."),
        ("Webhooks", "What receivers get."),
    ];

    private const string About =
        """
        Registers webhook integrations, takes events and job states, and delivers them as signed POSTs until they have arrived.

        Every path answers at the root and under `/v1`. Bodies are JSON with `snake_case` members; times are RFC 3339 in UTC. Members that an
        operation does not know are refused. Every refusal is a problem (RFC 9457), and lists come in pages, newest first.
        """;

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        var address = AddressOf(document);
        document.Servers = [new OpenApiServer { Url = address, Description = "This server." }];
        document.Info = new OpenApiInfo
        {
            Title = "Dispatcher",
            Version = ServerVersion.Text,
            Summary = "A self-hosted webhook dispatcher.",
            Description = About,
            Contact = new OpenApiContact { Name = "Dispatcher", Url = new Uri(address + "/docs") },
        };
        document.Tags = Tags.Select(t => new OpenApiTag { Name = t.Name, Description = t.Description }).ToHashSet();
        AddSecurity(document);
        OpenApiRefusals.AddTo(document);
        OpenApiBodies.Complete(document);
        return Task.CompletedTask;
    }

    /// <summary>Where callers reach this server, with the path base of this very request.</summary>
    private string AddressOf(OpenApiDocument document)
    {
        var asked = document.Servers is [{ Url: { } url }, ..] ? new Uri(url) : throw new InvalidOperationException("The document is asked for over HTTP.");
        return (options.PublicUrl is { } known ? known.TrimEnd('/') + asked.AbsolutePath : asked.AbsoluteUri).TrimEnd('/');
    }

    private static void AddSecurity(OpenApiDocument document)
    {
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [BearerScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A key, as `Authorization: Bearer <key>`." },
            [KeyScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "x-api-key", Description = "The same key, as `x-api-key: <key>`." },
        };
        document.Security =
        [
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] },
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] },
        ];
    }
}
