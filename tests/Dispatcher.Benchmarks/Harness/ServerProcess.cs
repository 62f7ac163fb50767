// The server under test, as an operator runs it: a process, configured by environment, ended by SIGTERM.
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(50), ProbeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>One for all servers of a run: it also encrypts the secrets in the database that they share.</summary>
    private static readonly string Key = RandomNumberGenerator.GetHexString(64, lowercase: true);

    private readonly ChildProcess _process;

    private ServerProcess(ChildProcess process, IPEndPoint endPoint, string operatorKey, string roles)
    {
        Accepts = roles.Split(',').Contains("api");
        _process = process;
        EndPoint = endPoint;
        OperatorKey = operatorKey;
        Api = new HttpClient { BaseAddress = new Uri($"http://{endPoint}"), Timeout = TimeSpan.FromSeconds(30) };
        Api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", operatorKey);
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>Whether it has the role <c>api</c>.</summary>
    public bool Accepts { get; }

    public string OperatorKey { get; }

    /// <summary>For the few calls that set a stage up; events go through <see cref="PublishConnection"/>.</summary>
    public HttpClient Api { get; }

    public int ProcessId => _process.Id;

    /// <summary>Peak resident memory in bytes; null where the system does not tell.</summary>
    public long? PeakMemory => _process.PeakMemory;

    /// <summary>Starts a server and waits for its readiness.</summary>
    /// <param name="assembly">Path of Dispatcher.dll.</param>
    /// <param name="connectionString">Its database.</param>
    /// <param name="roles"><c>api</c>, <c>worker</c> or both with a comma.</param>
    /// <param name="settings">Further settings, as environment variables.</param>
    /// <param name="cancellationToken">Gives up early.</param>
    public static async Task<ServerProcess> StartAsync(
        string assembly, string connectionString, string roles, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var endPoint = FreeEndPoint();
        var process = ChildProcess.Start("dotnet", [assembly], new Dictionary<string, string>(settings)
        {
            ["ConnectionStrings__Dispatcher"] = connectionString,
            ["ASPNETCORE_URLS"] = $"http://{endPoint}",
            ["ASPNETCORE_ENVIRONMENT"] = "Development", // lets it POST to loopback
            ["Dispatcher__OperatorKey"] = Key,
            ["Dispatcher__Roles"] = roles,
            ["Serilog__MinimumLevel__Default"] = "Warning",
        });
        var server = new ServerProcess(process, endPoint, Key, roles);
        try
        {
            await server.WaitUntilReadyAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the server with SIGTERM; returns what was wrong with its end, or null.</summary>
    public async Task<string?> StopAsync()
    {
        if (_process.HasExited) return $"the server had ended by itself, exit code {_process.ExitCode}: {_process.Tail()}";
        _process.Terminate();
        if (!await _process.WaitForExitAsync(Deadlines.ServerStop))
            return $"the server did not end within {Deadlines.ServerStop.TotalSeconds:n0} s of SIGTERM: {_process.Tail()}";
        return _process.ExitCode == 0 ? null : $"the server ended with exit code {_process.ExitCode}: {_process.Tail()}";
    }

    /// <summary>Throws when the process is gone, with what it last printed.</summary>
    public void EnsureAlive()
    {
        if (_process.HasExited)
            throw new InvalidOperationException($"The server ended, exit code {_process.ExitCode}:{Environment.NewLine}{_process.Tail()}");
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        if (!_process.HasExited) await StopAsync();
        await _process.DisposeAsync();
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadlines.ServerStart);
        using var probe = new HttpClient { BaseAddress = Api.BaseAddress, Timeout = ProbeTimeout };
        while (true)
        {
            EnsureAlive();
            try
            {
                using var answer = await probe.GetAsync("/health/ready", deadline.Token);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new InvalidOperationException($"The server was not ready in time:{Environment.NewLine}{_process.Tail()}");
            }

            await Task.Delay(ReadyPoll, cancellationToken);
        }
    }

    // Another process could take the port in between; then the server says so and the benchmark ends.
    private static IPEndPoint FreeEndPoint()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }
}
