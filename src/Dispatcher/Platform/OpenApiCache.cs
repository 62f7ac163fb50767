// Keeps the API reference, which takes a tenth of a second to make and which anybody may ask for without a key.

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Dispatcher.Platform;

/// <summary>One document for each address that this server is called by, for that stands in it. Those beyond <see cref="MaxKept"/> are made anew, one at a time.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The semaphore allocates no handle, and lives as long as the server.")]
internal sealed class OpenApiCache(RequestDelegate make, DispatcherOptions options)
{
    private const int MaxKept = 16;

    private readonly ConcurrentDictionary<string, Answer> _kept = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _making = new(1, 1);

    public async Task WriteAsync(HttpContext context)
    {
        var address = options.PublicUrl is null ? $"{context.Request.Scheme}://{context.Request.Host}{context.Request.PathBase}" : context.Request.PathBase.ToString();
        var answer = _kept.TryGetValue(address, out var kept) ? kept : await MakeAsync(context, address);
        context.Response.ContentType = answer.ContentType;
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
    }

    private async Task<Answer> MakeAsync(HttpContext context, string address)
    {
        await _making.WaitAsync(context.RequestAborted);
        var body = context.Response.Body;
        try
        {
            if (_kept.TryGetValue(address, out var kept)) return kept;
            using var buffer = new MemoryStream();
            context.Response.Body = buffer;
            await make(context);
            var answer = new Answer(buffer.ToArray(), context.Response.ContentType);
            if (_kept.Count < MaxKept) _kept.TryAdd(address, answer);
            return answer;
        }
        finally
        {
            context.Response.Body = body;
            _making.Release();
        }
    }

    private sealed record Answer(byte[] Body, string? ContentType);
}
