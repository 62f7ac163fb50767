// Receives webhooks, and verifies each before anything else. ASP.NET Core 8 or newer, no packages.
// WEBHOOK_SECRET=whsec_... dotnet run

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

var key = WebhookSignature.KeyOf(Environment.GetEnvironmentVariable("WEBHOOK_SECRET"));
var app = WebApplication.Create(args);

app.MapPost("/hook", async (HttpRequest request, CancellationToken cancellationToken) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body, cancellationToken);
    if (!WebhookSignature.Verify(key, name => request.Headers[name], body.ToArray()))
        return Results.Unauthorized();

    // Genuine. The same webhook-id can come again: do nothing for one that you have had.
    // Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
    app.Logger.LogInformation("Received {Id}", request.Headers["webhook-id"].ToString());
    return Results.NoContent();
});

app.Run();

internal static class WebhookSignature
{
    private const int ToleranceSeconds = 300;

    /// <summary>The key in a secret: "whsec_" and base64.</summary>
    public static byte[] KeyOf(string? secret)
    {
        var key = new byte[secret?.Length ?? 0];
        return secret?.StartsWith("whsec_", StringComparison.Ordinal) == true
            && Convert.TryFromBase64String(secret["whsec_".Length..], key, out var length) && length >= 24
            ? key[..length]
            : throw new ArgumentException("WEBHOOK_SECRET must be the integration's secret: whsec_ and base64.");
    }

    /// <summary>Whether the body was signed with the key, a short while ago.</summary>
    /// <param name="header">Gives a header's value by its name, or null.</param>
    /// <param name="body">The bytes as received, before any parsing.</param>
    public static bool Verify(byte[] key, Func<string, string?> header, byte[] body)
    {
        var (id, timestamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        if (string.IsNullOrEmpty(id) || signatures is null
            || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return false;

        // An old request must not be sent to you again by somebody who recorded it.
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (seconds < now - ToleranceSeconds || seconds > now + ToleranceSeconds)
            return false;

        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)));

        // One entry for each secret that is live: several while a secret is being rotated.
        return signatures.Split(' ').Any(entry =>
            CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(entry), expected));
    }
}
