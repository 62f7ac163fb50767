// The curl lines of empty pages.

namespace Dispatcher.Pages;

internal static class CurlExample
{
    /// <summary>Publishes an event, to be tried as it stands.</summary>
    public static string Publish(PageView view)
    {
        var organization = view.Visit is { IsOperator: true } ? "?organization=" + Uri.EscapeDataString(view.Visit.Organization) : "";
        var project = view.Visit?.Project is { } of ? $",\"project\":\"{of}\"" : "";
        return $$"""
            curl -X POST '{{view.Server}}/events{{organization}}' \
              -H "Authorization: Bearer $API_KEY" -H "Content-Type: application/json" \
              -d '{"type":"invoice.paid","payload":{"invoice":"in_1","amount":1200}{{project}}}'
            """;
    }
}
