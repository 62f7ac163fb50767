// The receiver's side: is this POST from the dispatcher, unchanged, and fresh?

using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Dispatcher.Client;

/// <summary>
/// Verifies received webhooks (Standard Webhooks 1.0.0: <c>v1</c> with a <c>whsec_</c> secret, <c>v1a</c> with a <c>whpk_</c> public key) from
/// the <c>webhook-*</c> headers or, where those are not complete, from the <c>svix-*</c> ones. Immutable and safe to share between threads.
/// </summary>
public sealed class WebhookVerifier
{
    private const string SecretPrefix = "whsec_";
    private const string PublicKeyPrefix = "whpk_";
    private const string SignaturePrefix = "v1,";
    private const string Ed25519Prefix = "v1a,";
    private const int Base64SignatureLength = (HMACSHA256.HashSizeInBytes + 2) / 3 * 4;

    private static readonly TimeSpan MaxTolerance = TimeSpan.FromDays(1);

    private readonly byte[][] _keys;
    private readonly Ed25519PublicKey[] _publicKeys;
    private readonly TimeProvider _time;
    private readonly TimeSpan _tolerance;

    /// <summary>Verifies with one secret and the default tolerance of 5 minutes.</summary>
    /// <exception cref="ArgumentException">The secret is not <c>whsec_</c>, or <c>whpk_</c>, and base64.</exception>
    /// <exception cref="PlatformNotSupportedException">A <c>whpk_</c> key, where there is no OpenSSL: those work on Linux only.</exception>
    public WebhookVerifier(string secret)
        : this([secret])
    {
    }

