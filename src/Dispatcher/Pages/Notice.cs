// What a face says when it has nothing to show.

using Dispatcher.Pages.Components;
using Dispatcher.Platform;

namespace Dispatcher.Pages;

/// <summary>What is the matter, and what to do.</summary>
/// <param name="Status">The answer's status.</param>
/// <param name="Title">What is the matter, in a few words.</param>
/// <param name="Text">What to do.</param>
public sealed record Notice(int Status, string Title, string Text)
{
    internal static Notice OfProblem(Problem problem) => new(problem.Status, problem.Title, problem.Detail);

    internal PageResult<NoticePage, Notice> ToResult() => new(this, Status);
}
