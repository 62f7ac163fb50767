// Waiting for what must come: looks again and again until a deadline, instead of sleeping and hoping.

namespace Dispatcher.Tests.Support;

internal static class Eventually
{
    private static readonly TimeSpan Default = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    public static Task TrueAsync(Func<bool> condition, string what, TimeSpan? within = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, within);

    /// <param name="condition">What must come.</param>
    /// <param name="what">The same in words, for the failure.</param>
    /// <param name="within">The deadline. Default: 20 s.</param>
    /// <param name="every">How often is looked, where a look is dear. Default: 20 ms.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null, TimeSpan? every = null)
    {
        var limit = within ?? Default;
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > limit) Assert.Fail($"Not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(every ?? Step, TestContext.Current.CancellationToken);
        }
    }
}
