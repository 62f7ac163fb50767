// Addresses of pages with filters.

namespace Dispatcher.Pages;

internal static class PageAddress
{
    /// <summary>A page with what its query says; members without a value are left out.</summary>
    /// <param name="page">Such as <c>deliveries</c>.</param>
    /// <param name="query">Names and values.</param>
    public static string Of(string page, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var (address, mark) = (page, '?');
        foreach (var (name, value) in query)
        {
            if (value is null) continue;
            address += $"{mark}{name}={Uri.EscapeDataString(value)}";
            mark = '&';
        }

        return address;
    }
}
