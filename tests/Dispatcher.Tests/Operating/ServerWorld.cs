// A server whose every event, attempt and delivery is known: two organizations, four integrations.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Operating;

/// <summary>
/// Of Acme's four events three go to one integration that takes them and one that never does, within three attempts, and one goes to an
/// integration that waits an hour for its second attempt. Of Globex' two, both go to one that takes them and one that never does. Each of
/// the five deliveries that are given up is told of in an event of its own, which nobody has subscribed to.
/// </summary>
public sealed class ServerWorld(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly ApiServer _api = new(postgres);
    private Receiver? _good;
    private Receiver? _bad;

    internal HttpClient Operator => _api.Operator;
    internal TestServer Server => _api.Server;
    internal Customer Acme { get; private set; } = null!;
    internal Customer Globex { get; private set; } = null!;

    /// <summary>Those that fail, by how often they did: nine times, six times, once.</summary>
    internal IReadOnlyList<string> Failing { get; private set; } = [];

    internal Uri Good => _good!.Url;
    internal Uri Bad => _bad!.Url;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        (_good, _bad) = (await Receiver.StartAsync(), await Receiver.StartAsync(500));
        (Acme, Globex) = (await _api.CustomerAsync(), await _api.CustomerAsync());
        await Acme.RegisterAsync(Good, events: "\"a.b\"");
        var nine = await Acme.RegisterAsync(Bad, "\"retry\":{\"max_attempts\":3},\"name\":\"Never\",\"project\":\"default\"", "\"a.b\"");
        var one = await Acme.RegisterAsync(Bad, "\"retry\":{\"base_seconds\":3600}", "\"c.d\"");
        await Globex.RegisterAsync(Good, "\"name\":\"Works\"", "\"a.b\",\"x.y\"");
        var six = await Globex.RegisterAsync(Bad, "\"retry\":{\"max_attempts\":3},\"name\":\"Twice\"", "\"a.b\",\"x.y\"");
        Failing = [nine.Text("id"), six.Text("id"), one.Text("id")];

        foreach (var type in new[] { "a.b", "a.b", "a.b", "c.d" }) await Acme.PublishAsync(type);
        foreach (var type in new[] { "a.b", "x.y" }) await Globex.PublishAsync(type);
        await Acme.DeliveryAsync("type=c.d", "failed");
        // What is counted may be read a moment after what is counted has happened.
        await Eventually.TrueAsync(
            async () => await Operator.CallAsync(200, "GET /stats") is var stats && stats.GetProperty("accepted").GetProperty("events").GetInt32() == 11
                && stats.GetProperty("attempts").GetProperty("total").GetInt32() == 21 && stats.GetProperty("queue").GetProperty("depth").GetInt32() == 1,
            "all has ended and is counted but what waits an hour");
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        if (_good is not null) await _good.DisposeAsync();
        if (_bad is not null) await _bad.DisposeAsync();
    }
}
