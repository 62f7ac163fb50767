// health: asks a server on this machine whether it is ready, for health checks in images that have no HTTP client.

using System.CommandLine;
using System.Globalization;

namespace Dispatcher.Platform.Verbs;

internal static class HealthCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public static Command Create(string[] args)
    {
        var url = new Option<Uri?>("--url") { Description = "Where the server is (default: where this configuration has it listen)" };
        var command = new Command("health", "Ask the server on this machine whether it is ready: exit code 0 or 1") { url };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, ct) => CheckAsync(parsed.GetValue(url) ?? AddressOf(ReadConfiguration(args)), ct));
        return command;
    }

    /// <summary>The address to ask: the first plain one of <c>urls</c>, else the first of <c>http_ports</c>, else the default.</summary>
    /// <remarks>A server that listens on every address of the machine is asked on <c>localhost</c>.</remarks>
    public static Uri AddressOf(IConfiguration configuration)
    {
        const char separator = ';';
        if (configuration["urls"] is { Length: > 0 } urls)
        {
            var all = urls.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            var address = BindingAddress.Parse(Array.Find(all, u => u.StartsWith("http:", StringComparison.OrdinalIgnoreCase)) ?? all[0]);
            var host = address.Host is "*" or "+" or "0.0.0.0" or "[::]" ? "localhost" : address.Host;
            return new UriBuilder(address.Scheme, host, address.Port).Uri;
        }

        return configuration["http_ports"]?.Split(separator) is [{ Length: > 0 } port, ..]
            ? new UriBuilder("http", "localhost", int.Parse(port, CultureInfo.InvariantCulture)).Uri
            : new Uri(Server.DefaultUrl);
    }

    /// <summary>0 where the server says that it is ready; else 1, and why on the error stream.</summary>
    public static async Task<int> CheckAsync(Uri server, CancellationToken ct)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
        var ready = new Uri(server, "/health/ready");
        try
        {
            using var answer = await http.GetAsync(ready, ct);
            if (answer.IsSuccessStatusCode) return 0;
            await Console.Error.WriteLineAsync($"{ready} answers {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(ct)}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !ct.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"{ready} does not answer: {e.Message}");
        }

        return 1;
    }

    /// <summary>What the server itself would be built with.</summary>
    private static ConfigurationManager ReadConfiguration(string[] args) =>
        WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory }).Configuration;
}
