// The signing keys of an integration, between their sealed rows and what its owner sees of them.

using Dispatcher.Platform;
using Dispatcher.Secrets;
using Dispatcher.Signing;

namespace Dispatcher.Integrations;

internal sealed class SigningKeys(SecretBox box)
{
    /// <summary>A row for a key that was checked or made.</summary>
    public IntegrationSecret New(Integration integration, string key, DateTimeOffset now)
    {
        var id = Ids.NewUuid(now);
        return new IntegrationSecret
        {
            OrganizationId = integration.OrganizationId,
            Id = id,
            IntegrationId = integration.Id,
            Secret = box.Seal(key, SecretPlace.SigningSecret(integration.OrganizationId, id)),
            CreatedAt = now,
        };
    }

    /// <summary>What the receiver verifies with: never a private key.</summary>
    public string ReceiversKeyOf(IntegrationSecret row) => Open(row).ReceiversKey;

    /// <summary>Whether both rows hold the same key.</summary>
    public bool AreSame(IntegrationSecret one, IntegrationSecret other) => ReceiversKeyOf(one) == ReceiversKeyOf(other);

    /// <param name="live">The live keys, newest first.</param>
    public SecretView ToView(List<IntegrationSecret> live)
    {
        if (live is []) throw Problem.NotFound("The integration has no signing secret; rotate it to give it one.").AsException();
        var current = live.Find(s => s.ExpiresAt is null) ?? live[0];
        return new SecretView(
            ReceiversKeyOf(current),
            current.CreatedAt,
            [.. live.Where(s => s.ExpiresAt is not null).Select(s => new ExpiringSecret(ReceiversKeyOf(s), s.ExpiresAt!.Value))]);
    }

    /// <summary>Another node may be able to when this one is not: it has other keys, or another OpenSSL.</summary>
    private SigningKey Open(IntegrationSecret row)
    {
        try
        {
            var text = box.Open(row.Secret, SecretPlace.SigningSecret(row.OrganizationId, row.Id));
            return SigningKey.TryParse(text, out var key, out var error) ? key : throw new SealedSecretException(error);
        }
        catch (SealedSecretException e)
        {
            throw new Problem("Secret unreadable", 503, $"The stored signing secret cannot be read. {e.Message}").AsException();
        }
    }
}
