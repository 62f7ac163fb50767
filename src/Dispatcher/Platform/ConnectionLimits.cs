// What one connection may cost before a request has come as far as an endpoint. Beyond these limits the web server answers by itself.

using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Dispatcher.Platform;

internal static class ConnectionLimits
{
    /// <summary>The largest body of any endpoint. Each has a limit of its own, see <see cref="BodyLimit"/>.</summary>
    public const int MaxBodyBytes = 64 * 1024 * 1024;

    public const int MaxRequestLineBytes = 8 * 1024;
    public const int MaxHeaders = 100;
    public const int MaxHeaderBytes = 32 * 1024;

    /// <summary>How long a request's line and headers may take.</summary>
    public static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may wait for its next request: longer than the 60 s and 75 s that proxies wait, so that they are the ones who close.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(130);

    public static void Set(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxRequestBodySize = MaxBodyBytes;
        limits.MaxRequestLineSize = MaxRequestLineBytes;
        limits.MaxRequestHeaderCount = MaxHeaders;
        limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        limits.RequestHeadersTimeout = HeadersTimeout;
        limits.KeepAliveTimeout = KeepAlive;
        // Bytes of a body that a connection takes ahead of whoever reads it.
        limits.MaxRequestBufferSize = 128 * 1024;
        // An early end for clients that hardly send; BodyTimeoutSeconds is the bound for all others.
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
    }
}
