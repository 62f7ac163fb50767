// What receivers really get is what the API reference says.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Reference;

public sealed class WebhooksTests(ReferenceServer reference) : IClassFixture<ReferenceServer>
{
    [Fact]
    public async Task Each_type_arrives_with_the_payload_and_the_headers_that_the_reference_shows()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var failing = await Receiver.StartAsync(500);
        await using var gone = await Receiver.StartAsync(410);
        var owed = reference.Webhooks().ToDictionary(w => w.Name, w => w.Operation);
        await reference.Server.RegisterAsync(receiver.Url, null, [.. owed.Keys]);
        await reference.Server.RegisterAsync(failing.Url, new { retry = new { max_attempts = 1 } }, "boom");
        await reference.Server.RegisterAsync(gone.Url, null, "farewell");

        await reference.Server.PublishAsync("boom");
        await reference.Server.PublishAsync("farewell");
        await reference.Server.Client.CallAsync(202, "POST /jobs/batch",
            """
            [{"kind":"document_predict","id":"p","project":"invoices","inbox":"mail-1"},{"id":"p","status":"processing"},
             {"id":"p","status":"successful","usage":{"pages_parsed":10},"result":[1]},
             {"kind":"document_evaluate","id":"e"},{"id":"e","status":"successful"},
             {"kind":"document_ingestion","id":"i"},{"id":"i","status":"successful"},
             {"kind":"document_ingestion","id":"j"},{"id":"j","status":"failure","error":"Unreadable."},
             {"kind":"workflow","id":"w","workflow_name":"flow"},{"id":"w","status":"cancelled","fn_status":{"fn_A":"success"}}]
            """);
        await Eventually.TrueAsync(
            () => Task.FromResult(owed.Keys.All(type => receiver.All.Any(r => r.Headers["dispatcher-event"] == type))), "every type has arrived");

        List<(string, string, JsonElement)> values = [];
        foreach (var received in receiver.All)
        {
            var type = received.Headers["dispatcher-event"];
            values.Add((type, ReferenceServer.Pointer("webhooks", type, "post", "requestBody", "content", "application/json", "schema"), JsonElement.Parse(received.Body)));
            Assert.All(
                owed[type].GetProperty("parameters").EnumerateArray().Select(p => reference.Resolve(p).Text("name")),
                header => Assert.True(received.Headers.ContainsKey(header), $"{type} arrived without {header}"));
        }

        await reference.ValidateAsync(values);
    }
}
