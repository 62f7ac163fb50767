// The configuration that others rely on: section "Dispatcher" of appsettings or Dispatcher__… in the environment.

using System.Net;
using Dispatcher.Secrets;

namespace Dispatcher.Platform;

/// <summary>Every setting of the server. Checked once at start; what is wrong is reported by the name of its key.</summary>
internal sealed class DispatcherOptions
{
    public const string Section = "Dispatcher";

    /// <summary>The key that may do everything. Unset: the first start makes one and prints it once. At least 16 characters.</summary>
    public string? OperatorKey { get; set; }

    /// <summary>Where customers reach this server, for links. Default: the request's own address.</summary>
    public string? PublicUrl { get; set; }

    /// <summary>What this process does: <c>api</c>, <c>worker</c>, or both (default), comma-separated.</summary>
    public string Roles { get; set; } = "api,worker";

    /// <summary>What has deliveries sent: <c>inprocess</c> (default), or <c>hangfire</c> in a build that has it. See <see cref="Dispatching.IDeliveryHost"/>.</summary>
    public string Host { get; set; } = HostNames.InProcess;

    /// <summary>Where the embedded PostgreSQL keeps its data, and the file with the encryption key where no key is set. Default: a per-user data folder.</summary>
    public string? DataDirectory { get; set; }

    public EgressOptions Egress { get; set; } = new();
    public RetryOptions Retry { get; set; } = new();
    public DeliveryOptions Delivery { get; set; } = new();
    public BreakerOptions Breaker { get; set; } = new();
    public RetentionOptions Retention { get; set; } = new();
    public SigningOptions Signing { get; set; } = new();
    public EncryptionOptions Encryption { get; set; } = new();
    public IntakeOptions Intake { get; set; } = new();
    public MetricsOptions Metrics { get; set; } = new();
    public ApiOptions Api { get; set; } = new();
    public PortalOptions Portal { get; set; } = new();
    public DashboardOptions Dashboard { get; set; } = new();
    public HangfireOptions Hangfire { get; set; } = new();

    /// <summary>Job kinds and the event types that their states emit. See <see cref="Jobs.JobKinds"/>.</summary>
    public Jobs.JobOptions Jobs { get; set; } = new();

