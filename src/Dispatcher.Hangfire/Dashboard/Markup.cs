// HTML in which every value is escaped.

using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Hangfire.Dashboard;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>
/// An interpolated string whose literal text is markup, and whose values are text: they are escaped, for attributes in double quotes too.
/// Only another <see cref="Markup"/>, and what Hangfire has drawn itself, goes in as it is.
/// </summary>
[InterpolatedStringHandler]
internal sealed class Markup
{
    private readonly StringBuilder _html;

    public Markup(int literalLength, int formattedCount) => _html = new StringBuilder(literalLength + (formattedCount * 24));

    public static Markup Join<T>(IEnumerable<T> items, Func<T, Markup> draw)
    {
        var all = new Markup(0, 0);
        foreach (var item in items) all.AppendFormatted(draw(item));
        return all;
    }

    public static Markup Of(Markup markup) => markup;

    public void AppendLiteral(string literal) => _html.Append(literal);

    public void AppendFormatted(Markup? markup) => _html.Append(markup);

    public void AppendFormatted(NonEscapedString? drawn) => _html.Append(drawn);

    public void AppendFormatted<T>(T value, string? format = null) => _html.Append(WebUtility.HtmlEncode(
        value is IFormattable formattable ? formattable.ToString(format, CultureInfo.InvariantCulture) : value?.ToString()));

    public override string ToString() => _html.ToString();
}
