// The sender's settings for the whole server.

using System.Security.Cryptography.X509Certificates;

namespace Dispatcher.Sending;

/// <summary>How this server sends, whatever the target.</summary>
internal sealed record SendingOptions
{
    /// <summary><c>user-agent</c> of every POST whose integration does not set its own.</summary>
    public string UserAgent { get; init; } = $"Dispatcher/{typeof(SendingOptions).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>
    /// All requests go through this proxy: <c>http</c>, <c>https</c>, <c>socks5</c> and their like, with <c>user:password@</c> if
    /// it asks for them. Its own address is not subject to the egress guard. Targets are: their names are resolved and checked
    /// here before each request. But the proxy resolves them again by itself, so it should refuse private addresses of its own accord.
    /// </summary>
    public Uri? Proxy { get; init; }

    /// <summary>
    /// How long an unused connection is kept. A POST that meets a connection its receiver is just closing fails, because nobody
    /// can know whether it was processed. Common servers close theirs after 5 s or later, so ours are closed before that.
    /// </summary>
    public TimeSpan ConnectionIdleTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The oldest that a busy connection gets, so that changed DNS answers are followed.</summary>
    public TimeSpan PooledConnectionLifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Certificates of private authorities that receivers may use, beside those that the system trusts.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>The largest answer headers that are read; beyond it the attempt fails.</summary>
    public int MaxResponseHeadersKilobytes { get; init; } = 64;
}
