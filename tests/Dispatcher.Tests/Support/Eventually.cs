// Waiting for what must come: looks again and again until a deadline, instead of sleeping and hoping.

namespace Dispatcher.Tests.Support;

internal static class Eventually
{
    private static readonly TimeSpan Default = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    public static Task TrueAsync(Func<bool> condition, string what, TimeSpan? within = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, within);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        var limit = within ?? Default;
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > limit) Assert.Fail($"Not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(Step, TestContext.Current.CancellationToken);
        }
    }
}
