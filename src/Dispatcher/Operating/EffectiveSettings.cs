// The configuration that is in force, without anything secret.

using System.Collections;
using System.Globalization;
using System.Reflection;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Dispatcher.Telemetry;
using Npgsql;

namespace Dispatcher.Operating;

/// <summary>
/// Walks <see cref="DispatcherOptions"/>, so that no setting is left out. What is shown is listed here: a setting that somebody adds and does
/// not list counts as secret.
/// </summary>
internal sealed class EffectiveSettings(
    DispatcherOptions options, IConfiguration configuration, IHostEnvironment environment, NpgsqlDataSource source, DirectSource direct, DatabaseOrigin origin)
{
    /// <summary>Settings whose values may be seen. With a star: all below.</summary>
    public static readonly IReadOnlySet<string> Shown = new HashSet<string>(StringComparer.Ordinal)
    {
        "PublicUrl", "Roles", "Host", "DataDirectory",
        "Egress:AllowedNetworks", "Egress:RequireHttps", "Egress:Proxy",
        "Retry:BaseSeconds", "Retry:MaxAttempts", "Retry:JitterRatio",
        "Delivery:TimeoutSeconds", "Delivery:MaxConcurrency", "Delivery:MaxPendingInMemory", "Delivery:MaxPendingMegabytes", "Delivery:DisableAfterDays",
        "Breaker:Enabled", "Breaker:StreakSeconds", "Breaker:MinimumFailures", "Breaker:FailureRatio", "Breaker:SamplingSeconds", "Breaker:BreakSeconds",
        "Breaker:MaxBreakSeconds",
        "Retention:Days", "Retention:AuditDays",
        "Signing:SvixHeaders",
        "Intake:MaxPayloadBytes",
        "Metrics:RequireKey",
        "Api:RequestsPerSecond", "Api:Burst", "Api:FailedKeysPerMinute", "Api:BodyTimeoutSeconds", "Api:MaxBodyMegabytes",
        "Portal:LinkSeconds", "Portal:AllowedOrigins", "Portal:ProviderName", "Portal:LogoFile", "Portal:AccentColor",
        "Dashboard:SessionSeconds",
        "Hangfire:Workers", "Hangfire:MaxBundle",
        "Jobs:*",
    };

    /// <summary>Settings of which it is only said whether they are set.</summary>
    public static readonly IReadOnlySet<string> Secret = new HashSet<string>(StringComparer.Ordinal) { "OperatorKey", "Encryption:Keys" };

    public SettingsView Read() => new(ServerVersion.Text, [.. Host(), .. Of(options, new DispatcherOptions(), "")]);

    /// <summary>What is set outside the section.</summary>
    private IEnumerable<SettingView> Host()
    {
        yield return Connection(DataSource.ConnectionName, origin.IsOurs ? null : source.ConnectionString);
        yield return Connection(DataSource.DirectName, direct.Source == source ? null : direct.Source.ConnectionString);
        yield return Plain("ASPNETCORE_URLS", WithoutUserinfo(configuration["urls"]), Server.DefaultUrl);
        yield return Plain("ASPNETCORE_ENVIRONMENT", environment.EnvironmentName, Environments.Production);
        yield return Plain(TelemetryHost.EndpointKey, WithoutUserinfo(configuration[TelemetryHost.EndpointKey]), null);
    }

    /// <summary>Host, port and database: never the rest, whatever there may be in it.</summary>
    private static SettingView Connection(string name, string? text)
    {
        if (text is null) return Plain($"ConnectionStrings:{name}", null, null);
        var parts = new NpgsqlConnectionStringBuilder(text);
        return Plain($"ConnectionStrings:{name}", $"Host={parts.Host};Port={parts.Port.ToString(CultureInfo.InvariantCulture)};Database={parts.Database}", null);
    }

    private static IEnumerable<SettingView> Of(object section, object defaults, string path)
    {
        foreach (var property in section.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var (value, byDefault, at) = (property.GetValue(section), property.GetValue(defaults), path + property.Name);
            foreach (var setting in IsSection(property.PropertyType) ? Of(value!, byDefault!, at + ":") : Values(at, value, byDefault)) yield return setting;
        }
    }

    /// <summary>A setting, or one for each entry of a table.</summary>
    private static IEnumerable<SettingView> Values(string path, object? value, object? byDefault)
    {
        if (!IsShown(path))
        {
            yield return new SettingView(Key(path), null, null, Secret: true, Set: value is string or not IEnumerable ? value is not null : ((IEnumerable)value).Cast<object>().Any());
            yield break;
        }

        if (value is not IDictionary table)
        {
            yield return Plain(Key(path), Text(value), Text(byDefault));
            yield break;
        }

        foreach (DictionaryEntry entry in table)
        {
            var at = $"{path}:{entry.Key}";
            var entries = IsSection(entry.Value!.GetType()) ? Of(entry.Value, Activator.CreateInstance(entry.Value.GetType())!, at + ":") : Values(at, entry.Value, null);
            foreach (var setting in entries) yield return setting;
        }
    }

    /// <summary>Whether a setting's value may be seen.</summary>
    public static bool IsShown(string path) => !Secret.Contains(path) && (Shown.Contains(path) || Shown.Contains(path.Split(':')[0] + ":*"));

    /// <summary>Whether a type holds settings, rather than being one.</summary>
    public static bool IsSection(Type type) => type.IsClass && type != typeof(string) && !type.IsAssignableTo(typeof(IEnumerable));

    private static SettingView Plain(string key, string? value, string? byDefault) => new(key, value ?? byDefault, byDefault, Secret: false, Set: value is not null && value != byDefault);

    private static string Key(string path) => $"{DispatcherOptions.Section}:{path}";

    private static string? Text(object? value) => value switch
    {
        null => null,
        bool flag => flag ? "true" : "false",
        string text => WithoutUserinfo(text),
        IEnumerable list => string.Join(", ", list.Cast<object>().Select(Text)) is { Length: > 0 } joined ? joined : null,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>A URL's user and password are left out, and its query, which may hold a token.</summary>
    private static string? WithoutUserinfo(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && (url.UserInfo.Length > 0 || url.Query.Length > 0)
            ? url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped)
            : text;
}
