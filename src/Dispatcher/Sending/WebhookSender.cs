// Sends one signed POST and says how it went: the story of an attempt.

using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Dispatcher.Sending;

/// <summary>
/// The server's one HTTP client for webhooks. Every failure of the outside world is a <see cref="SendResult"/> with its own
/// outcome; only a programming error throws. Retries are not its business: one call is one attempt.
/// </summary>
internal sealed class WebhookSender(SendingOptions options, EgressGuard guard, TimeProvider time) : IDisposable
{
    private readonly HttpMessageInvoker _http = new(CreateHandler(options, guard));
    private readonly Deadline.Pool _deadlines = new(time);
    private readonly bool _proxied = options.Proxy is not null;

    /// <summary>Makes one attempt.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="message">What.</param>
    /// <param name="shutdown">
    /// Breaks the attempt off as <see cref="SendOutcome.Interrupted"/>; the receiver may or may not have processed it.
    /// </param>
    public Task<SendResult> SendAsync(SendTarget target, WebhookMessage message, CancellationToken shutdown) =>
        AttemptTrace.Start(target, message) is { } span ? TracedAsync(span, target, message, shutdown) : AttemptAsync(target, message, shutdown);

    public void Dispose()
    {
        _http.Dispose();
        _deadlines.Dispose();
    }

    private async Task<SendResult> TracedAsync(Activity span, SendTarget target, WebhookMessage message, CancellationToken shutdown)
    {
        using (span)
        {
            var result = await AttemptAsync(target, message, shutdown);
            AttemptTrace.Describe(span, result);
            return result;
        }
    }

    private async Task<SendResult> AttemptAsync(SendTarget target, WebhookMessage message, CancellationToken shutdown)
    {
        var attempt = new Attempt(target, message, time);
        if (!guard.TryCheckLiteral(target.Url, out var refusal)) return attempt.End(SendOutcome.AddressForbidden, refusal);

        var deadline = _deadlines.Start(target.Timeout, shutdown);
        try
        {
            if (_proxied) await guard.ResolveAllowedAsync(target.Url.IdnHost, deadline.Token);
            using var request = WebhookRequest.Create(target, message, attempt, options.UserAgent);
            using var response = await _http.SendAsync(request, deadline.Token);
            await WebhookResponse.ReadAsync(response, attempt, deadline.Token);
        }
        catch (Exception exception) when (SendFailure.IsExpected(exception) || deadline.HasPassed)
        {
            var timedOut = deadline.HasPassed;
            deadline.Dispose();
            return Failed(attempt, exception, target.Timeout, timedOut, shutdown.IsCancellationRequested);
        }

        _deadlines.Return(deadline);
        return Answered(attempt);
    }

    private SendResult Answered(Attempt attempt)
    {
        var status = attempt.StatusCode.GetValueOrDefault();
        if (_proxied && status == 407) return attempt.End(SendOutcome.ProxyFailed, "The proxy asks for other credentials.");

        var outcome = SendOutcomes.FromStatus(status);
        return attempt.End(outcome, outcome == SendOutcome.Succeeded ? null : Told(status));
    }

    private SendResult Failed(Attempt attempt, Exception exception, TimeSpan timeout, bool timedOut, bool shutDown)
    {
        // A status that is a failure in itself is the cause, whatever became of the body that explains it.
        if (attempt.StatusCode is { } status && SendOutcomes.FromStatus(status) is not SendOutcome.Succeeded and var outcome)
            return attempt.End(outcome, $"{Told(status)} The rest of the answer could not be read.");

        if (shutDown) return attempt.End(SendOutcome.Interrupted, "This server shut down before the attempt ended.");

        var answered = attempt.StatusCode is not null;
        var connecting = attempt.Route.Address is null;
        if (timedOut)
        {
            var seconds = timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
            return answered ? attempt.End(SendOutcome.BodyTimeout, $"The answer did not end within {seconds} s.")
                : connecting ? attempt.End(SendOutcome.ConnectTimeout, $"There was no connection within {seconds} s.")
                : attempt.End(SendOutcome.HeadersTimeout, $"There was no answer within {seconds} s.");
        }

        var (cause, error) = SendFailure.Describe(exception, answered, connecting, _proxied);
        return attempt.End(cause, error);
    }

    private static string Told(int status) => $"The receiver answered {status.ToString(CultureInfo.InvariantCulture)}.";

    private static SocketsHttpHandler CreateHandler(SendingOptions options, EgressGuard guard)
    {
        var proxy = options.Proxy is { } address ? new OnlyProxy(address) : null;
        var handler = new SocketsHttpHandler
        {
            // The payload, its signature and the owner's headers go to the target and nowhere else, as they are.
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = proxy is not null,
            Proxy = proxy,
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,

            // The attempt's own timeout covers connecting, and the answer is read to its end or the connection is given up.
            ConnectTimeout = Timeout.InfiniteTimeSpan,
            MaxResponseHeadersLength = options.MaxResponseHeadersKilobytes,
            MaxResponseDrainSize = 0,
            ResponseDrainTimeout = TimeSpan.Zero,

            PooledConnectionIdleTimeout = options.ConnectionIdleTimeout,
            PooledConnectionLifetime = options.PooledConnectionLifetime,
            ConnectCallback = proxy is null ? guard.ConnectAsync : guard.ConnectToProxyAsync,
        };
        if (options.TrustedRoots is { Count: > 0 } roots)
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = TrustAlso(roots) };
        return handler;
    }

    // A custom trust store takes the place of the system's, so the system's roots go into it too.
    private static X509ChainPolicy TrustAlso(X509Certificate2Collection roots)
    {
        using var system = new X509Store(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(roots);
        policy.CustomTrustStore.AddRange(system.Certificates);
        return policy;
    }
}
