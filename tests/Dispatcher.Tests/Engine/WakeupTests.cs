// When the claimer is woken.

using Dispatcher.Dispatching;
using Npgsql;

namespace Dispatcher.Tests.Engine;

public sealed class WakeupTests
{
    [Fact]
    public async Task Each_time_asked_for_wakes_the_sleeper_also_after_an_earlier_one_has()
    {
        var time = TimeProvider.System;
        await using var unused = NpgsqlDataSource.Create("Host=127.0.0.1");
        using var wakeup = new Wakeup(unused, time);
        var began = time.GetUtcNow();
        wakeup.RingAt(began.AddMilliseconds(300));
        wakeup.RingAt(began.AddMilliseconds(100));
        wakeup.RingAt(began.AddMilliseconds(200));

        for (var i = 1; i <= 3; i++)
        {
            await wakeup.SleepAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            Assert.True(time.GetUtcNow() >= began.AddMilliseconds(100));
        }
    }
}
