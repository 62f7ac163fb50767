// The API as a face's own script calls it: below the face's path, with the session's cookie.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Pages;

/// <summary>
/// Takes a face's path and <c>/api</c> off a request, and the token out of its cookie: what is left is a request of the API like any
/// other, with its roles, checks, audit and errors. Everywhere else cookies open nothing. To stand before routing.
/// </summary>
internal sealed class FaceApi(RequestDelegate next, Face face)
{
    public const string CsrfHeader = "x-csrf-token";

    private readonly PathString _path = face.Path + Face.Api;

    public Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments(_path, StringComparison.OrdinalIgnoreCase, out var matched, out var rest)) return next(context);
        var token = face.TokenOf(context.Request)
            ?? throw Problem.Unauthenticated("Your session has ended.").AsException();
        // Asked for with what only reads too: one rule, and nothing to think about where a GET shows a secret.
        if (!IsOf(token, context.Request.Headers[CsrfHeader])) throw Problem.Forbidden($"The header {CsrfHeader} is missing or is another session's.").AsException();

        context.Features.Set(new CookieCredential(token));
        context.Request.PathBase = context.Request.PathBase.Add(matched);
        context.Request.Path = rest;
        context.Response.Headers.CacheControl = "no-store";
        return next(context);
    }

    private static bool IsOf(string token, string? csrf) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(csrf ?? ""), Encoding.UTF8.GetBytes(Face.CsrfOf(token)));
}
