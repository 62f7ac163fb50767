// Secrets as they are stored: sealed with a key that the database does not have.

using System.Text;
using System.Text.RegularExpressions;

namespace Dispatcher.Secrets;

/// <summary>
/// Where a secret is stored. It is part of what is sealed, so that a sealed value which somebody moves to another row, member or
/// organization does not open there.
/// </summary>
internal readonly record struct SecretPlace
{
    private readonly string _text;

    // No line break can be in any of the parts.
    private SecretPlace(string organization, Guid row, string member) => _text = $"{organization}\n{row:N}\n{member}";

    public static SecretPlace SigningSecret(string organization, Guid secret) => new(organization, secret, "secret");

    public static SecretPlace BasicPassword(string organization, Guid integration) => new(organization, integration, "basic_password");

    /// <summary>A static header's value. Header names are the same whatever their case.</summary>
    public static SecretPlace Header(string organization, Guid integration, string name) =>
        new(organization, integration, $"headers.{name.ToLowerInvariant()}");

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_text);
}

/// <summary>A stored secret that cannot be opened. The message says why, and holds nothing secret.</summary>
internal sealed class SealedSecretException(string message) : Exception(message);

/// <summary>
/// Seals and opens secrets. Their stored form is <c>enc:1:{key id}:{base64}</c>; what does not look like it is clear text, as versions
/// before 0006 stored it. <c>dispatcher.key_of</c> in the database goes by the same form.
/// </summary>
internal sealed partial class SecretBox(EncryptionKeys keys)
{
    private const string Version = "1";

    public string Seal(string clear, SecretPlace place)
    {
        var sealedBytes = keys.First.Seal(Encoding.UTF8.GetBytes(clear), place.ToBytes());
        return $"enc:{Version}:{keys.First.Id}:{Convert.ToBase64String(sealedBytes)}";
    }

    /// <summary>The clear text of what is stored in a place.</summary>
    /// <exception cref="SealedSecretException">The key is none of ours, or it was not sealed for this place.</exception>
    public string Open(string stored, SecretPlace place)
    {
        if (!Form().IsMatch(stored)) return stored;
        if (stored.Split(':') is not [_, Version, var id, var text])
            throw new SealedSecretException("It is encrypted in a way that this version does not know; another version has written it.");
        if (keys.Find(id) is not { } key)
            throw new SealedSecretException($"It is encrypted with the key {id}, which this server was not given (Dispatcher__Encryption__Keys).");

        var sealedBytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, sealedBytes, out var length) || key.TryOpen(sealedBytes.AsSpan(0, length), place.ToBytes()) is not { } clear)
            throw new SealedSecretException($"It was encrypted with the key {id}, but not for this place, or it was changed since.");
        return Encoding.UTF8.GetString(clear);
    }

    [GeneratedRegex("^enc:[0-9]+:")]
    private static partial Regex Form();
}
