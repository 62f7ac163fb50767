// The provider's name, logo and colour in the portal.

using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Dispatcher.Platform;
using Dispatcher.Portal;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace Dispatcher.Tests.Portal;

public sealed class BrandTests(PostgresFixture postgres) : IDisposable
{
    private const string Svg = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><script>alert(1)</script><circle cx="4" cy="4" r="4"/></svg>""";

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatcher-brand-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Name_logo_and_colour_are_on_every_page_of_the_portal_and_on_none_of_the_dashboard()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:Portal:ProviderName"] = " Acme & <Söhne> ",
            ["Dispatcher:Portal:LogoFile"] = FileOf("logo.SVG", Encoding.UTF8.GetBytes(Svg)),
            ["Dispatcher:Portal:AccentColor"] = "#Ffcc00",
        });
        using var visitor = new Visitor(server.Client);
        var entered = await visitor.EnterAsync((await server.Client.CallAsync(200, "POST /webhook")).Text("link"));

        foreach (var page in new[] { entered, await visitor.PageAsync("/portal/deliveries"), await visitor.PageAsync("/portal/integrations/none", 404) })
        {
            Assert.Contains("· Acme & <Söhne></title>", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
            Assert.DoesNotContain("<Söhne", page, StringComparison.Ordinal);
            Assert.Contains("/portal/assets/logo", Visitor.References(page));
            Assert.Contains("/portal/assets/brand.css", Visitor.References(page));
        }

        using var logo = await visitor.GetAsync("/portal/assets/logo");
        Assert.Equal(("image/svg+xml", Svg), (logo.Content.Headers.ContentType?.MediaType, await logo.Content.ReadAsStringAsync()));
        // Opened by itself, what there may be of scripts in it does not run.
        Visitor.AssertGuarded(logo);
        using var colors = await visitor.GetAsync("/portal/assets/brand.css");
        Assert.Equal("text/css", colors.Content.Headers.ContentType?.MediaType);
        Assert.Contains("--accent: #Ffcc00;", await colors.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var dashboard = await visitor.SignInAsync();
        Assert.DoesNotContain("brand.css", dashboard, StringComparison.Ordinal);
        Assert.DoesNotContain("Acme", dashboard, StringComparison.Ordinal);
        using var none = await visitor.GetAsync("/dashboard/assets/logo");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Theory]
    [InlineData(".svg", "image/svg+xml")]
    [InlineData(".png", "image/png")]
    [InlineData(".webp", "image/webp")]
    public void A_logo_is_served_as_what_its_name_says(string extension, string type) =>
        Assert.Equal(type, BrandOf(o => o.LogoFile = FileOf("logo" + extension, [1, 2, 3])).Logo?.ContentType);

    [Fact]
    public void Text_stands_out_from_every_accent_colour()
    {
        var colors = from r in Steps() from g in Steps() from b in Steps() select string.Create(CultureInfo.InvariantCulture, $"#{r:x2}{g:x2}{b:x2}");
        var greys = Enumerable.Range(0, 256).Select(v => string.Create(CultureInfo.InvariantCulture, $"#{v:X2}{v:X2}{v:X2}"));

        foreach (var color in colors.Concat(greys))
        {
            var css = Encoding.UTF8.GetString(BrandOf(o => o.AccentColor = color).Colors.Content);
            var found = Regex.Match(css, "--accent: (#[0-9a-fA-F]{6}); --on-accent: (#[0-9a-fA-F]{6});");
            Assert.Equal(color, found.Groups[1].Value);
            var contrast = Contrast(color, found.Groups[2].Value);
            Assert.True(contrast >= 4.5, $"{found.Groups[2].Value} on {color} has a contrast of {contrast:0.00}");
        }

        static IEnumerable<int> Steps() => Enumerable.Range(0, 16).Select(n => n * 17);
    }

    [Theory]
    [InlineData("ProviderName", "")]
    [InlineData("ProviderName", "   ")]
    [InlineData("ProviderName", "0123456789012345678901234567890123456789012345678901234567890")]
    [InlineData("AccentColor", "red")]
    [InlineData("AccentColor", "#fff")]
    [InlineData("AccentColor", "1f5fbf")]
    [InlineData("AccentColor", "#1f5fbg")]
    [InlineData("AccentColor", "#1f5fbf; } body { display: none")]
    [InlineData("AccentColor", "")]
    [InlineData("LogoFile", "logo.gif")]
    [InlineData("LogoFile", "logo.html")]
    [InlineData("LogoFile", "logo")]
    [InlineData("LogoFile", "absent.png")]
    [InlineData("LogoFile", "large.png")]
    [InlineData("LogoFile", "folder.svg")]
    public void A_wrong_setting_is_refused_by_its_name(string setting, string value)
    {
        foreach (var name in new[] { "logo.gif", "logo.html", "logo" }) FileOf(name, [1]);
        FileOf("large.png", new byte[(256 * 1024) + 1]);
        Directory.CreateDirectory(Path.Combine(_folder, "folder.svg"));

        var error = Assert.Throws<ConfigurationException>(() => Read(setting, setting == "LogoFile" ? Path.Combine(_folder, value) : value));

        Assert.Contains($"Dispatcher:Portal:{setting}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_at_their_limits_are_taken()
    {
        Read("ProviderName", new string('n', 60));
        Read("AccentColor", "#ABCdef");
        Read("LogoFile", FileOf("large.webp", new byte[256 * 1024]));
    }

    private string FileOf(string name, byte[] content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static Brand BrandOf(Action<DispatcherOptions.PortalOptions> set)
    {
        var options = new DispatcherOptions();
        set(options.Portal);
        return new Brand(options);
    }

    private static DispatcherOptions Read(string setting, string value) => DispatcherConfiguration.Read(
        new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create<string, string?>($"Dispatcher:Portal:{setting}", value)]).Build());

    /// <summary>The contrast of two colours by WCAG 2.2: 1 to 21.</summary>
    private static double Contrast(string one, string other)
    {
        var (a, b) = (Luminance(one), Luminance(other));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    private static double Luminance(string color)
    {
        double[] linear = [.. Convert.FromHexString(color[1..]).Select(v => v / 255d).Select(v => v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4))];
        return (0.2126 * linear[0]) + (0.7152 * linear[1]) + (0.0722 * linear[2]);
    }
}
