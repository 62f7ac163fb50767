// Logs by Serilog: for people on a terminal, JSON lines elsewhere. Levels come from the configuration (section Serilog).

using System.Globalization;
using Serilog;
using Serilog.Formatting.Json;

namespace Dispatcher.Platform;

internal static class Logging
{
    private const string Readable = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    public static void AddTo(ILoggingBuilder logging, IConfiguration settings)
    {
        var configuration = new LoggerConfiguration().ReadFrom.Configuration(settings).Enrich.With<TokenRedaction>();
        configuration = Console.IsOutputRedirected
            ? configuration.WriteTo.Console(new JsonFormatter(renderMessage: true))
            : configuration.WriteTo.Console(outputTemplate: Readable, formatProvider: CultureInfo.InvariantCulture);
        logging.ClearProviders();
        logging.AddSerilog(configuration.CreateLogger(), dispose: true);
    }
}
