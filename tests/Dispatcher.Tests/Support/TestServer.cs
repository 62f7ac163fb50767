// The server under test, in this process, whole: real Kestrel, real database. Tests talk to it over HTTP.

using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Dispatcher.Tests.Support;

internal sealed class TestServer : IAsyncDisposable
{
    public const string OperatorKey = "operator-key-of-the-tests";

    private readonly Server _server;

    private TestServer(Server server, string connectionString)
    {
        _server = server;
        ConnectionString = connectionString;
        var address = server.App.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Client = ClientFor(new Uri(address), OperatorKey);
    }

    public string ConnectionString { get; }

    /// <summary>Calls as operator.</summary>
    public HttpClient Client { get; }

    public IServiceProvider Services => _server.App.Services;

    /// <summary>Starts a server. Settings are configuration keys and values, such as Dispatcher:Retry:BaseSeconds.</summary>
    public static async Task<TestServer> StartAsync(
        PostgresFixture postgres, Dictionary<string, string?>? settings = null, Action<WebApplicationBuilder>? configure = null, string? connectionString = null)
    {
        connectionString ??= await postgres.CreateDatabaseAsync();
        var server = await Server.BuildAsync(["--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Environment.EnvironmentName = Environments.Development;
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["ConnectionStrings:Dispatcher"] = connectionString,
                ["Dispatcher:OperatorKey"] = OperatorKey,
                ["Serilog:MinimumLevel:Default"] = "Fatal",
                ["Serilog:MinimumLevel:Override:Microsoft.Hosting.Lifetime"] = "Fatal",
            });
            if (settings is not null) builder.Configuration.AddInMemoryCollection(settings);
            configure?.Invoke(builder);
        }, TestContext.Current.CancellationToken);
        try
        {
            await server.StartAsync(TestContext.Current.CancellationToken);
            return new TestServer(server, connectionString);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client with another key, or with none.</summary>
    public HttpClient ClientWith(string? key) => ClientFor(Client.BaseAddress!, key);

    /// <summary>Makes a key of a role and gives a client that uses it.</summary>
    public async Task<HttpClient> ClientOfAsync(string role, string organization = "default", string? project = null)
    {
        using var answer = await Client.PostAsJsonAsync("/api-keys", new { role, organization = role == "operator" ? null : organization, project });
        return ClientWith((await ReadAsync(answer, HttpStatusCode.Created)).GetProperty("key").GetString()!);
    }

    /// <summary>Registers an integration as operator and gives what the server answered.</summary>
    public async Task<JsonElement> RegisterAsync(Uri target, object? more = null, params string[] events)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["type"] = "webhook";
        body["events"] = JsonSerializer.SerializeToNode(events is [] ? ["*"] : events);
        body["target"] = target.ToString();
        using var answer = await Client.PostAsJsonAsync("/integrations", body);
        return await ReadAsync(answer, HttpStatusCode.Created);
    }

    /// <summary>Publishes an event as operator and gives what the server answered.</summary>
    public async Task<JsonElement> PublishAsync(string type, string payload = """{"n":1}""", string more = "")
    {
        using var answer = await Client.PostAsync("/events", Json($$"""{"type":"{{type}}","payload":{{payload}}{{more}}}"""));
        return await ReadAsync(answer, HttpStatusCode.Accepted);
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await Client.GetAsync(path);
        return await ReadAsync(answer, HttpStatusCode.OK);
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    /// <summary>Reads an answer's JSON, and fails with what it says when its status is another.</summary>
    public static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, HttpStatusCode expected)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(expected == answer.StatusCode, $"expected {(int)expected}, got {(int)answer.StatusCode}: {text}");
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }

    /// <summary>Asserts a problem answer with a status; for 422, that it names the member.</summary>
    public static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, HttpStatusCode status, string? member = null)
    {
        var problem = await ReadAsync(answer, status);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        if (member is not null) Assert.True(problem.GetProperty("errors").TryGetProperty(member, out _), $"errors do not name {member}: {problem}");
        return problem;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.App.StopAsync(CancellationToken.None);
        await _server.DisposeAsync();
    }

    private static HttpClient ClientFor(Uri address, string? key)
    {
        var client = new HttpClient { BaseAddress = address };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }
}
