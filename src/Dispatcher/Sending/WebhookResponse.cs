// Reads an answer to its end, keeping no more of it than the record has room for.

using System.Buffers;
using System.Net.Http.Headers;
using System.Text;
using Dispatcher.Retries;

namespace Dispatcher.Sending;

/// <summary>Reads one answer into its attempt.</summary>
internal static class WebhookResponse
{
    [ThreadStatic]
    private static StringBuilder? _lines;

    /// <summary>
    /// Notes status and headers, then reads the body to its end: only then can the connection be used again, and only a complete
    /// answer is a success. What was read before a failure is noted too.
    /// </summary>
    public static async Task ReadAsync(HttpResponseMessage response, Attempt attempt, CancellationToken cancellationToken)
    {
        var status = (int)response.StatusCode;
        attempt.StatusCode = status;
        attempt.ResponseHeaders = Lines(response);
        if (status is 429 or 503 && response.Headers.NonValidated.TryGetValues("retry-after", out var values))
            attempt.RetryAfter = RetrySchedule.ParseRetryAfter(values.ToString(), attempt.Now);

        // What follows 101 is not an answer but another protocol, without an end.
        if (status != 101) await ReadBodyAsync(response.Content, attempt, cancellationToken);
    }

    private static async Task ReadBodyAsync(HttpContent content, Attempt attempt, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(SendResult.MaxKeptBody);
        var kept = 0;
        try
        {
            var body = await content.ReadAsStreamAsync(cancellationToken);
            int read;
            while (kept < SendResult.MaxKeptBody
                && (read = await body.ReadAsync(buffer.AsMemory(kept, SendResult.MaxKeptBody - kept), cancellationToken)) > 0)
            {
                kept += read;
                attempt.ResponseBytes += read;
            }

            if (kept < SendResult.MaxKeptBody) return;

            attempt.ResponseBody = buffer.AsSpan(0, kept).ToArray();
            while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0) attempt.ResponseBytes += read;
        }
        finally
        {
            if (kept > attempt.ResponseBody.Length) attempt.ResponseBody = buffer.AsSpan(0, kept).ToArray();
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Lines(HttpResponseMessage response)
    {
        var lines = _lines ??= new StringBuilder(512, SendResult.MaxKeptHeaders);
        lines.Clear();
        _ = TryAppend(lines, response.Headers.NonValidated) && TryAppend(lines, response.Content.Headers.NonValidated);
        return lines.ToString();
    }

    // False once there is no room left.
    private static bool TryAppend(StringBuilder lines, HttpHeadersNonValidated headers)
    {
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                if (!TryAppend(lines, name) || !TryAppend(lines, ": ") || !TryAppend(lines, value) || !TryAppend(lines, "\n")) return false;
            }
        }

        return true;
    }

    private static bool TryAppend(StringBuilder lines, string text)
    {
        var room = SendResult.MaxKeptHeaders - lines.Length;
        lines.Append(text, 0, Math.Min(text.Length, room));
        return text.Length <= room;
    }
}
