// Names of outcomes, and the outcome of each status.

using System.Text.RegularExpressions;
using Dispatcher.Sending;
using Xunit;

namespace Dispatcher.Tests.Sending;

public sealed partial class SendOutcomeTests
{
    [Fact]
    public void Every_outcome_has_its_member_name_in_snake_case_and_is_read_back()
    {
        foreach (var outcome in Enum.GetValues<SendOutcome>())
        {
            var snake = Hump().Replace(outcome.ToString(), "_$0").ToLowerInvariant();

            Assert.Equal(snake, outcome.ToName());
            Assert.Equal(outcome, SendOutcomes.Parse(snake));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Succeeded")]
    [InlineData("lost_in_the_post")]
    public void A_name_that_no_outcome_has_is_refused(string name)
    {
        Assert.False(SendOutcomes.TryParse(name, out _));
        Assert.Throws<FormatException>(() => SendOutcomes.Parse(name));
    }

    [Theory]
    [InlineData(101, "unexpected_status")]
    [InlineData(200, "succeeded")]
    [InlineData(202, "succeeded")]
    [InlineData(204, "succeeded")]
    [InlineData(299, "succeeded")]
    [InlineData(300, "redirected")]
    [InlineData(304, "redirected")]
    [InlineData(399, "redirected")]
    [InlineData(400, "client_error")]
    [InlineData(407, "client_error")]
    [InlineData(409, "client_error")]
    [InlineData(410, "gone")]
    [InlineData(429, "rate_limited")]
    [InlineData(499, "client_error")]
    [InlineData(500, "server_error")]
    [InlineData(503, "server_error")]
    [InlineData(599, "server_error")]
    [InlineData(600, "unexpected_status")]
    [InlineData(999, "unexpected_status")]
    public async Task A_status_is_told_by_its_outcome(int status, string expected)
    {
        await using var receiver = RawReceiver.Answering($"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n");

        var result = await SendingBench.SendOnceAsync(receiver.Url);

        Assert.Equal(expected, result.Outcome.ToName());
        Assert.Equal(status, result.StatusCode);
        Assert.Equal(expected == "succeeded" ? null : $"The receiver answered {status}.", result.Error);
    }

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex Hump();
}
