// How an attempt ended. The set is closed: every cause has one name, in the code and in the record.

namespace Dispatcher.Sending;

/// <summary>The outcome of one attempt. Stored and shown as <see cref="SendOutcomes.ToName"/> writes it.</summary>
internal enum SendOutcome
{
    /// <summary>A 2xx status, and the whole answer read within the timeout.</summary>
    Succeeded,

    /// <summary>A 3xx status. Redirects are never followed: the signed payload goes where its owner said, nowhere else.</summary>
    Redirected,

    /// <summary>410: the receiver wants no more of these.</summary>
    Gone,

    /// <summary>429: the receiver wants fewer of these.</summary>
    RateLimited,

    /// <summary>Any other 4xx status.</summary>
    ClientError,

    /// <summary>A 5xx status.</summary>
    ServerError,

    /// <summary>A status that is no answer to a POST, such as 101 or 999.</summary>
    UnexpectedStatus,

    /// <summary>The timeout passed before a connection was there: name resolution, TCP and TLS count as connecting.</summary>
    ConnectTimeout,

    /// <summary>The timeout passed between connecting and the end of the answer's headers.</summary>
    HeadersTimeout,

    /// <summary>The answer began with 2xx and did not end within the timeout.</summary>
    BodyTimeout,

    /// <summary>The host's name has no address, or no name server said so in time.</summary>
    DnsFailed,

    /// <summary>Nothing listens there.</summary>
    ConnectionRefused,

    /// <summary>The receiver closed or reset the connection before the headers of its answer were complete.</summary>
    ConnectionReset,

    /// <summary>No route to the host or its network.</summary>
    Unreachable,

    /// <summary>Connecting failed for another reason, which the attempt's error names.</summary>
    ConnectionFailed,

    /// <summary>The TLS handshake failed: certificate, protocol version, or a peer that does not speak TLS.</summary>
    TlsFailed,

    /// <summary>The answer is not HTTP, or a 2xx answer's body ends early.</summary>
    ProtocolError,

    /// <summary>The headers of the answer are larger than is read.</summary>
    ResponseHeadersTooLarge,

    /// <summary>The egress guard refused the target. Nothing was sent.</summary>
    AddressForbidden,

    /// <summary>The configured proxy could not be reached, or would not carry the request.</summary>
    ProxyFailed,

    /// <summary>This server shut down in the middle: not an attempt that counts.</summary>
    Interrupted,
}
