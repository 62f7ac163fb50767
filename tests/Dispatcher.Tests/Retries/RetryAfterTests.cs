// The Retry-After header in all the forms that receivers write it.

using Dispatcher.Retries;
using Xunit;

namespace Dispatcher.Tests.Retries;

public sealed class RetryAfterTests
{
    private static readonly DateTimeOffset Now = new(1994, 11, 6, 8, 49, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("120", 120)]
    [InlineData(" 120 ", 120)]
    [InlineData("007", 7)]
    [InlineData("-5", 0)]
    [InlineData("99999999999999999999", int.MaxValue)]
    public void Seconds_are_read(string header, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RetrySchedule.ParseRetryAfter(header, Now));

    [Theory]
    [InlineData("Sun, 06 Nov 1994 08:49:37 GMT")]
    [InlineData("Sunday, 06-Nov-94 08:49:37 GMT")]
    [InlineData("Sun Nov  6 08:49:37 1994")]
    public void All_three_date_forms_of_http_are_read(string header) =>
        Assert.Equal(TimeSpan.FromSeconds(37), RetrySchedule.ParseRetryAfter(header, Now));

    [Fact]
    public void A_date_is_relative_to_now_whatever_the_offset_now_is_told_in() => Assert.Equal(
        TimeSpan.FromSeconds(37),
        RetrySchedule.ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", Now.ToOffset(TimeSpan.FromHours(9))));

    [Fact]
    public void A_date_in_the_past_is_zero() =>
        Assert.Equal(TimeSpan.Zero, RetrySchedule.ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", Now));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("soon")]
    [InlineData("1.5")]
    [InlineData("+5")]
    [InlineData("5s")]
    [InlineData("٣")]
    [InlineData("5, 10")]
    [InlineData("1994-11-06T08:49:37Z")]
    [InlineData("Sun, 31 Feb 1994 08:49:37 GMT")]
    public void Anything_else_is_ignored(string? header) => Assert.Null(RetrySchedule.ParseRetryAfter(header, Now));
}
