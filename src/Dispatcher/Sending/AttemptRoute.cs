// The connection that one attempt's request went out on.

namespace Dispatcher.Sending;

/// <summary>
/// Filled in by <see cref="AddressedStream"/> when the request is written. <see cref="PayloadContent"/> makes it the current one
/// as soon as the body is asked for: by then the attempt has its connection. Not earlier, because the pool opens connections in
/// the flow of the request that asks for one, and a TLS handshake there is not yet this attempt's request, and may never be.
/// So an attempt without an address has had no connection.
/// </summary>
internal sealed class AttemptRoute
{
    private static readonly AsyncLocal<AttemptRoute?> Ambient = new();

    /// <summary>The route of the request being written, if one is.</summary>
    public static AttemptRoute? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary><c>ip:port</c>; null until the request is written.</summary>
    public string? Address { get; set; }
}
