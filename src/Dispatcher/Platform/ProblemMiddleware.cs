// The outermost middleware: every way that a request can fail ends here as application/problem+json, never as a stack trace.

using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Dispatcher.Platform;

internal sealed partial class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            // No stored text can hold NUL, so no query can mean anything with it.
            if (context.Request.QueryString.Value?.Contains("%00", StringComparison.Ordinal) == true)
                throw Problem.Malformed("The query holds the character U+0000.").AsException();
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
                await WriteAsync(context, ForStatus(context));
        }
        catch (ProblemException e)
        {
            await WriteAsync(context, e.Problem, e.RetryAfter);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: there is nobody to answer.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (BadHttpRequestException e)
        {
            await WriteAsync(context, e.StatusCode switch
            {
                408 => Problem.TooSlow("The body came too slowly."),
                413 => Problem.TooLarge($"The body is larger than {BodyLimit.Of(context)} bytes."),
                _ => new Problem("Malformed request", e.StatusCode, e.Message),
            });
        }
        catch (DbUpdateConcurrencyException)
        {
            await WriteAsync(context, Problem.Conflict("It was changed or removed by somebody else at the same time; read it and try again."));
        }
        catch (Exception e) when (StoreFault.SqlStateOf(e) is PostgresErrorCodes.UniqueViolation)
        {
            // Two made the same thing at once, and both had seen that it was not there yet.
            await WriteAsync(context, Problem.Conflict("It exists: somebody else made it at the same time."));
        }
        catch (Exception e) when (StoreFault.SqlStateOf(e) is PostgresErrorCodes.ForeignKeyViolation)
        {
            // An organization was deleted while something was put into it: whichever came second.
            await WriteAsync(context, Problem.Conflict("What it belongs to was removed, or something was added to it, at the same time; nothing was stored."));
        }
        catch (Exception e) when (StoreFault.SqlStateOf(e) is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
        {
            LogUnavailable(context.Request.Method, context.Request.Path, e.Message);
            await WriteAsync(context, Problem.Unavailable("Others changed the same at the same time; nothing was stored. Try again."), TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            LogUnavailable(context.Request.Method, context.Request.Path, e.Message);
            await WriteAsync(context, Problem.Unavailable(UnavailableDetail(context.Request.Method)), TimeSpan.FromSeconds(1));
        }
        catch (Exception e)
        {
            LogUnforeseen(e, context.Request.Method, context.Request.Path);
            await WriteAsync(context, new Problem("Internal error", 500, "The server failed in a way it did not foresee; its log says more."));
        }
    }

    public static async Task WriteAsync(HttpContext context, Problem problem, TimeSpan? retryAfter = null)
    {
        if (context.Response.HasStarted) return;
        var allow = context.Response.Headers.Allow;
        context.Response.Clear();
        if (problem.Status == 405) context.Response.Headers.Allow = allow;
        context.Response.StatusCode = problem.Status;
        // What has not come yet would be taken for the next request's; the web server gives the rest a few seconds, and then hangs up.
        if (problem.Status == 408 && HttpProtocol.IsHttp11(context.Request.Protocol)) context.Response.Headers.Connection = "close";
        if (problem.Status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        SetRetryAfter(context.Response, retryAfter);
        await context.Response.WriteAsJsonAsync(problem, WireJson.Wire.Problem, "application/problem+json", CancellationToken.None);
    }

    /// <summary>Says when to come back, in whole seconds; nothing where there is nothing to say.</summary>
    public static void SetRetryAfter(HttpResponse response, TimeSpan? wait)
    {
        if (wait is { } time) response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Where a connection breaks during a commit, nobody knows whether the database did what it was told.</summary>
    public static string UnavailableDetail(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method)
        ? "The database cannot be reached. Try again."
        : "The database cannot be reached; what was asked for may have been done or not. Events and jobs with an id of their own can safely be sent again.";

    private static Problem ForStatus(HttpContext context) => context.Response.StatusCode switch
    {
        404 => Problem.NotFound($"There is nothing at {context.Request.Path}."),
        405 => new Problem("Method not allowed", 405, $"{context.Request.Path} does not take {context.Request.Method}."),
        413 => Problem.TooLarge($"The body is larger than {BodyLimit.Of(context)} bytes."),
        415 => new Problem("Unsupported media type", 415, "Send application/json."),
        var status => new Problem("Request refused", status, $"The request was refused with status {status}."),
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Path}: the store is unavailable: {Reason}")]
    private partial void LogUnavailable(string method, string path, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogUnforeseen(Exception error, string method, string path);
}

/// <summary>Tells a database that cannot be reached or is going away from a mistake of ours.</summary>
internal static class StoreFault
{
    /// <summary>The database's own name for what went wrong, wherever in the chain it is.</summary>
    public static string? SqlStateOf(Exception? error) => error is null or PostgresException ? (error as PostgresException)?.SqlState : SqlStateOf(error.InnerException);

    public static bool IsUnavailable(Exception? error) => error switch
    {
        null => false,
        // 57P0x: shutting down, crashed, starting up, idle too long. 53xxx: out of connections, memory or disk. 08xxx: what a pooler says when it has
        // lost the server. 25006: a standby. 25P03: we were too slow ourselves.
        PostgresException p => p.SqlState is ['5', '7', 'P', '0', ..] or ['5', '3', ..] or ['0', '8', ..] or "25006" or "25P03",
        NpgsqlException => true,
        _ => IsUnavailable(error.InnerException),
    };
}
