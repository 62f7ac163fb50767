// Keeps tokens out of logs, whoever logs them.

using System.Text.RegularExpressions;
using Serilog.Core;
using Serilog.Events;

namespace Dispatcher.Platform;

/// <summary>
/// Blackens keys and the tokens of sessions in every property of a log event. The link's token stands in a path, and the framework
/// logs paths in many places: this is the one place that all of them come through.
/// </summary>
internal sealed partial class TokenRedaction : ILogEventEnricher
{
    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        List<LogEventProperty>? clean = null;
        foreach (var (name, value) in logEvent.Properties)
        {
            var text = value is ScalarValue { Value: var scalar } ? scalar?.ToString() : value.ToString();
            if (text is not null && Token().IsMatch(text)) (clean ??= []).Add(new LogEventProperty(name, new ScalarValue(Token().Replace(text, "$1***"))));
        }

        foreach (var property in clean ?? []) logEvent.AddOrUpdateProperty(property);
    }

    [GeneratedRegex("(d(?:sk|ps|os)_)[0-9a-fA-F]{8,}")]
    private static partial Regex Token();
}
