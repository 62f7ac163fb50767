// What people are told of an attempt: for each way that one can end.

using Dispatcher.Pages;
using Dispatcher.Sending;

namespace Dispatcher.Tests.Pages;

public sealed class CauseTests
{
    private static readonly Cause Unknown = Cause.Of("no_such_outcome");

    public static TheoryData<string> Outcomes => [.. Enum.GetValues<SendOutcome>().Select(outcome => outcome.ToName())];

    [Theory]
    [MemberData(nameof(Outcomes))]
    public void Each_outcome_is_told_in_words_of_its_own_with_what_to_do(string outcome)
    {
        var cause = Cause.Of(outcome, 500);

        Assert.EndsWith(".", cause.Text, StringComparison.Ordinal);
        Assert.EndsWith(".", cause.Hint, StringComparison.Ordinal);
        Assert.NotEqual(Unknown.Hint, cause.Hint);
        Assert.DoesNotContain('_', cause.Text);
        Assert.Single(Outcomes, other => Cause.Of(other.Data, 500).Text == cause.Text);
    }

    [Theory]
    [InlineData("client_error", 404, "404")]
    [InlineData("server_error", 503, "503")]
    [InlineData("redirected", 301, "301")]
    [InlineData("unexpected_status", 999, "999")]
    [InlineData("succeeded", 204, "204")]
    public void A_status_that_came_back_is_named(string outcome, int status, string said) =>
        Assert.Contains(said, Cause.Of(outcome, status).Text, StringComparison.Ordinal);

    [Fact]
    public void What_to_do_about_a_refusal_depends_on_its_status() =>
        Assert.Equal(6, new[] { 400, 401, 404, 405, 413, 415 }.Select(status => Cause.Of("client_error", status).Hint).Distinct().Count());

    [Fact]
    public void An_outcome_of_a_newer_server_is_told_by_its_name() => Assert.Contains("no_such_outcome", Unknown.Text, StringComparison.Ordinal);
}
