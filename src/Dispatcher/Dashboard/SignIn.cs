// Signing in to the dashboard with an operator key, and out again.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Pages;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Dashboard;

/// <summary>What the page for signing in shows.</summary>
/// <param name="Page">The page to go to then, below the dashboard.</param>
/// <param name="Fault">Why the last try failed; null: there was none.</param>
public sealed record SignInModel(string Page, string? Fault);

internal static class SignIn
{
    private const int MaxFormBytes = 4096;

    public static void MapSignIn(this RouteGroupBuilder open)
    {
        open.MapGet(DashboardFace.SignIn, (string? page) => Ask(page, null, StatusCodes.Status200OK));
        open.MapPost(DashboardFace.SignIn, Enter);
        open.MapPost("/sign-out", Leave);
    }

    private static PageResult<SignInPage, SignInModel> Ask(string? page, string? fault, int status) => new(new SignInModel(page ?? "", fault), status);

    private static async Task<IResult> Enter(
        HttpContext context, DashboardFace face, KeyRing keys, FailedKeys failed, OperatorSessions sessions, DispatcherOptions options, CancellationToken ct)
    {
        var form = await FormAsync(context, ct);
        var (key, page) = (form["key"].ToString().Trim(), form["page"].ToString());
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(key)) failed.Admit(from);
        var caller = key.Length == 0 || OperatorToken.HasForm(key) ? null : await keys.FindAsync(key, ct);
        if (caller is not { Role: Role.Operator })
        {
            failed.Count(from);
            return caller is null
                ? Ask(page, "This key is unknown, revoked or expired.", StatusCodes.Status401Unauthorized)
                : Ask(page, $"This key has the role {caller.Role.ToString().ToLowerInvariant()}. The dashboard is for operator keys.", StatusCodes.Status403Forbidden);
        }

        var (token, expiresAt) = await sessions.OpenAsync(caller, await AuditAsync(context, caller), ct);
        DashboardCookie.Set(context, token, expiresAt, options);
        return TypedResults.Redirect(face.RootOf(context.Request) + AddressOf(page));
    }

    private static async Task<IResult> Leave(
        HttpContext context, DashboardFace face, KeyRing keys, OperatorSessions sessions, DispatcherOptions options, CancellationToken ct)
    {
        var form = await FormAsync(context, ct);
        if (face.TokenOf(context.Request) is { } token && await sessions.FindAsync(token, ct) is { } session)
        {
            if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(form["csrf"].ToString()), Encoding.UTF8.GetBytes(Face.CsrfOf(token))))
                throw Problem.Forbidden("This form is another session's. Go back, load the page again, and sign out there.").AsException();
            await sessions.EndAsync(token, await AuditAsync(context, session.Caller), ct);
            keys.Forget();
        }

        DashboardCookie.Remove(context, options);
        return TypedResults.Redirect(face.RootOf(context.Request) + DashboardFace.SignIn);
    }

    /// <summary>A page below the dashboard's root, and no way out of it: no scheme, no host, no climbing up. What is none leads to the root.</summary>
    private static string AddressOf(string page)
    {
        var isPage = page.Length is > 0 and <= 1000 && (char.IsAsciiLetter(page[0]) || page[0] == '?') && !page.Contains("..", StringComparison.Ordinal)
            && page.All(c => char.IsAsciiLetterOrDigit(c) || "/-_.~?=&%*".Contains(c, StringComparison.Ordinal));
        return !isPage ? "" : page[0] == '?' ? page : "/" + page;
    }

    private static async Task<IFormCollection> FormAsync(HttpContext context, CancellationToken ct)
    {
        // Another site's page can send a form here, and would sign its visitor in to what it chooses; browsers say where a form comes from.
        if (context.Request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
            throw Problem.Forbidden("This form was sent from another site's page.").AsException();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxFormBytes;
        if (!context.Request.HasFormContentType) throw Problem.Malformed("A form is expected here.").AsException();
        try
        {
            return await context.Request.ReadFormAsync(ct);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw Problem.TooLarge($"The form is larger than {MaxFormBytes} bytes.").AsException();
        }
        catch (Exception e) when (e is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            throw Problem.Malformed($"The form cannot be read: {e.Message}").AsException();
        }
    }

    private static async Task<AuditContext> AuditAsync(HttpContext context, Caller caller)
    {
        context.Features.Set(caller);
        context.Features.Set(new Tenant(Tenant.Default, null));
        return (await AuditContext.BindAsync(context, null!))!.In(null);
    }
}
