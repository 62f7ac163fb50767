// The built server as a process of its own: what can be killed, stopped and started again.

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Dispatcher.Tests.Support;

/// <summary>How a process ended that was expected to end by itself.</summary>
internal sealed record EndedProcess(int ExitCode, string Output, string Error);

internal sealed partial class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(40);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly string? _dataDirectory;

    private ServerProcess(string[] arguments, IReadOnlyDictionary<string, string> settings)
    {
        _dataDirectory = settings.GetValueOrDefault("Dispatcher__DataDirectory");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Dispatcher.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the machine that runs the tests happens to have set must not decide how they end.
        foreach (var inherited in start.Environment.Keys.Where(k => k.StartsWith("Dispatcher__", StringComparison.OrdinalIgnoreCase)
            || k.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(inherited);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        foreach (var (name, value) in settings) start.Environment[name] = value;

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Id = _process.Id;
    }

    public int Id { get; }

    /// <summary>Calls as operator.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>What it has written so far.</summary>
    public string Output => Text(_output);

    /// <inheritdoc cref="Output"/>
    public string Error => Text(_error);

    /// <summary>Starts a server and waits until it is ready. Settings are environment variables.</summary>
    public static async Task<ServerProcess> StartAsync(IReadOnlyDictionary<string, string> settings)
    {
        var server = new ServerProcess([], new Dictionary<string, string>(settings) { ["Dispatcher__OperatorKey"] = TestServer.OperatorKey });
        try
        {
            await server.WaitUntilReadyAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>As <see cref="StartAsync(IReadOnlyDictionary{string, string})"/>, on a database, with further settings as pairs.</summary>
    public static Task<ServerProcess> StartAsync(string connectionString, params (string Name, string Value)[] settings) =>
        StartAsync(Settings(connectionString, settings));

    /// <summary>Runs a verb, or a start that is to fail, to its end.</summary>
    public static async Task<EndedProcess> RunAsync(IReadOnlyDictionary<string, string> settings, params string[] arguments)
    {
        await using var server = new ServerProcess(arguments, settings);
        var code = await server.WaitForExitAsync(StartLimit);
        return new EndedProcess(code, server.Output, server.Error);
    }

    public static Dictionary<string, string> Settings(string connectionString, params (string Name, string Value)[] more)
    {
        var settings = new Dictionary<string, string> { ["ConnectionStrings__Dispatcher"] = connectionString };
        foreach (var (name, value) in more) settings[name] = value;
        return settings;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        Signals.Send(Id, Signals.Kill);
        await WaitForExitAsync(StopLimit);
    }

    /// <summary>SIGTERM; asserts that the server ends in time, with exit code 0.</summary>
    public async Task TerminateAsync()
    {
        Signals.Send(Id, Signals.Terminate);
        var code = await WaitForExitAsync(StopLimit);
        Assert.True(code == 0, $"exit code {code}\n{Tail()}");
    }

    /// <summary>SIGSTOP: the process does nothing any more, and its connections stay open.</summary>
    public void Pause() => Assert.True(Signals.Send(Id, Signals.Stop));

    /// <summary>SIGCONT.</summary>
    public void Continue() => Assert.True(Signals.Send(Id, Signals.Continue));

    /// <summary>Registers an integration and gives what the server answered.</summary>
    public async Task<JsonElement> RegisterAsync(Uri target, object? more = null, params string[] events)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["type"] = "webhook";
        body["events"] = JsonSerializer.SerializeToNode(events is [] ? ["*"] : events);
        body["target"] = target.ToString();
        using var answer = await Client.PostAsJsonAsync("/integrations", body);
        return await TestServer.ReadAsync(answer, HttpStatusCode.Created);
    }

    /// <summary>Publishes an event and gives its id.</summary>
    public async Task<string> PublishAsync(string type, JsonObject payload)
    {
        using var answer = await Client.PostAsJsonAsync("/events", new { type, payload });
        return (await TestServer.ReadAsync(answer, HttpStatusCode.Accepted)).GetProperty("id").GetString()!;
    }

    /// <summary>Ends the server and, where it runs one, its PostgreSQL, however far either has come.</summary>
    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (!_process.HasExited)
        {
            Signals.Send(Id, Signals.Kill);
            await WaitForExitAsync(StopLimit);
        }

        _process.Dispose();
        if (_dataDirectory is not null) await EndPostgresAsync(_dataDirectory);
    }

    private async Task WaitUntilReadyAsync()
    {
        var address = "";
        await Eventually.TrueAsync(() =>
        {
            Assert.False(_process.HasExited, $"The server ended while it started:\n{Tail()}");
            // Said once everything has started.
            var match = Running().Match(Output);
            address = match.Groups[1].Value;
            return match.Success;
        }, "the server says where it runs", StartLimit);
        Client = new HttpClient { BaseAddress = new Uri(address) };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", TestServer.OperatorKey);
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await Client.GetAsync("/health/ready");
            return answer.IsSuccessStatusCode;
        }, "the server is ready");
    }

    private async Task<int> WaitForExitAsync(TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within);
        try
        {
            // Waits for the ends of both streams, too.
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The process has not ended within {within.TotalSeconds} s:\n{Tail()}");
        }

        return _process.ExitCode;
    }

    /// <summary>A killed server leaves its PostgreSQL running: the next one would take care of it, the last one's is ended here.</summary>
    private static async Task EndPostgresAsync(string dataDirectory)
    {
        var pidFile = Path.Combine(dataDirectory, "postgres", "postmaster.pid");
        if (!File.Exists(pidFile)) return;
        var first = (await File.ReadAllLinesAsync(pidFile)).FirstOrDefault();
        if (!int.TryParse(first, CultureInfo.InvariantCulture, out var postmaster)) return;
        // Immediate shutdown: the postmaster ends its children and itself, and removes the file.
        if (Signals.Send(postmaster, Signals.Quit)) await Eventually.TrueAsync(() => !File.Exists(pidFile), "PostgreSQL ends");
    }

    private string Tail()
    {
        var text = Output + Error;
        return text.Length <= 8000 ? text : text[^8000..];
    }

    private static void Append(StringBuilder to, string? line)
    {
        if (line is null) return;
        lock (to) to.AppendLine(line);
    }

    private static string Text(StringBuilder of)
    {
        lock (of) return of.ToString();
    }

    [GeneratedRegex(@"is running at (http://\S+)")]
    private static partial Regex Running();
}
