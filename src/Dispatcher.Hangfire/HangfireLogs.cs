// Hangfire's own log, in ours. What it calls information is a page at every start, and is detail here.

using Hangfire.Logging;
using HangfireLevel = Hangfire.Logging.LogLevel;
using Level = Microsoft.Extensions.Logging.LogLevel;

namespace Dispatcher.Hangfire;

internal sealed class HangfireLogs(ILoggerFactory factory) : ILogProvider
{
    /// <summary>For the whole process: Hangfire has one log.</summary>
    public static void Use(ILoggerFactory factory) => LogProvider.SetCurrentLogProvider(new HangfireLogs(factory));

    public ILog GetLogger(string name)
    {
        try
        {
            return new Log(factory.CreateLogger(name));
        }
        catch (ObjectDisposedException)
        {
            // The last server of the process has stopped.
            return new Log(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        }
    }

    private sealed class Log(ILogger logger) : ILog
    {
        bool ILog.Log(HangfireLevel logLevel, Func<string>? messageFunc, Exception? exception)
        {
            var level = logLevel switch
            {
                HangfireLevel.Trace => Level.Trace,
                HangfireLevel.Debug or HangfireLevel.Info => Level.Debug,
                HangfireLevel.Warn => Level.Warning,
                _ => Level.Error,
            };
            // Without a message it only asks.
            if (!logger.IsEnabled(level) || messageFunc is null) return logger.IsEnabled(level);
#pragma warning disable CA1848 // The text is Hangfire's, and has no template.
            logger.Log(level, exception, "{Message}", messageFunc());
#pragma warning restore CA1848
            return true;
        }
    }
}
