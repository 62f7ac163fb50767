// The configured proxy, for every request.

using System.Net;

namespace Dispatcher.Sending;

/// <summary>Sends everything through one proxy; unlike <see cref="WebProxy"/> it has no exceptions for local targets.</summary>
internal sealed class OnlyProxy : IWebProxy
{
    private readonly Uri _address;

    public OnlyProxy(Uri proxy)
    {
        _address = new UriBuilder(proxy) { UserName = "", Password = "" }.Uri;
        if (proxy.UserInfo.Length == 0) return;

        var parts = proxy.UserInfo.Split(':', 2);
        Credentials = new NetworkCredential(Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? ""));
    }

    public ICredentials? Credentials { get; set; }

    public Uri GetProxy(Uri destination) => _address;

    public bool IsBypassed(Uri host) => false;
}