    /// <summary>Verifies with several secrets, any of which may have signed: the old and the new one during a rotation.</summary>
    /// <param name="secrets">
    /// Each <c>whsec_</c> and base64, or <c>whpk_</c> and base64 of the 32 bytes of an ed25519 public key. Without a prefix it is taken for the first.
    /// </param>
    /// <param name="tolerance">How far the timestamp may be from now, either way; up to one day. Default: 5 minutes.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ArgumentException">There is no secret, or one is not base64, or the tolerance is out of its range.</exception>
    /// <exception cref="PlatformNotSupportedException">A <c>whpk_</c> key, where there is no OpenSSL: those work on Linux only.</exception>
    public WebhookVerifier(IEnumerable<string> secrets, TimeSpan? tolerance = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        _tolerance = tolerance ?? TimeSpan.FromMinutes(5);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_tolerance, TimeSpan.Zero, nameof(tolerance));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_tolerance, MaxTolerance, nameof(tolerance));
        _time = time ?? TimeProvider.System;
        var given = secrets.ToLookup(secret => secret?.StartsWith(PublicKeyPrefix, StringComparison.Ordinal) == true);
        _keys = [.. given[false].Select(ParseSecret)];
        _publicKeys = [.. given[true].Select(ParsePublicKey)];
        if (_keys.Length + _publicKeys.Length == 0)
            throw new ArgumentException("At least one secret is needed.", nameof(secrets));
    }

    /// <summary>Verifies a request.</summary>
    /// <param name="header">
    /// Gives a header's value by its lower-case name, or <c>null</c>; in ASP.NET Core: <c>name => request.Headers[name]</c>.
    /// </param>
    /// <param name="body">The body's bytes exactly as received: before any parsing.</param>
    /// <exception cref="WebhookVerificationException">
    /// It is not to be trusted; <see cref="WebhookVerificationException.Reason"/> says why.
    /// </exception>
    public VerifiedWebhook Verify(Func<string, string?> header, ReadOnlySpan<byte> body) =>
        TryVerify(header, body, out var webhook, out var failure) ? webhook : throw failure;

    /// <summary>Verifies a request whose headers are in a dictionary, whatever the case of its keys.</summary>
    /// <inheritdoc cref="Verify(Func{string, string?}, ReadOnlySpan{byte})"/>
    public VerifiedWebhook Verify(IReadOnlyDictionary<string, string> headers, ReadOnlySpan<byte> body) =>
        Verify(LookUp(headers), body);

    /// <summary>Verifies a request whose headers are in a dictionary, without throwing.</summary>
    public bool TryVerify(
        IReadOnlyDictionary<string, string> headers,
        ReadOnlySpan<byte> body,
        [NotNullWhen(true)] out VerifiedWebhook? webhook,
        [NotNullWhen(false)] out WebhookVerificationException? failure) =>
        TryVerify(LookUp(headers), body, out webhook, out failure);

    /// <summary>Verifies a request without throwing.</summary>
    public bool TryVerify(
        Func<string, string?> header,
        ReadOnlySpan<byte> body,
        [NotNullWhen(true)] out VerifiedWebhook? webhook,
        [NotNullWhen(false)] out WebhookVerificationException? failure)
    {
        ArgumentNullException.ThrowIfNull(header);
        (webhook, failure) = (null, null);

        var signed = ReadHeaders(header);
        if (signed.Missing is { } missing)
            failure = Fail(WebhookVerificationReason.MissingHeader, $"The header '{missing}' is missing.");
        else if (!long.TryParse(signed.Timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            failure = Fail(WebhookVerificationReason.BadTimestamp, "The timestamp is not a whole number of Unix seconds.");
        else if (Staleness(seconds) is { } stale)
            failure = Fail(stale, $"The timestamp {seconds} is more than {_tolerance} away from now.");
        else if (!IsSigned(signed, body))
            failure = Fail(WebhookVerificationReason.BadSignature, "No signature in the header matches the body and a known secret.");
        else
            webhook = new VerifiedWebhook(signed.Id, DateTimeOffset.FromUnixTimeSeconds(seconds));

        return failure is null;
    }

    private static WebhookVerificationException Fail(WebhookVerificationReason reason, string message) => new(reason, message);

    /// <summary>
    /// A family counts whole or not at all: an id from one and a signature from the other would prove nothing. Where neither is whole, the
    /// one that is there in part is the one to complain about.
    /// </summary>
    private static SignedHeaders ReadHeaders(Func<string, string?> header)
    {
        var webhook = SignedHeaders.Read("webhook", header);
        if (webhook.Missing is null)
            return webhook;

        var svix = SignedHeaders.Read("svix", header);
        return svix.Missing is null || webhook.IsEmpty && !svix.IsEmpty ? svix : webhook;
    }

    /// <summary>Compared as whole seconds, as the reference libraries do; a number beyond every calendar is only too new.</summary>
    private WebhookVerificationReason? Staleness(long seconds)
    {
        var now = _time.GetUtcNow();
        if (seconds < (now - _tolerance).ToUnixTimeSeconds())
            return WebhookVerificationReason.TimestampTooOld;
        return seconds > (now + _tolerance).ToUnixTimeSeconds() ? WebhookVerificationReason.TimestampTooNew : null;
    }

    private bool IsSigned(SignedHeaders signed, ReadOnlySpan<byte> body)
    {
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        foreach (var key in _keys)
        {
            Sign(key, signed, body, expected);
            foreach (var range in signed.Signatures.AsSpan().Split(' '))
            {
                if (Matches(signed.Signatures.AsSpan(range), expected))
                    return true;
            }
        }

        return _publicKeys.Length > 0 && IsSignedByPrivateKey(signed, body);
    }

    private bool IsSignedByPrivateKey(SignedHeaders signed, ReadOnlySpan<byte> body)
    {
        byte[] message = [.. Encoding.UTF8.GetBytes($"{signed.Id}.{signed.Timestamp}."), .. body];
        Span<byte> signature = stackalloc byte[Ed25519PublicKey.SignatureBytes];
        foreach (var range in signed.Signatures.AsSpan().Split(' '))
        {
            var entry = signed.Signatures.AsSpan(range);
            if (!entry.StartsWith(Ed25519Prefix, StringComparison.Ordinal)
                || !Convert.TryFromBase64Chars(entry[Ed25519Prefix.Length..], signature, out var length)
                || length != Ed25519PublicKey.SignatureBytes)
                continue;
            foreach (var key in _publicKeys)
            {
                if (key.Verify(message, signature))
                    return true;
            }
        }

        return false;
    }

    private static void Sign(byte[] key, SignedHeaders signed, ReadOnlySpan<byte> body, Span<byte> signature)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{signed.Id}.{signed.Timestamp}."));
        hmac.AppendData(body);
        hmac.GetHashAndReset(signature);
    }

    /// <summary>
    /// Whether one entry of the header is <c>v1,</c> and the expected signature. Other versions are another verifier's business.
    /// </summary>
    private static bool Matches(ReadOnlySpan<char> entry, ReadOnlySpan<byte> expected)
    {
        if (!entry.StartsWith(SignaturePrefix, StringComparison.Ordinal))
            return false;

        // As text: a decoder passes over spaces and stray bits, so that several texts would be the same signature.
        Span<char> text = stackalloc char[Base64SignatureLength];
        return Convert.TryToBase64Chars(expected, text, out var length)
            && CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(entry[SignaturePrefix.Length..]), MemoryMarshal.AsBytes(text[..length]));
    }

    /// <summary>The message never quotes the secret: it may be a good one with a typing error.</summary>
    private static byte[] ParseSecret(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        var encoded = secret.StartsWith(SecretPrefix, StringComparison.Ordinal) ? secret.AsSpan(SecretPrefix.Length) : secret;
        if (encoded.IsEmpty || !Base64.IsValid(encoded, out var length) || length == 0)
            throw new ArgumentException("A secret is 'whsec_' followed by base64.", nameof(secret));
        return Convert.FromBase64String(encoded.ToString());
    }

    private static Ed25519PublicKey ParsePublicKey(string key)
    {
        Span<byte> bytes = stackalloc byte[Ed25519PublicKey.KeyBytes];
        if (!Convert.TryFromBase64String(key[PublicKeyPrefix.Length..], bytes, out var length) || length != Ed25519PublicKey.KeyBytes)
            throw new ArgumentException("A public key is 'whpk_' followed by base64 of 32 bytes.", nameof(key));
        return Ed25519PublicKey.Of(bytes);
    }

    private static Func<string, string?> LookUp(IReadOnlyDictionary<string, string> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        return name => headers.TryGetValue(name, out var value)
            ? value
            : headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
    }

    private readonly record struct SignedHeaders(string Family, string Id, string Timestamp, string Signatures)
    {
        public bool IsEmpty => Id.Length + Timestamp.Length + Signatures.Length == 0;

        /// <summary>The name of the first header that is not there.</summary>
        public string? Missing => (Id, Timestamp, Signatures) switch
        {
            ({ Length: 0 }, _, _) => Family + "-id",
            (_, { Length: 0 }, _) => Family + "-timestamp",
            (_, _, { Length: 0 }) => Family + "-signature",
            _ => null,
        };

        public static SignedHeaders Read(string family, Func<string, string?> header) =>
            new(family, header(family + "-id") ?? "", header(family + "-timestamp") ?? "", header(family + "-signature") ?? "");
    }
}

/// <summary>What a valid signature vouches for, beside the body.</summary>
/// <param name="Id">The event's id, the same on every attempt: remember it, and ignore what comes a second time.</param>
/// <param name="Timestamp">When this attempt was signed.</param>
public sealed record VerifiedWebhook(string Id, DateTimeOffset Timestamp);
