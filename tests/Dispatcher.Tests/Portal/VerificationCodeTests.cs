// The catalogue of verification code, and where it is shown. VerificationCodeRunTests runs it.

using Dispatcher.Pages.Integrations;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

public sealed class VerificationCodeTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(NodePackages.RepositoryRoot, "docs", "receiving-webhooks.md"));

    public static TheoryData<string, string> Programs => VerificationCodeRunTests.Programs;

    [Fact]
    public void Every_language_has_code_for_shared_secrets_and_all_but_plain_dotnet_for_public_keys()
    {
        var all = VerificationCode.Languages.Select(l => l.Id).ToList();

        Assert.Equal(all, VerificationCode.LanguagesFor("hmac").Select(l => l.Id));
        Assert.Equal(all.Except(["csharp"]), VerificationCode.LanguagesFor("ed25519").Select(l => l.Id));
    }

    [Fact]
    public void There_is_no_code_for_what_is_not_in_the_catalogue()
    {
        Assert.Null(VerificationCode.For("cobol", "hmac"));
        Assert.Null(VerificationCode.For("node", "rsa"));
        Assert.Null(VerificationCode.For("csharp", "ed25519"));
        Assert.Empty(VerificationCode.LanguagesFor("rsa"));
    }

    [Fact]
    public void Every_file_is_in_the_catalogue_of_languages()
    {
        var files = Directory.GetFiles(Path.Combine(NodePackages.RepositoryRoot, "src", "Dispatcher", "Pages", "Snippets"));

        Assert.Equal(VerificationCode.LanguagesFor("hmac").Count + VerificationCode.LanguagesFor("ed25519").Count, files.Length);
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void The_code_is_text_that_can_be_copied_and_holds_no_secret(string language, string scheme)
    {
        var code = VerificationCode.For(language, scheme)!;

        Assert.Contains("WEBHOOK_SECRET", code, StringComparison.Ordinal);
        Assert.DoesNotMatch("wh(sec|sk|pk)_[A-Za-z0-9+/]", code);
        Assert.DoesNotContain('\r', code);
        Assert.EndsWith("\n", code, StringComparison.Ordinal);
        Assert.All(code.Split('\n'), line => Assert.True(line.Length <= 130 && line == line.TrimEnd(), line));
        Assert.All(code, c => Assert.True(char.IsAscii(c), $"{c} needs an encoding"));
    }

    [Fact]
    public void The_page_on_receiving_webhooks_shows_the_same_code_for_shared_secrets() => Assert.All(
        VerificationCode.LanguagesFor("hmac"),
        language => Assert.Contains($"```{language.Syntax}\n{VerificationCode.For(language.Id, "hmac")}```\n", Page, StringComparison.Ordinal));

    [Fact]
    public void The_page_on_receiving_webhooks_leads_to_the_code_for_public_keys()
    {
        var folder = Path.Combine(NodePackages.RepositoryRoot, "docs");

        var linked = System.Text.RegularExpressions.Regex.Matches(Page, @"\]\((\.\./src/Dispatcher/Pages/Snippets/([a-z-]+)\.ed25519\.\w+)\)");

        Assert.Equal(VerificationCode.LanguagesFor("ed25519").Select(l => l.Id).Order(), linked.Select(m => m.Groups[2].Value).Order());
        Assert.All(linked, link => Assert.True(File.Exists(Path.Combine(folder, link.Groups[1].Value)), link.Value));
    }
}
