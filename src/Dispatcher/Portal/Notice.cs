// What the portal says when it has nothing to show.

using Dispatcher.Access;
using Dispatcher.Platform;
using Dispatcher.Portal.Pages;

namespace Dispatcher.Portal;

/// <summary>A page that says what is the matter and what to do.</summary>
internal sealed record Notice(int Status, string Title, string Text)
{
    private const string NewLink = "Go back to where you found the link and open it again, or ask whoever gave it to you for a new one.";

    public static readonly Notice NoSession = new(404, "Open your link first", "This page is reached by a link that your provider makes for you. " + NewLink);

    private static readonly Notice UnknownLink = new(
        404, "This link does not work", "It may have been cut short when it was copied, or it ended some time ago. " + NewLink);

    private static readonly Notice EndedLink = new(410, "This link has ended", "Links into this portal work for a limited time only. " + NewLink);

    /// <summary>Why a session lets nobody in.</summary>
    public static Notice OfSession(FoundSession? found) => found is null ? UnknownLink : EndedLink;

    public static Notice OfProblem(Problem problem) => new(problem.Status, problem.Title, problem.Detail);

    public PageResult<NoticePage> ToResult(HttpContext context, DispatcherOptions options) => new(
        new()
        {
            [nameof(NoticePage.Root)] = PublicAddress.PathOf(context.Request, options) + PortalPages.Path,
            [nameof(NoticePage.Title)] = Title,
            [nameof(NoticePage.Text)] = Text,
        },
        Status);
}
