// Logs by Serilog: for people on a terminal, JSON lines elsewhere. Levels come from the configuration (section Serilog).

using System.Globalization;
using Serilog;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace Dispatcher.Platform;

internal static class Logging
{
    private const string Readable = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    /// <param name="logging">Gets the one logger.</param>
    /// <param name="settings">The configuration.</param>
    /// <param name="toError">Whether logs go to the standard error: the output is a verb's result.</param>
    public static void AddTo(ILoggingBuilder logging, IConfiguration settings, bool toError = false)
    {
        var configuration = new LoggerConfiguration().ReadFrom.Configuration(settings).Enrich.With<TokenRedaction>();
        LogEventLevel? errorFrom = toError ? LogEventLevel.Verbose : null;
        configuration = Console.IsOutputRedirected
            ? configuration.WriteTo.Console(new JsonFormatter(renderMessage: true), standardErrorFromLevel: errorFrom)
            : configuration.WriteTo.Console(outputTemplate: Readable, formatProvider: CultureInfo.InvariantCulture, standardErrorFromLevel: errorFrom);
        logging.ClearProviders();
        logging.AddSerilog(configuration.CreateLogger(), dispose: true);
    }
}
