// The box that secrets are stored in: what opens, what does not, and what it says then.

using System.Text;
using Dispatcher.Platform;
using Dispatcher.Secrets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatcher.Tests.Secrets;

public sealed class SecretBoxTests : IDisposable
{
    private const string Clear = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private static readonly Guid Row = Guid.Parse("01234567-89ab-7def-8123-456789abcdef");
    private static readonly SecretPlace Place = SecretPlace.Header("acme", Row, "X-Token");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dispatcher-box-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData(Clear)]
    [InlineData("enc:1:00000000:AAAA")]
    [InlineData("Zoë 日本 €")]
    public void What_was_sealed_opens(string clear)
    {
        var box = Box("key-number-one-of-these");

        var stored = box.Seal(clear, Place);

        Assert.Matches("^enc:1:[0-9a-f]{8}:[A-Za-z0-9+/]+=*$", stored);
        Assert.Equal(clear, box.Open(stored, Place));
        Assert.NotEqual(stored, box.Seal(clear, Place));
    }

    [Fact]
    public void Two_processes_with_the_same_text_have_the_same_key()
    {
        // Made by another implementation of the same derivation. Were it changed, no stored secret could be read any more.
        const string stored = "enc:1:2f67375f:Gxax31OLoS3D+X7bVcAX3lAwX8qk0unRHExoDx3YJVHvl/I8eQBSrlnFu4JvLqTVfpuPuFHz87s99Of235lofgJF";

        Assert.Equal(Clear, Box("a text that never changes").Open(stored, Place));
    }

    [Theory]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("enc")]
    [InlineData("enc:oded, says the customer")]
    [InlineData("")]
    public void What_an_earlier_version_has_stored_in_the_clear_is_read_as_it_is(string clear) =>
        Assert.Equal(clear, Box("key-number-one-of-these").Open(clear, Place));

    [Fact]
    public void Not_one_bit_of_it_can_be_changed()
    {
        var box = Box("key-number-one-of-these");
        var stored = box.Seal("short", Place);
        var bytes = Convert.FromBase64String(stored.Split(':')[3]);
        Assert.Equal(12 + 16 + 5, bytes.Length);

        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var changed = bytes.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            var text = $"{stored[..^stored.Split(':')[3].Length]}{Convert.ToBase64String(changed)}";
            Assert.Throws<SealedSecretException>(() => box.Open(text, Place));
        }
    }

    [Fact]
    public void Neither_a_shorter_nor_a_longer_nor_a_mangled_one_opens()
    {
        var box = Box("key-number-one-of-these");
        var stored = box.Seal("short", Place);
        var prefix = stored[..15];

        Assert.All(
            new[] { prefix, prefix + "AAAA", stored + "AAAA", stored[..^4], stored + ":", prefix + "?", stored[..^1] + "?" },
            text => Assert.Throws<SealedSecretException>(() => box.Open(text, Place)));
    }

    [Fact]
    public void It_opens_in_its_own_place_only()
    {
        var box = Box("key-number-one-of-these");
        var stored = box.Seal(Clear, Place);
        SecretPlace[] others =
        [
            SecretPlace.Header("acme", Row, "X-Other"),
            SecretPlace.Header("acme", Guid.NewGuid(), "X-Token"),
            SecretPlace.Header("other", Row, "X-Token"),
            SecretPlace.BasicPassword("acme", Row),
            SecretPlace.SigningSecret("acme", Row),
        ];

        Assert.All(others, other => Assert.Contains("not for this place", Assert.Throws<SealedSecretException>(() => box.Open(stored, other)).Message, StringComparison.Ordinal));
        Assert.Equal(Clear, box.Open(stored, SecretPlace.Header("acme", Row, "x-tOKEN")));
    }

    [Fact]
    public void Only_the_first_key_seals_and_all_open()
    {
        var old = Box("key-number-one-of-these");
        var both = Box("key-number-two-of-these", "key-number-one-of-these");
        var fresh = Box("key-number-two-of-these");
        var stored = old.Seal(Clear, Place);

        Assert.Equal(Clear, both.Open(stored, Place));
        Assert.Equal(Clear, fresh.Open(both.Seal(Clear, Place), Place));
        Assert.Throws<SealedSecretException>(() => fresh.Open(stored, Place));
    }

    [Fact]
    public void A_key_that_is_missing_is_named_by_its_id_and_nothing_secret_is_said()
    {
        var stored = Box("key-number-one-of-these").Seal(Clear, Place);

        var message = Assert.Throws<SealedSecretException>(() => Box("key-number-two-of-these").Open(stored, Place)).Message;

        Assert.Contains(stored.Split(':')[2], message, StringComparison.Ordinal);
        Assert.Contains("Dispatcher__Encryption__Keys", message, StringComparison.Ordinal);
        Assert.DoesNotContain("key-number", message, StringComparison.Ordinal);
        Assert.DoesNotContain(stored.Split(':')[3], message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_form_of_the_future_is_refused_and_not_taken_for_clear_text() =>
        Assert.Contains("another version", Assert.Throws<SealedSecretException>(() => Box("key-number-one-of-these").Open("enc:2:ab:cd", Place)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_keys_the_operator_key_seals_and_with_keys_it_opens_still()
    {
        var options = new DispatcherOptions { OperatorKey = "an-operator-key-of-old", DataDirectory = _folder.FullName };
        var stored = new SecretBox(Keys(options)).Seal(Clear, Place);

        Assert.Equal(Clear, Box("an-operator-key-of-old").Open(stored, Place));
        options.Encryption.Keys = ["key-number-one-of-these"];
        var keys = Keys(options);
        Assert.Equal(Clear, new SecretBox(keys).Open(stored, Place));
        Assert.Equal(EncryptionKey.Of("key-number-one-of-these").Id, keys.First.Id);
        Assert.Empty(_folder.EnumerateFiles());
    }

    [Fact]
    public void The_id_of_a_key_is_no_hash_of_its_text()
    {
        const string text = "key-number-one-of-these";
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));

        Assert.NotEqual(hash[..8], EncryptionKey.Of(text).Id);
    }

    private SecretBox Box(params string[] keys) =>
        new(Keys(new DispatcherOptions { DataDirectory = _folder.FullName, Encryption = new() { Keys = keys } }));

    private static EncryptionKeys Keys(DispatcherOptions options) => new(options, NullLogger<EncryptionKeys>.Instance);
}
