// The pages of integrations: the same in the portal and in the dashboard.

namespace Dispatcher.Pages.Integrations;

internal static class IntegrationPages
{
    /// <summary>Maps them.</summary>
    /// <param name="pages">A face's pages.</param>
    /// <param name="isFirst">Whether the list is the face's first page too.</param>
    public static void MapIntegrationPages(this RouteGroupBuilder pages, bool isFirst = false)
    {
        pages.MapIntegrationList(isFirst);
        pages.MapIntegrationForms();
        pages.MapIntegrationDetailPages();
    }
}
