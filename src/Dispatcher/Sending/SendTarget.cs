// Where and how one version of an integration is sent to.

using System.Collections.Immutable;
using Dispatcher.Signing;

namespace Dispatcher.Sending;

/// <summary>
/// One version of an integration as the sender sees it. Immutable: made when the integration is loaded and used for all its
/// deliveries, so that what can be checked or computed beforehand is. Breaking a rule below is a programming error.
/// </summary>
/// <param name="Url">Absolute, <c>http</c> or <c>https</c>.</param>
/// <param name="Headers">Static headers that <see cref="StaticHeaders.TryCheck"/> accepts. A <c>user-agent</c> replaces ours.</param>
/// <param name="Secrets">The live secrets, or private keys, at least one: each signs.</param>
/// <param name="Timeout">For the whole attempt, from resolving the name to the last byte of the answer.</param>
/// <param name="SvixHeaders">Whether id, timestamp and signature are sent as <c>svix-*</c> too.</param>
internal sealed record SendTarget(
    Uri Url, IReadOnlyList<KeyValuePair<string, string>> Headers, ImmutableArray<SigningKey> Secrets, TimeSpan Timeout, bool SvixHeaders)
{
    public Uri Url { get; } = Url is { IsAbsoluteUri: true, Scheme: "http" or "https" }
        ? Url
        : throw new ArgumentException("A target is an absolute http or https URL.", nameof(Url));

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = Checked(Headers);

    public ImmutableArray<SigningKey> Secrets { get; } = Secrets.IsDefaultOrEmpty
        ? throw new ArgumentException("A target has at least one signing secret.", nameof(Secrets))
        : Secrets;

    public TimeSpan Timeout { get; } = Timeout > TimeSpan.Zero
        ? Timeout
        : throw new ArgumentOutOfRangeException(nameof(Timeout), Timeout, "A timeout is positive.");

    public bool SvixHeaders { get; } = SvixHeaders;

    /// <summary>Whether a static header takes the place of our <c>user-agent</c>.</summary>
    public bool OverridesUserAgent { get; } =
        Headers.Any(header => header.Key.Equals("user-agent", StringComparison.OrdinalIgnoreCase));

    /// <summary>Only the origin: paths, queries and headers of targets hold their owners' secrets.</summary>
    public override string ToString() => Url.GetLeftPart(UriPartial.Authority);

    private static KeyValuePair<string, string>[] Checked(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        foreach (var (name, value) in headers)
        {
            if (!StaticHeaders.TryCheck(name, value, out var refusal)) throw new ArgumentException(refusal, nameof(headers));
        }

        return [.. headers];
    }
}
