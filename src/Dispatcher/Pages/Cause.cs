// How an attempt ended, in plain words, and what whoever owns the endpoint can do about it.

using System.Globalization;

namespace Dispatcher.Pages;

/// <summary>What became of an attempt, for people.</summary>
/// <param name="Text">What happened, in a sentence.</param>
/// <param name="Hint">What to do next, in a sentence or two.</param>
public sealed record Cause(string Text, string Hint)
{
    /// <summary>The cause behind an outcome's name. A name that is not known here, of a newer server beside this one, is told as it is.</summary>
    /// <param name="outcome">The name, as the API shows it in <c>outcome</c> and <c>last_outcome</c>.</param>
    /// <param name="status">The status of the answer, where there was one.</param>
    public static Cause Of(string outcome, int? status = null) => outcome switch
    {
        "succeeded" => new($"The endpoint took it{(status is null ? "" : $" with {Said(status)}")}.", "There is nothing to do."),
        "redirected" => new(
            $"The endpoint answered with {Said(status)}, a redirect.",
            "Redirects are never followed, so that signed payloads go nowhere else. Set the target to the address that it redirects to."),
        "gone" => new(
            "The endpoint answered with 410: it wants no more of these.",
            "The integration was disabled. If that was a mistake, correct the endpoint, enable the integration, and recover what was missed."),
        "rate_limited" => new(
            "The endpoint answered with 429: it was asked too often.",
            "It is tried again later. If this happens often, set a limit per second for the integration, or raise the endpoint's."),
        "client_error" => new(
            status is null ? "The endpoint refused it (a status from 400 to 499)." : $"The endpoint refused it with {Said(status)}.",
            HintOfRefusal(status)),
        "server_error" => new(
            status is null ? "The endpoint answered with a server error (a status from 500 on)." : $"The endpoint failed with {Said(status)}.",
            status switch
            {
                502 or 504 => "What stands before the endpoint (a proxy, a load balancer, a tunnel) got no answer from it. See whether it runs and is quick enough.",
                503 => "It is overloaded or in maintenance. It is tried again later.",
                _ => "Something went wrong inside of it. Its own log says what; the answer's body may as well.",
            }),
        "unexpected_status" => new(
            $"The endpoint answered with {Said(status)}, which is no answer to a POST.",
            "Answer with 200 or 204 when the event was taken, and with 500 when it could not be."),
        "connect_timeout" => new(
            "No connection could be made within the timeout.",
            "A firewall may drop what comes from this server. See whether it lets connections in from here, and whether host and port are right."),
        "headers_timeout" => new(
            "The endpoint did not answer within the timeout.",
            "Answer as soon as the event is stored, and do the work afterwards. If it needs the time, raise the integration's timeout."),
        "body_timeout" => new(
            "The endpoint began to answer with a success, but did not finish within the timeout.",
            "Keep the answer short (an empty body is best), and end it. See whether something between buffers it."),
        "dns_failed" => new(
            "The host's name could not be resolved to an address.",
            "See whether the name in the target is spelled right and has a public DNS entry."),
        "connection_refused" => new(
            "Nothing listens at the host and port of the target.",
            "See whether the endpoint runs, and whether the port in the target is right."),
        "connection_reset" => new(
            "The endpoint closed the connection before it had answered.",
            "It may have crashed or been restarted, or something between ends long requests. Its own log may say why."),
        "unreachable" => new(
            "There is no route to the host of the target.",
            "See whether the host is up, and whether its address can be reached from the internet."),
        "connection_failed" => new(
            "The connection to the endpoint failed.",
            "The error of the attempt says why. See whether host and port of the target are right."),
        "tls_failed" => new(
            "No secure connection could be made.",
            "See whether the certificate is valid for this host, has not ended, and is sent with its intermediates, and whether the port speaks TLS 1.2 or later."),
        "protocol_error" => new(
            "What came back was not a complete HTTP answer.",
            "See whether the port of the target is the one of the web server, and whether it ends its answers properly."),
        "response_headers_too_large" => new(
            "The headers of the answer were larger than is read.",
            "Answer with fewer or shorter headers; large cookies are the usual reason."),
        "address_forbidden" => new(
            "The target leads to an address to which nothing is sent from here.",
            "Private, local and otherwise special addresses are not allowed. Use a public address, or ask the operator of this server to allow the network."),
        "proxy_failed" => new(
            "The proxy through which this server sends did not carry the request.",
            "This is on the sending side: the endpoint has not seen it. If it goes on, tell the operator of this server."),
        "interrupted" => new(
            "This server was shut down in the middle of the attempt.",
            "It does not count as an attempt, and it is made again. The endpoint may get the event twice, with the same webhook-id."),
        _ => new($"It ended as \"{outcome}\".", "The error of the attempt, where there is one, says more."),
    };

    private static string HintOfRefusal(int? status) => status switch
    {
        400 or 422 => "It did not like the content. See what its answer says, and whether it expects this type of event.",
        401 or 403 => "It asks for credentials, or the signature did not verify there. See the integration's headers, and that the endpoint uses its current secret.",
        404 => "The path of the target does not exist there. See whether it is spelled right.",
        405 => "The path exists but takes no POST. See whether the target is right.",
        408 => "It gave up waiting for the request. If this happens often, look at what stands before it.",
        413 => "The payload is larger than it takes. Raise the limit there.",
        415 => "It does not take JSON there. See whether the target is right.",
        _ => "See what its answer says, and whether the target is right.",
    };

    private static string Said(int? status) => status?.ToString(CultureInfo.InvariantCulture) ?? "a status that was not recorded";
}
