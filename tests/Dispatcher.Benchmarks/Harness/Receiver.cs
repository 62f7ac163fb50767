// The receiving end, run as a process of its own (verb `receive`): Kestrel with one handler and nothing before it.
using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>
/// POST /hook is the webhook; POST /reset opens a new <see cref="Ledger"/>, GET /received says how many events have come, GET /stats what
/// the ledger found. The paths of <see cref="BadNeighbours"/> answer badly; GET /bad/received counts their POSTs. It prints its port on the first line and lives until its standard input closes, so it cannot outlive its parent.
/// </summary>
internal sealed class Receiver
{
    public const string HookPath = "/hook", ResetPath = "/reset", ReceivedPath = "/received", StatsPath = "/stats", BadReceivedPath = "/bad/received";

    private const int MaxBodyBytes = 4096;

    private int _badReceived;
    private Ledger _ledger = new(new LedgerSettings(0, 0, 0, [Signature.NewSecret()]));

    public static async Task RunAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
        });

        await using var app = builder.Build();
        app.Run(new Receiver().HandleAsync);
        await app.StartAsync();
        Console.Out.WriteLine(new Uri(app.Urls.First()).Port.ToString(CultureInfo.InvariantCulture));

        await using var parent = Console.OpenStandardInput();
        await parent.CopyToAsync(Stream.Null);
        await app.StopAsync();
    }

    private Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        HookPath => ReceiveAsync(context),
        ResetPath => ResetAsync(context),
        ReceivedPath => context.Response.WriteAsync(_ledger.Received.ToString(CultureInfo.InvariantCulture)),
        StatsPath => JsonSerializer.SerializeAsync(context.Response.Body, _ledger.Summarize(), LedgerJson.Default.LedgerSummary),
        BadReceivedPath => context.Response.WriteAsync(Volatile.Read(ref _badReceived).ToString(CultureInfo.InvariantCulture)),
        var path => BadNeighbours.Of(path) is { } kind ? ReceiveBadlyAsync(kind, context) : NotFound(context),
    };

    private async Task ReceiveAsync(HttpContext context)
    {
        var reader = context.Request.BodyReader;
        var read = await reader.ReadAsync(context.RequestAborted);
        while (!read.IsCompleted && read.Buffer.Length <= MaxBodyBytes)
        {
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await reader.ReadAsync(context.RequestAborted);
        }

        Record(read.Buffer, context.Request.Headers);
        reader.AdvanceTo(read.Buffer.End);
        context.Response.ContentLength = 0;
    }

    private void Record(in ReadOnlySequence<byte> body, IHeaderDictionary headers)
    {
        Span<byte> copy = stackalloc byte[Payload.Length];
        if (!body.IsSingleSegment && body.Length == copy.Length) body.CopyTo(copy);
        var bytes = body.IsSingleSegment ? body.FirstSpan : copy;
        _ledger.Record(bytes, headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]);
    }

    private async Task ResetAsync(HttpContext context)
    {
        var settings = await JsonSerializer.DeserializeAsync(
            context.Request.Body, LedgerJson.Default.LedgerSettings, context.RequestAborted);
        _ledger = new Ledger(settings!);
    }

    private Task ReceiveBadlyAsync(BadNeighbour kind, HttpContext context)
    {
        Interlocked.Increment(ref _badReceived);
        return BadNeighbours.AnswerAsync(kind, context);
    }

    private static Task NotFound(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
