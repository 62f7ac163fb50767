// The verification code of every language, each started when the first test asks for it, and running until the last has ended.

using System.Text;
using Dispatcher.Pages.Integrations;
using Dispatcher.Signing;

namespace Dispatcher.Tests.Portal;

public sealed class RunningSnippets : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dispatcher-snippets-").FullName;
    private readonly Dictionary<(string Language, string Scheme), RunningSnippet> _running = [];
    private readonly Dictionary<(string Language, string Scheme), (string Folder, string[] Command)> _prepared = [];

    internal async Task<RunningSnippet> GetAsync(string language, string scheme)
    {
        if (_running.TryGetValue((language, scheme), out var running)) return running;

        var key = SigningScheme.Generate(scheme);
        Assert.True(SigningKey.TryParse(key, out var parsed, out _));
        running = new RunningSnippet(scheme, key, parsed, await StartAsync(language, scheme, parsed.ReceiversKey));
        _running.Add((language, scheme), running);
        return running;
    }

    /// <summary>Starts one more, with this for its secret.</summary>
    internal async Task<SnippetEndpoint> StartAsync(string language, string scheme, string? secret)
    {
        var (folder, command) = await PrepareAsync(language, scheme);
        if (language != "shell") return await SnippetEndpoint.StartAsync(folder, command, secret);
        return await SnippetEndpoint.AskAsync(folder, scheme == SigningScheme.Hmac ? [.. command, "verify"] : command, secret);
    }

    /// <summary>The folder with the language's code, and the command that runs it there.</summary>
    internal async Task<(string Folder, string[] Command)> PrepareAsync(string language, string scheme)
    {
        if (_prepared.TryGetValue((language, scheme), out var prepared)) return prepared;

        Assert.SkipUnless(scheme == SigningScheme.Hmac || Ed25519Key.IsAvailable, "There is no OpenSSL here: apt-get install libssl3.");
        var folder = Directory.CreateDirectory(Path.Combine(_folder, $"{language}-{scheme}")).FullName;
        var of = VerificationCode.Languages.Single(l => l.Id == language);
        prepared = (folder, await SnippetRuntime.Of(language, scheme).PrepareAsync(folder, of, VerificationCode.For(language, scheme)!));
        _prepared.Add((language, scheme), prepared);
        return prepared;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var running in _running.Values) await running.Endpoint.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <param name="Scheme">How what it takes is signed.</param>
/// <param name="Secret">The text of the key that signs.</param>
/// <param name="Key">The same, parsed.</param>
/// <param name="Endpoint">The program.</param>
internal sealed record RunningSnippet(string Scheme, string Secret, SigningKey Key, SnippetEndpoint Endpoint)
{
    private const string Id = "evt_01a1fc66dccc759789bd5c21a77eae99";

    /// <summary>A webhook as our own code signs it.</summary>
    /// <param name="body">Default: a JSON object with text beyond ASCII.</param>
    /// <param name="age">How long ago it was signed, in seconds.</param>
    /// <param name="keys">The live keys, in this order; default: the one that the program was given.</param>
    public SignedWebhook Sign(byte[]? body = null, int age = 0, params SigningKey[] keys)
    {
        body ??= Encoding.UTF8.GetBytes("""{"job_id":"parse_1","label":"Zoë 日本 €"}""");
        var seconds = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - age;
        return new SignedWebhook(Id, $"{seconds}", WebhookSignature.Sign(keys is [] ? [Key] : keys, Id, seconds, body), body);
    }

    /// <summary>Another key of the same scheme.</summary>
    public SigningKey OtherKey() =>
        SigningKey.TryParse(SigningScheme.Generate(Scheme), out var key, out var error) ? key : throw new InvalidOperationException(error);

    public async Task AcceptsAsync(SignedWebhook webhook) => Assert.Equal(204, await Endpoint.PostAsync(webhook));

    public async Task RefusesAsync(SignedWebhook webhook) => Assert.Equal(401, await Endpoint.PostAsync(webhook));
}
