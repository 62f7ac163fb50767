// Tokens that show that a request which changes something came from a page of this dashboard.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Access;
using Microsoft.AspNetCore.Antiforgery;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>
/// Derived from what the operator was let in by, so that any node checks what any other gave, and nothing is stored. The framework's own
/// needs keys that all nodes share, and writes them to the home folder of each.
/// </summary>
internal sealed class DashboardAntiforgery : IAntiforgery
{
    public const string Header = "X-CSRF-Token";

    private const string FormField = "csrf";

    private static readonly byte[] Purpose = "dispatcher/hangfire-dashboard"u8.ToArray();

    public AntiforgeryTokenSet GetAndStoreTokens(HttpContext httpContext) => GetTokens(httpContext);

    public AntiforgeryTokenSet GetTokens(HttpContext httpContext) => new(TokenFor(httpContext), null, FormField, Header);

    public Task<bool> IsRequestValidAsync(HttpContext httpContext)
    {
        var request = httpContext.Request;
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) return Task.FromResult(true);
        // No browser sends a key of its own accord, as it does a cookie.
        if (OperatorEntrance.CredentialOf(request) is { IsCookie: false }) return Task.FromResult(true);
        return Task.FromResult(
            TokenFor(httpContext) is { } expected && request.Headers[Header] is [{ } given]
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(expected)));
    }

    public async Task ValidateRequestAsync(HttpContext httpContext)
    {
        if (!await IsRequestValidAsync(httpContext)) throw new AntiforgeryValidationException("The token of the page is missing or another session's.");
    }

    public void SetCookieTokenAndHeader(HttpContext httpContext)
    {
        // Nothing to keep: the token is worked out anew.
    }

    private static string? TokenFor(HttpContext context) => OperatorEntrance.CredentialOf(context.Request) is { Token: var token }
        ? Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), Purpose))
        : null;
}
