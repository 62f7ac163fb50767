// What the page shows from which verification code is copied.

namespace Dispatcher.Pages.Integrations;

/// <summary>Verification code.</summary>
/// <param name="Head">The integration.</param>
/// <param name="Languages">Those that there is code in for its signatures.</param>
/// <param name="Chosen">The one that is shown.</param>
/// <param name="Code">Its code.</param>
/// <param name="HasSvixHeaders">Whether the headers come under the names of svix too.</param>
public sealed record VerifyModel(IntegrationHead Head, IReadOnlyList<CodeLanguage> Languages, CodeLanguage Chosen, string Code, bool HasSvixHeaders)
{
    /// <param name="head">The integration.</param>
    /// <param name="language">The language asked for; one that there is no code in counts as none.</param>
    /// <param name="hasSvixHeaders">As above.</param>
    internal static VerifyModel Of(IntegrationHead head, string? language, bool hasSvixHeaders)
    {
        CodeLanguage[] languages = [.. VerificationCode.LanguagesFor(head.Signing).Select(l => new CodeLanguage(l.Id, l.Title, l.FileName))];
        var chosen = Array.Find(languages, l => l.Id == language) ?? languages[0];
        return new VerifyModel(head, languages, chosen, VerificationCode.For(chosen.Id, head.Signing)!, hasSvixHeaders);
    }
}

/// <summary>A language that there is verification code in.</summary>
/// <param name="Id">As in an address.</param>
/// <param name="Title">As on a tab.</param>
/// <param name="FileName">The name under which the code runs as its first lines say.</param>
public sealed record CodeLanguage(string Id, string Title, string FileName);
