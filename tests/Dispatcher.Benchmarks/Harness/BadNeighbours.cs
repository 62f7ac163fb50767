// What receivers do to a dispatcher in real life, each on a path of its own.
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Benchmarks.Harness;

internal enum BadNeighbour
{
    /// <summary>Takes the request and never answers.</summary>
    Hang,

    /// <summary>Answers 500 at once.</summary>
    Fail,

    /// <summary>Answers 200 and then a byte of the body a second.</summary>
    Drip,
}

internal static class BadNeighbours
{
    private static readonly TimeSpan DripEvery = TimeSpan.FromSeconds(1);
    private static readonly byte[] Drop = "."u8.ToArray();

    public static string PathOf(BadNeighbour kind) => $"/bad/{kind}";

    /// <summary>The kind that a path names; null: none.</summary>
    public static BadNeighbour? Of(string? path) =>
        Enum.GetValues<BadNeighbour>().Cast<BadNeighbour?>().FirstOrDefault(kind => path == PathOf(kind!.Value));

    /// <summary>Answers as that neighbour does, until the caller has had enough.</summary>
    public static async Task AnswerAsync(BadNeighbour kind, HttpContext context)
    {
        try
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            if (kind is BadNeighbour.Fail)
            {
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                context.Response.ContentLength = 0;
                return;
            }

            if (kind is BadNeighbour.Hang) await Task.Delay(Timeout.Infinite, context.RequestAborted);
            while (true)
            {
                await context.Response.Body.WriteAsync(Drop, context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(DripEvery, context.RequestAborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The caller gave up, as it must.
        }
    }
}
