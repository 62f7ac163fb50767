// The code with which customers verify what they are sent, in their own language: Snippets/, inside the binary.

using System.Collections.Frozen;

namespace Dispatcher.Pages.Integrations;

/// <summary>A language that there is verification code in.</summary>
/// <param name="Id">As in an address: lower-case letters and hyphens.</param>
/// <param name="Title">As on a tab.</param>
/// <param name="FileName">The name under which the code runs as its first lines say.</param>
/// <param name="Syntax">The language's name in fenced blocks and highlighters.</param>
internal sealed record VerificationLanguage(string Id, string Title, string FileName, string Syntax);

/// <summary>
/// Whole programs: an endpoint that verifies each webhook before anything else. They take the secret, or the public key, from the environment
/// variable WEBHOOK_SECRET and accept nothing without it, compare in constant time, and refuse timestamps more than 5 minutes from now.
/// </summary>
internal static class VerificationCode
{
    private const string Folder = "snippets/";

    // By language and signing scheme: "node.hmac", as the files are named but for their endings.
    private static readonly FrozenDictionary<string, string> Codes = Load();

    /// <summary>Every language, in the order of the tabs.</summary>
    public static IReadOnlyList<VerificationLanguage> Languages { get; } =
    [
        new("node", "Node.js", "webhook.mjs", "javascript"),
        new("python", "Python", "webhook.py", "python"),
        new("csharp", "C#", "Program.cs", "csharp"),
        new("csharp-client", "C# with Dispatcher.Client", "Program.cs", "csharp"),
        new("go", "Go", "main.go", "go"),
        new("java", "Java", "Webhooks.java", "java"),
        new("ruby", "Ruby", "config.ru", "ruby"),
        new("php", "PHP", "webhook.php", "php"),
        new("shell", "curl and openssl", "webhook.sh", "sh"),
    ];

    /// <summary>
    /// The languages that have code for a signing scheme, <c>hmac</c> or <c>ed25519</c>; none for any other. .NET's own library has no ed25519.
    /// </summary>
    public static IReadOnlyList<VerificationLanguage> LanguagesFor(string scheme) =>
        [.. Languages.Where(language => For(language.Id, scheme) is not null)];

    /// <summary>The code, ending with a line break; <c>null</c> where there is none for the language and scheme.</summary>
    public static string? For(string languageId, string scheme) => Codes.GetValueOrDefault($"{languageId}.{scheme}");

    private static FrozenDictionary<string, string> Load()
    {
        var assembly = typeof(VerificationCode).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .ToFrozenDictionary(name => name[Folder.Length..], Read, StringComparer.Ordinal);

        string Read(string name)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return reader.ReadToEnd();
        }
    }
}
