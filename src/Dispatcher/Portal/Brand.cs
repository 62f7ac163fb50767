// The provider's colour and logo, as files of the portal.

using System.Globalization;
using System.Text;
using Dispatcher.Pages;
using Dispatcher.Platform;

namespace Dispatcher.Portal;

/// <summary>What the settings say about the portal's looks. Read once: a logo that is replaced shows with the next start.</summary>
internal sealed class Brand(DispatcherOptions options)
{
    /// <summary>Sets the accent's variables. A style sheet of its own: the page's policy allows no inline style.</summary>
    public PageAsset Colors { get; } = PageAsset.Of(Encoding.UTF8.GetBytes(ColorsOf(options.Portal.AccentColor)), ".css");

    /// <summary>The logo; null where none is set.</summary>
    public PageAsset? Logo { get; } = options.Portal.LogoFile is { } file ? PageAsset.Of(File.ReadAllBytes(file), Path.GetExtension(file)) : null;

    private static string ColorsOf(string accent) => $":root {{ --accent: {accent}; --on-accent: {(IsLight(accent) ? "#000000" : "#ffffff")}; }}\n";

    /// <summary>Whether black stands out from a colour more than white does, by the relative luminance of WCAG 2.2: the two meet at 0.179.</summary>
    private static bool IsLight(string color)
    {
        double Linear(int at)
        {
            var value = int.Parse(color.AsSpan(at, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4);
        }

        return (0.2126 * Linear(1)) + (0.7152 * Linear(3)) + (0.0722 * Linear(5)) > 0.179;
    }
}
