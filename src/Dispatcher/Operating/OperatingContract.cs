// Nodes and settings as they stand on the wire.

using Dispatcher.Platform;

namespace Dispatcher.Operating;

/// <summary>A process that is registered as a node.</summary>
/// <param name="Id">Its number, which its log names; later ones are higher.</param>
/// <param name="Name">Its machine and process: <c>host/pid</c>.</param>
/// <param name="Host">The machine's name.</param>
/// <param name="Roles">What it does: <c>api</c>, <c>worker</c>.</param>
/// <param name="Version">The server's version.</param>
/// <param name="StartedAt">When it registered.</param>
/// <param name="HeartbeatAt">When it was last heard, by the database's clock.</param>
/// <param name="InMemory">Deliveries that it held at its last heartbeat: in flight, or to be sent next.</param>
/// <param name="InFlight">Deliveries that it was working on.</param>
/// <param name="Live">Whether it was heard within the time after which others take over what it holds.</param>
internal sealed record NodeView(
    [property: Example(12)] int Id,
    [property: Example("worker-1/4711")] string Name,
    [property: Example("worker-1")] string Host,
    [property: Example("""["api","worker"]""")] IReadOnlyList<string> Roles,
    [property: Example("1.0.0")] string Version,
    [property: Example(Examples.Time)] DateTimeOffset StartedAt,
    [property: Example(Examples.NextDay)] DateTimeOffset HeartbeatAt,
    [property: Example(240)] int InMemory,
    [property: Example(64)] int InFlight,
    [property: Example(true)] bool Live);

/// <summary>The configuration that a node was started with.</summary>
/// <param name="Version">The server's version.</param>
/// <param name="Data">Every setting, by its key.</param>
internal sealed record SettingsView([property: Example("1.0.0")] string Version, IReadOnlyList<SettingView> Data);

/// <summary>A setting.</summary>
/// <param name="Key">Its key; in the environment with <c>__</c> for each colon.</param>
/// <param name="Value">What is in force, lists with commas between; null: nothing, or it is secret.</param>
/// <param name="Default">What would be in force if it were not set; null: nothing.</param>
/// <param name="Secret">Whether its value is shown to nobody.</param>
/// <param name="Set">Whether it differs from its default; of a secret, whether there is one.</param>
internal sealed record SettingView(
    [property: Example("Dispatcher:Retry:MaxAttempts")] string Key,
    [property: Example("8")] string? Value,
    [property: Example("10")] string? Default,
    [property: Example(false)] bool Secret,
    [property: Example(true)] bool Set);
