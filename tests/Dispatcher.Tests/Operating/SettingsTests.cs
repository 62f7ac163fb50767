// GET /settings: every setting is there, and no secret.

using System.Collections;
using System.Reflection;
using Dispatcher.Operating;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Operating;

public sealed class SettingsTests(PostgresFixture postgres)
{
    private const string Marker = "c0ffee-in-secret";

    [Fact]
    public void Every_setting_is_either_shown_or_secret_and_nothing_else_is()
    {
        var settings = Leaves(typeof(DispatcherOptions), "").ToList();
        var listed = EffectiveSettings.Shown.Where(s => !s.EndsWith('*')).Concat(EffectiveSettings.Secret).ToList();
        var tables = EffectiveSettings.Shown.Where(s => s.EndsWith('*')).Select(s => s[..^1]).ToList();

        Assert.Equal(
            settings.Where(s => !tables.Exists(t => s.StartsWith(t, StringComparison.Ordinal))).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        Assert.All(tables, t => Assert.Contains(settings, s => s.StartsWith(t, StringComparison.Ordinal)));
        Assert.All(settings, s => Assert.Equal(!EffectiveSettings.Secret.Contains(s), EffectiveSettings.IsShown(s)));
    }

    [Theory]
    [InlineData("Payment:ApiToken")]
    [InlineData("OperatorKey")]
    [InlineData("Encryption:Keys")]
    [InlineData("Encryption:Salt")]
    [InlineData("JobsToken")]
    public void What_nobody_has_listed_counts_as_secret(string path) => Assert.False(EffectiveSettings.IsShown(path));

    [Fact]
    public async Task No_secret_of_the_configuration_is_in_the_answer_nor_in_the_page()
    {
        var connection = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { Password = $"{Marker}-password", ApplicationName = $"{Marker}-name", SslPassword = $"{Marker}-ssl" };
        var key = $"{Marker}-operator";
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:OperatorKey"] = key,
            ["Dispatcher:Encryption:Keys:0"] = $"{Marker}-encryption-one",
            ["Dispatcher:Encryption:Keys:1"] = $"{Marker}-encryption-two",
            ["Dispatcher:PublicUrl"] = $"https://{Marker}-user:{Marker}-pass@hooks.example.com/hooks?token={Marker}",
            ["Dispatcher:Egress:Proxy"] = $"http://{Marker}-user:{Marker}-pass@proxy.example.com:3128/?token={Marker}",
            ["ConnectionStrings:DispatcherDirect"] = connection.ConnectionString,
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{Marker}:{Marker}@127.0.0.1:9/?token={Marker}",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = $"authorization=Bearer {Marker}",
            // What is not ours is not looked at.
            ["Payment:ApiToken"] = Marker,
        }, connectionString: connection.ConnectionString);
        using var client = server.ClientWith(key);

        var settings = await client.CallAsync(200, "GET /settings");

        Assert.DoesNotContain(Marker, settings.ToString(), StringComparison.Ordinal);
        using var visitor = new Visitor(server.Client, new Uri("https://hooks.example.com/hooks"));
        await visitor.SignInAsync(key, "/hooks");
        Assert.DoesNotContain(Marker, await visitor.PageAsync("/hooks/dashboard/settings"), StringComparison.Ordinal);
        var byKey = settings.Data().ToDictionary(s => s.Text("key"));
        foreach (var secret in EffectiveSettings.Secret)
            Http.AssertJson($$"""{"key":"Dispatcher:{{secret}}","value":null,"default":null,"secret":true,"set":true}""", byKey[$"Dispatcher:{secret}"]);
        Assert.Equal("https://hooks.example.com/hooks", byKey["Dispatcher:PublicUrl"].Text("value"));
        Assert.Equal("http://proxy.example.com:3128/", byKey["Dispatcher:Egress:Proxy"].Text("value"));
        Assert.Equal("http://127.0.0.1:9/", byKey["OTEL_EXPORTER_OTLP_ENDPOINT"].Text("value"));
        foreach (var name in new[] { "Dispatcher", "DispatcherDirect" })
            Assert.Equal($"Host={connection.Host};Port={connection.Port};Database={connection.Database}", byKey[$"ConnectionStrings:{name}"].Text("value"));
    }

    [Fact]
    public async Task Values_stand_beside_their_defaults_and_each_setting_is_there_once()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:Retry:MaxAttempts"] = "7",
            ["Dispatcher:Retry:BaseSeconds"] = "0.5",
            ["Dispatcher:Egress:AllowedNetworks:0"] = "10.0.0.0/8",
            ["Dispatcher:Egress:AllowedNetworks:1"] = "fd00::/8",
            ["Dispatcher:Signing:SvixHeaders"] = "false",
            ["Dispatcher:Delivery:TimeoutSeconds"] = "15",
            ["Dispatcher:Jobs:Kinds:sorting:Description"] = "Sorts.",
            ["Dispatcher:Jobs:Kinds:sorting:Emits:successful:0"] = "sort.done",
        });

        var settings = await server.GetAsync("/settings");

        Assert.Equal(ServerVersion.Text, settings.Text("version"));
        var keys = settings.Data().ConvertAll(s => s.Text("key"));
        Assert.Equal(keys.Distinct(), keys);
        var byKey = settings.Data().ToDictionary(s => s.Text("key"));
        foreach (var (key, value, byDefault, set) in new[]
        {
            ("Dispatcher:Retry:MaxAttempts", "7", "10", true), ("Dispatcher:Retry:BaseSeconds", "0.5", "2", true), ("Dispatcher:Retry:JitterRatio", "0.1", "0.1", false),
            ("Dispatcher:Egress:AllowedNetworks", "10.0.0.0/8, fd00::/8", null, true), ("Dispatcher:Egress:Proxy", null, null, false),
            ("Dispatcher:Signing:SvixHeaders", "false", "true", true), ("Dispatcher:Delivery:TimeoutSeconds", "15", "15", false),
            ("Dispatcher:Jobs:Kinds:sorting:Description", "Sorts.", null, true), ("Dispatcher:Jobs:Kinds:sorting:Emits:successful", "sort.done", null, true),
        })
        {
            Assert.Equal(
                (value, byDefault, set, false),
                (byKey[key].GetProperty("value").GetString(), byKey[key].GetProperty("default").GetString(), byKey[key].GetProperty("set").GetBoolean(), byKey[key].GetProperty("secret").GetBoolean()));
        }

        foreach (var setting in Leaves(typeof(DispatcherOptions), "").Where(s => !s.StartsWith("Jobs:", StringComparison.Ordinal))) Assert.Contains($"Dispatcher:{setting}", keys);
        Assert.True(byKey["Dispatcher:OperatorKey"].GetProperty("set").GetBoolean());
        Assert.False(byKey["Dispatcher:Encryption:Keys"].GetProperty("set").GetBoolean());
    }

    /// <summary>The settings of a type of settings, by their paths below the section.</summary>
    private static IEnumerable<string> Leaves(Type section, string path) => section.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .SelectMany(p => p.PropertyType is { IsClass: true } type && type != typeof(string) && !type.IsAssignableTo(typeof(IEnumerable))
            ? Leaves(type, $"{path}{p.Name}:")
            : [path + p.Name]);
}
