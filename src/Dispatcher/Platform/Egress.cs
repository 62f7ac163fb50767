// What the configuration says about sending, in the terms of the sending room.

using System.Net;
using Dispatcher.Sending;

namespace Dispatcher.Platform;

internal static class Egress
{
    public static EgressGuard Guard(DispatcherOptions options, IHostEnvironment environment) => new(new EgressPolicy
    {
        AllowedNetworks = [.. options.Egress.AllowedNetworks.Select(IPNetwork.Parse)],
        AllowLoopback = environment.IsDevelopment(),
        RequireHttps = options.Egress.RequireHttps,
    });

    public static SendingOptions Sending(DispatcherOptions options) => new()
    {
        UserAgent = ServerVersion.UserAgent,
        Proxy = options.Egress.Proxy is { } proxy ? new Uri(proxy) : null,
    };
}
