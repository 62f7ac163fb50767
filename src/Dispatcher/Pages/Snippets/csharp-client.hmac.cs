// Receives webhooks, and verifies each before anything else. .NET 10, with the package Dispatcher.Client.
// WEBHOOK_SECRET=whsec_... dotnet run

using Dispatcher.Client;

// Takes timestamps up to 5 minutes from now, and compares in constant time.
var verifier = new WebhookVerifier(Environment.GetEnvironmentVariable("WEBHOOK_SECRET") ?? "");
var app = WebApplication.Create(args);

app.MapPost("/hook", async (HttpRequest request, CancellationToken cancellationToken) =>
{
    // The bytes as received, before any parsing.
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body, cancellationToken);

    // Reads webhook-id, webhook-timestamp and webhook-signature.
    if (!verifier.TryVerify(name => request.Headers[name], body.ToArray(), out var webhook, out var failure))
        return Results.Problem(failure.Reason.ToString(), statusCode: StatusCodes.Status401Unauthorized);

    // Genuine. The same webhook-id can come again: do nothing for one that you have had.
    // Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
    app.Logger.LogInformation("Received {Id}", webhook.Id);
    return Results.NoContent();
});

app.Run();
