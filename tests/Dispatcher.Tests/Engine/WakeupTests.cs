// When the claimer is woken, and for what.

using Dispatcher.Dispatching;
using Npgsql;

namespace Dispatcher.Tests.Engine;

public sealed class WakeupTests : IAsyncDisposable
{
    private static readonly Guid A = Guid.CreateVersion7(), B = Guid.CreateVersion7();
    private readonly NpgsqlDataSource _unused = NpgsqlDataSource.Create("Host=127.0.0.1");
    private readonly Wakeup _wakeup;

    public WakeupTests() => _wakeup = new Wakeup(_unused, TimeProvider.System);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_alarm_wakes_for_its_lane_when_it_is_due_also_after_an_earlier_one_has()
    {
        var began = TimeProvider.System.GetUtcNow();
        _wakeup.AskAt(A, began.AddMilliseconds(300));
        _wakeup.AskAt(B, began.AddMilliseconds(100));

        var first = await WaitAsync();
        Assert.Equal([B], first.Lanes);
        Assert.True(TimeProvider.System.GetUtcNow() >= began.AddMilliseconds(100));
        var second = await WaitAsync();
        Assert.Equal([A], second.Lanes);
        Assert.True(TimeProvider.System.GetUtcNow() >= began.AddMilliseconds(300));
    }

    [Fact]
    public async Task Lanes_asked_for_while_nobody_waits_are_handed_over_together_and_once()
    {
        _wakeup.Ask(A);
        _wakeup.Ask(B);
        _wakeup.Ask(A);

        var asked = await WaitAsync();
        Assert.Equal([A, B], asked.Lanes.OrderBy(lane => lane != A));
        Assert.False(asked.All);
        Assert.Empty((await _wakeup.WaitAsync(TimeSpan.Zero, Ct)).Lanes);
    }

    [Fact]
    public async Task A_notification_names_lanes_and_one_without_names_means_all()
    {
        _wakeup.Heard($"{A:N},{B}");
        var some = await WaitAsync();
        Assert.Equal(2, some.Lanes.Count);
        Assert.False(some.All);

        _wakeup.Heard("");
        Assert.True((await WaitAsync()).All);
    }

    public async ValueTask DisposeAsync()
    {
        _wakeup.Dispose();
        await _unused.DisposeAsync();
    }

    private Task<Asked> WaitAsync() => _wakeup.WaitAsync(TimeSpan.FromMinutes(5), Ct).WaitAsync(TimeSpan.FromSeconds(30), Ct);
}
