// Names the causes of failed attempts.

using System.Net.Sockets;
using System.Security.Authentication;

namespace Dispatcher.Sending;

/// <summary>Turns what the HTTP stack throws into an outcome and a line of plain words.</summary>
internal static class SendFailure
{
    private const int MaxDetail = 300;

    /// <summary>Whether an exception tells of the world outside. Any other is a mistake of ours and must not be swallowed.</summary>
    public static bool IsExpected(Exception exception) =>
        exception is HttpRequestException or IOException or SocketException or EgressForbiddenException or OperationCanceledException;

    /// <summary>The cause of a failure that is neither a timeout of ours nor a shutdown.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="answered">Whether the answer's headers had come.</param>
    /// <param name="connecting">Whether there was no connection yet.</param>
    /// <param name="proxied">Whether connections lead to the proxy.</param>
    public static (SendOutcome Outcome, string Error) Describe(Exception exception, bool answered, bool connecting, bool proxied)
    {
        var kind = exception switch
        {
            HttpRequestException request => request.HttpRequestError,
            HttpIOException io => io.HttpRequestError,
            _ => HttpRequestError.Unknown,
        };

        if (Find<EgressForbiddenException>(exception) is { } forbidden) return (SendOutcome.AddressForbidden, forbidden.Message);
        if (kind == HttpRequestError.SecureConnectionError || Find<AuthenticationException>(exception) is not null)
            return (SendOutcome.TlsFailed, $"The TLS handshake failed: {Detail(exception)}");
        if (proxied && connecting && exception is HttpRequestException)
            return (SendOutcome.ProxyFailed, $"The proxy did not carry the request: {Detail(exception)}");
        if (Find<ConnectFailedException>(exception) is { } connect) return FromConnect(connect);
        if (Find<SocketException>(exception) is { } socket) return FromSocket(socket.SocketErrorCode, answered);

        return kind switch
        {
            HttpRequestError.ConfigurationLimitExceeded =>
                (SendOutcome.ResponseHeadersTooLarge, "The headers of the answer are too large."),
            HttpRequestError.ResponseEnded when !answered =>
                (SendOutcome.ConnectionReset, "The receiver closed the connection before the headers of its answer were complete."),
            HttpRequestError.ResponseEnded =>
                (SendOutcome.ProtocolError, "The body of the answer ended early."),
            HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError =>
                (SendOutcome.ProtocolError, $"The answer is not valid HTTP: {Detail(exception)}"),
            _ when connecting => (SendOutcome.ConnectionFailed, $"Connecting failed: {Detail(exception)}"),
            _ => (SendOutcome.ProtocolError, $"The answer could not be read: {Detail(exception)}"),
        };
    }

    private static (SendOutcome Outcome, string Error) FromConnect(ConnectFailedException connect) => connect.Error switch
    {
        SocketError.ConnectionRefused => (SendOutcome.ConnectionRefused, $"{connect.EndPoint} refused the connection."),
        SocketError.TimedOut => (SendOutcome.ConnectTimeout, $"{connect.EndPoint} did not answer."),
        SocketError.ConnectionReset or SocketError.ConnectionAborted =>
            (SendOutcome.ConnectionReset, $"{connect.EndPoint} reset the connection."),
        SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown or SocketError.HostDown
            or SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported =>
            (SendOutcome.Unreachable, $"There is no route to {connect.EndPoint}."),
        var other => (SendOutcome.ConnectionFailed, $"Connecting to {connect.EndPoint} failed: {other}."),
    };

    // Errors of an open connection, and of name resolution.
    private static (SendOutcome Outcome, string Error) FromSocket(SocketError error, bool answered) => error switch
    {
        SocketError.HostNotFound or SocketError.NoData => (SendOutcome.DnsFailed, "The host's name has no address."),
        SocketError.TryAgain or SocketError.NoRecovery => (SendOutcome.DnsFailed, "The host's name could not be resolved."),
        SocketError.TimedOut when answered => (SendOutcome.BodyTimeout, "The connection died in the middle of the answer."),
        SocketError.TimedOut => (SendOutcome.HeadersTimeout, "The connection died before an answer came."),
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown when answered =>
            (SendOutcome.ConnectionReset, "The receiver reset the connection in the middle of its answer."),
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown =>
            (SendOutcome.ConnectionReset, "The receiver reset the connection before it answered."),
        _ => (SendOutcome.ConnectionFailed, $"The connection failed: {error}."),
    };

    private static T? Find<T>(Exception? exception) where T : Exception
    {
        while (exception is not null and not T) exception = exception.InnerException;
        return exception as T;
    }

    // The innermost message has the reason; the outer ones say that there is one.
    private static string Detail(Exception exception)
    {
        var text = exception.GetBaseException().Message.ReplaceLineEndings(" ");
        return text.Length <= MaxDetail ? text : text[..MaxDetail];
    }
}