    public bool HasRole(string role) => Roles.Split(',', StringSplitOptions.TrimEntries).Contains(role, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether Hangfire's workers have deliveries sent.</summary>
    public bool UsesHangfire() => Host == HostNames.Hangfire;

    /// <summary>What is wrong, one sentence a key; empty when all is well.</summary>
    public IEnumerable<string> Faults()
    {
        if (OperatorKey is { Length: < 16 }) yield return "Dispatcher:OperatorKey must have at least 16 characters.";
        foreach (var (key, i) in Encryption.Keys.Select((k, i) => (k, i)))
            if (key is not { Length: >= EncryptionKey.MinTextLength }) yield return $"Dispatcher:Encryption:Keys:{i} must have at least {EncryptionKey.MinTextLength} characters.";
        if (PublicUrl is not null && !IsHttp(PublicUrl)) yield return "Dispatcher:PublicUrl must be an absolute http or https URL.";
        foreach (var role in Roles.Split(',', StringSplitOptions.TrimEntries))
            if (role is not ("api" or "worker")) yield return $"Dispatcher:Roles may hold \"api\" and \"worker\", not \"{role}\".";
        if (Host is not (HostNames.InProcess or HostNames.Hangfire))
            yield return $"Dispatcher:Host must be \"{HostNames.InProcess}\" or \"{HostNames.Hangfire}\", not \"{Host}\".";
        if (UsesHangfire() && !HangfireSeam.IsIncluded)
            yield return $"Dispatcher:Host is \"{HostNames.Hangfire}\", which is not in this build: build it with -p:Hangfire=true, or take the image, which has it.";
        if (Hangfire.Workers is < 1 or > HangfireOptions.MaxWorkers) yield return $"Dispatcher:Hangfire:Workers must be from 1 to {HangfireOptions.MaxWorkers}.";
        if (Hangfire.MaxBundle is < 1 or > HangfireOptions.LargestBundle) yield return $"Dispatcher:Hangfire:MaxBundle must be from 1 to {HangfireOptions.LargestBundle}.";
        foreach (var (network, i) in Egress.AllowedNetworks.Select((n, i) => (n, i)))
            if (!IPNetwork.TryParse(network, out _)) yield return $"Dispatcher:Egress:AllowedNetworks:{i} must be a network such as 10.0.0.0/8, not \"{network}\".";
        if (Egress.Proxy is not null && !IsHttp(Egress.Proxy)) yield return "Dispatcher:Egress:Proxy must be an absolute http or https URL.";
        if (!(Retry.BaseSeconds is > 0 and <= 3600)) yield return "Dispatcher:Retry:BaseSeconds must be above 0 and at most 3600.";
        if (Retry.MaxAttempts is < 1 or > 10) yield return "Dispatcher:Retry:MaxAttempts must be from 1 to 10.";
        if (!(Retry.JitterRatio is >= 0 and <= 0.1)) yield return "Dispatcher:Retry:JitterRatio must be from 0 to 0.1.";
        if (!(Delivery.TimeoutSeconds is > 0 and <= 300)) yield return "Dispatcher:Delivery:TimeoutSeconds must be above 0 and at most 300.";
        if (Delivery.MaxConcurrency is < 1 or > 10_000) yield return "Dispatcher:Delivery:MaxConcurrency must be from 1 to 10000.";
        if (Delivery.MaxPendingInMemory is < 100 or > 1_000_000) yield return "Dispatcher:Delivery:MaxPendingInMemory must be from 100 to 1000000.";
        if (Delivery.MaxPendingMegabytes is < 8 or > 65_536) yield return "Dispatcher:Delivery:MaxPendingMegabytes must be from 8 to 65536.";
        if (!(Breaker.StreakSeconds is >= 0 and <= 3600)) yield return "Dispatcher:Breaker:StreakSeconds must be from 0 to 3600.";
        if (Breaker.MinimumFailures is < 2 or > 10_000) yield return "Dispatcher:Breaker:MinimumFailures must be from 2 to 10000.";
        if (!(Breaker.FailureRatio is > 0 and <= 1)) yield return "Dispatcher:Breaker:FailureRatio must be above 0 and at most 1.";
        if (!(Breaker.SamplingSeconds is >= 1 and <= 3600)) yield return "Dispatcher:Breaker:SamplingSeconds must be from 1 to 3600.";
        if (!(Breaker.BreakSeconds is >= 0.1 and <= 3600)) yield return "Dispatcher:Breaker:BreakSeconds must be from 0.1 to 3600.";
        if (!(Breaker.MaxBreakSeconds >= Breaker.BreakSeconds && Breaker.MaxBreakSeconds <= 86_400))
            yield return "Dispatcher:Breaker:MaxBreakSeconds must be from Dispatcher:Breaker:BreakSeconds to 86400.";
        if (!(Delivery.DisableAfterDays is >= 0 and <= 3650)) yield return "Dispatcher:Delivery:DisableAfterDays must be from 0 to 3650.";
        if (Retention.Days is < 1 or > 3650) yield return "Dispatcher:Retention:Days must be from 1 to 3650.";
        if (Retention.AuditDays is < 1 or > 3650) yield return "Dispatcher:Retention:AuditDays must be from 1 to 3650.";
        if (Intake.MaxPayloadBytes is < 1024 or > 16 * 1024 * 1024) yield return "Dispatcher:Intake:MaxPayloadBytes must be from 1024 to 16777216.";
        foreach (var fault in Api.Faults()) yield return fault;
        if (Portal.LinkSeconds is < PortalOptions.MinLinkSeconds or > PortalOptions.MaxLinkSeconds)
            yield return $"Dispatcher:Portal:LinkSeconds must be from {PortalOptions.MinLinkSeconds} to {PortalOptions.MaxLinkSeconds}.";
        foreach (var (origin, i) in Portal.AllowedOrigins.Select((o, i) => (o, i)))
            if (!IsOrigin(origin)) yield return $"Dispatcher:Portal:AllowedOrigins:{i} must be an origin such as https://app.example.com, not \"{origin}\".";
        foreach (var fault in Portal.BrandFaults()) yield return fault;
        if (Dashboard.SessionSeconds is < 60 or > 2_592_000) yield return "Dispatcher:Dashboard:SessionSeconds must be from 60 to 2592000.";
        foreach (var fault in Jobs.Faults()) yield return fault;
    }

    private static bool IsHttp(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";

    /// <summary>Scheme, host and port alone, spelled as browsers spell them.</summary>
    private static bool IsOrigin(string text) => IsHttp(text) && new Uri(text).GetLeftPart(UriPartial.Authority) == text && !text.Contains('@', StringComparison.Ordinal);

    internal sealed class EgressOptions
    {
        /// <summary>Networks that may be reached although they are private or special, as CIDR. Default: none.</summary>
        public string[] AllowedNetworks { get; set; } = [];

        /// <summary>Refuses integrations whose target is not https. Default: false.</summary>
        public bool RequireHttps { get; set; }

        /// <summary>Sends everything through this proxy. Default: none.</summary>
        public string? Proxy { get; set; }
    }

    internal sealed class RetryOptions
    {
        /// <summary>The wait after the first failed attempt; it doubles with each further one. Above 0 to 3600, default 2.</summary>
        public double BaseSeconds { get; set; } = 2;

        /// <summary>Attempts in all. 1 to 10, default 10.</summary>
        public int MaxAttempts { get; set; } = 10;

        /// <summary>How much longer than scheduled a wait may be, as a share. 0 to 0.1, default 0.1.</summary>
        public double JitterRatio { get; set; } = 0.1;
    }

    internal sealed class DeliveryOptions
    {
        /// <summary>How long an attempt may take, the answer's body included. Above 0 to 300, default 15.</summary>
        public double TimeoutSeconds { get; set; } = 15;

        /// <summary>POSTs under way at once to one integration that has no limit of its own, on one node. 1 to 10000, default 64.</summary>
        public int MaxConcurrency { get; set; } = 64;

        /// <summary>Deliveries that a node holds in memory; the rest wait in the database. 100 to 1000000, default 20000.</summary>
        public int MaxPendingInMemory { get; set; } = 20_000;

        /// <summary>Payload that a node holds in memory, in MiB. 8 to 65536, default 64.</summary>
        public int MaxPendingMegabytes { get; set; } = 64;

        /// <summary>
        /// How long an integration may fail, without one success, before it is disabled with the reason <c>failing</c>. In days, 0 to
        /// 3650, default 5; 0: never.
        /// </summary>
        public double DisableAfterDays { get; set; } = 5;
    }

    /// <summary>When nothing is sent for a while to an integration to which everything fails. What waits meanwhile uses up no attempts.</summary>
    internal sealed class BreakerOptions
    {
        /// <summary>Whether there are breaks at all. Default: true.</summary>
        public bool Enabled { get; set; } = true;

        /// <summary>How long nothing may have succeeded before failures count, from the start of the first that failed. 0 to 3600, default 10.</summary>
        public double StreakSeconds { get; set; } = 10;

        /// <summary>How many failures must count, on one node, within <see cref="SamplingSeconds"/>. 2 to 10000, default 20.</summary>
        public int MinimumFailures { get; set; } = 20;

        /// <summary>The share of attempts within <see cref="SamplingSeconds"/> that must have failed. Above 0 to 1, default 0.9.</summary>
        public double FailureRatio { get; set; } = 0.9;

        /// <summary>How far back attempts are looked at. 1 to 3600, default 30.</summary>
        public double SamplingSeconds { get; set; } = 30;

        /// <summary>The first break; doubled after each probe that fails. 0.1 to 3600, default 5.</summary>
        public double BreakSeconds { get; set; } = 5;

        /// <summary>The longest break. <see cref="BreakSeconds"/> to 86400, default 60.</summary>
        public double MaxBreakSeconds { get; set; } = 60;
    }

    internal sealed class RetentionOptions
    {
        /// <summary>How long events, deliveries and attempts are kept. 1 to 3650, default 30.</summary>
        public int Days { get; set; } = 30;

        /// <summary>How long the audit trail is kept, by whole months. 1 to 3650, default 365.</summary>
        public int AuditDays { get; set; } = 365;
    }

    internal sealed class SigningOptions
    {
        /// <summary>Whether the three headers are sent under their svix- names too. Default: true.</summary>
        public bool SvixHeaders { get; set; } = true;
    }

    internal sealed class MetricsOptions
    {
        /// <summary>Whether <c>/metrics</c> asks for an operator key. It shows no tenant's data. Default: false.</summary>
        public bool RequireKey { get; set; }
    }

    internal sealed class EncryptionOptions
    {
        /// <summary>
        /// The texts of the keys that signing secrets, header values and passwords are encrypted with in the database: the first encrypts,
        /// all decrypt. At least 16 characters each; 32 random bytes in base64 are right. Default: the operator key, else a file
        /// <c>encryption.key</c> in the data folder.
        /// </summary>
        public string[] Keys { get; set; } = [];
    }

    internal sealed class IntakeOptions
    {
        /// <summary>The largest payload of one event. 1024 to 16777216, default 262144 (256 KiB).</summary>
        public int MaxPayloadBytes { get; set; } = 256 * 1024;
    }

    internal static class HostNames
    {
        public const string InProcess = "inprocess";
        public const string Hangfire = "hangfire";
    }

    internal sealed class HangfireOptions
    {
        public const int MaxWorkers = 100;
        public const int LargestBundle = 1000;

        /// <summary>
        /// Bundles of deliveries that this node works on at once, each on a thread of its own. How many POSTs are under way is
        /// decided by the lanes, not by this. 1 to 100, default 8.
        /// </summary>
        public int Workers { get; set; } = 8;

        /// <summary>The most deliveries that one job stands for. 1 to 1000, default 500; 1: a job for each delivery, at its price.</summary>
        public int MaxBundle { get; set; } = 500;
    }

    internal sealed class PortalOptions
    {
        public const int MinLinkSeconds = 60;
        public const int MaxLinkSeconds = 604_800;

        /// <summary>How long a link into the portal works unless its maker says otherwise. 60 to 604800, default 3600.</summary>
        public int LinkSeconds { get; set; } = 3600;

        /// <summary>
        /// Origins whose pages may show the portal in a frame, and call the API from the browser with a session's token. Default: none
        /// but this server's own.
        /// </summary>
        public string[] AllowedOrigins { get; set; } = [];

        /// <summary>Whose portal it is, as customers know it: 1 to 60 characters. Default: <c>Webhooks</c>.</summary>
        public string ProviderName { get; set; } = "Webhooks";

        /// <summary>A file with the provider's logo: .svg, .png or .webp of at most 256 KiB. Default: none, the name alone.</summary>
        public string? LogoFile { get; set; }

        /// <summary>The colour of the portal's buttons and marks, as <c>#rrggbb</c>. Default: <c>#1f5fbf</c>.</summary>
        public string AccentColor { get; set; } = "#1f5fbf";

        public IEnumerable<string> BrandFaults()
        {
            if (ProviderName.Trim() is not { Length: >= 1 and <= 60 }) yield return "Dispatcher:Portal:ProviderName must have 1 to 60 characters.";
            if (AccentColor is not ['#', .. { Length: 6 } digits] || !digits.All(char.IsAsciiHexDigit))
                yield return $"Dispatcher:Portal:AccentColor must be a colour such as #1f5fbf, not \"{AccentColor}\".";
            if (LogoFile is null) yield break;
            if (Path.GetExtension(LogoFile).ToLowerInvariant() is not (".svg" or ".png" or ".webp"))
                yield return "Dispatcher:Portal:LogoFile must end with .svg, .png or .webp.";
            else if (new FileInfo(LogoFile) is not { Exists: true, Length: <= MaxLogoBytes })
                yield return $"Dispatcher:Portal:LogoFile: there is no file of at most {MaxLogoBytes / 1024} KiB at {LogoFile}.";
        }

        private const int MaxLogoBytes = 256 * 1024;
    }

    internal sealed class DashboardOptions
    {
        /// <summary>How long a sign-in to the dashboard lasts. 60 to 2592000, default 43200 (12 hours).</summary>
        public int SessionSeconds { get; set; } = 43_200;
    }
}

/// <summary>A server that must not start with its configuration; the message names each key.</summary>
internal sealed class ConfigurationException(string message) : Exception(message);

internal static class DispatcherConfiguration
{
    /// <summary>Reads and checks the section; unknown keys and values of the wrong type are faults too.</summary>
    public static DispatcherOptions Read(IConfiguration configuration)
    {
        var options = new DispatcherOptions();
        try
        {
            configuration.GetSection(DispatcherOptions.Section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException e)
        {
            // Inside lists and tables only an inner exception names the key.
            while (e.InnerException is InvalidOperationException inner) e = inner;
            throw new ConfigurationException($"The configuration cannot be read: {e.Message}");
        }

        var faults = options.Faults().Concat(HostFaults(configuration)).ToList();
        return faults.Count == 0 ? options : throw new ConfigurationException("The configuration is wrong: " + string.Join(" ", faults));
    }

    /// <summary>What is wrong outside the section. The connection string is judged by the data source that is made from it.</summary>
    private static IEnumerable<string> HostFaults(IConfiguration configuration)
    {
        foreach (var url in (configuration["urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries))
            if (!IsAddress(url)) yield return $"ASPNETCORE_URLS must hold addresses such as http://localhost:8080, not \"{url}\".";
        if (Telemetry.TelemetryHost.FaultOf(configuration) is { } fault) yield return fault;
    }

    private static bool IsAddress(string url)
    {
        try
        {
            BindingAddress.Parse(url);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
