// `emit` and `emit job` against a server that plays the documented wire: what is sent, what is printed, what is said when it fails.

using System.Net;
using System.Net.Sockets;
using System.Text;
using Dispatcher.Platform.Verbs;
using Dispatcher.Tests.Client;
using Xunit;

namespace Dispatcher.Tests.Platform.Verbs;

public sealed class EmitCommandTests
{
    [Fact]
    public async Task An_event_is_published_and_the_answer_printed()
    {
        await using var server = await PlayedServer.StartAsync();

        await using var emit = Emit(server, "--type", "job.completed", "--payload", """{ "n": 1.0 }""", "--id", "mine", "--project", "p");

        Assert.Equal(0, await emit.ExitCodeAsync());
        Assert.Equal("""{"id":"mine","deliveries":2}""", emit.Output.TrimEnd());
        var request = await server.RequestAsync();
        Assert.Equal("""{"type":"job.completed","payload":{ "n": 1.0 },"id":"mine","project":"p"}""", request.Body);
        Assert.Equal("Bearer key_test", request.Headers["Authorization"]);
    }

    [Fact]
    public async Task The_payload_may_come_from_a_file_with_a_byte_order_mark_and_a_last_line_break()
    {
        await using var server = await PlayedServer.StartAsync();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "{ \"n\": 2 }\n", new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

            await using var emit = Emit(server, "--type", "t", "--file", file);

            Assert.Equal(0, await emit.ExitCodeAsync());
            Assert.Equal("""{"type":"t","payload":{ "n": 2 }}""", (await server.RequestAsync()).Body);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("-")]
    [InlineData("--file", "-")]
    public async Task The_payload_may_come_from_standard_input(params string[] source)
    {
        await using var server = await PlayedServer.StartAsync();

        await using var emit = Emit(server, ["--type", "t", .. source]);

        Assert.Equal(0, await emit.ExitCodeAsync());
        Assert.Equal("""{"type":"t","payload":{"from":"stdin"}}""", (await server.RequestAsync()).Body);
    }

    [Fact]
    public async Task A_job_is_created_and_left_pending()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(201, """{"id":"job_1","kind":"document_predict","status":"pending"}""");

        await using var emit = Emit(server, "job", "--kind", "document_predict");

        Assert.Equal(0, await emit.ExitCodeAsync());
        Assert.Equal("""{"id":"job_1","kind":"document_predict","status":"pending"}""", emit.Output.TrimEnd());
        Assert.Equal("""{"kind":"document_predict"}""", (await server.RequestAsync()).Body);
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task A_job_is_created_and_moved_on()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(201, """{"id":"parse_1","kind":"document_predict","status":"pending"}""");
        server.Next(200, """{"id":"parse_1","kind":"document_predict","status":"failure","error":"unreadable"}""");

        await using var emit = Emit(
            server, "job", "--kind", "document_predict", "--id", "parse_1", "--status", "failure", "--error", "unreadable");

        Assert.Equal(0, await emit.ExitCodeAsync());
        Assert.Equal("""{"id":"parse_1","kind":"document_predict","status":"failure","error":"unreadable"}""", emit.Output.TrimEnd());
        Assert.Equal("""{"kind":"document_predict","id":"parse_1"}""", (await server.RequestAsync()).Body);
        Assert.Equal("""{"status":"failure","error":"unreadable"}""", (await server.RequestAsync()).Body);
    }

    [Fact]
    public async Task A_job_that_exists_is_moved()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(200, """{"id":"parse_1","kind":"document_predict","status":"successful"}""");

        await using var emit = Emit(server, "job", "--id", "parse_1", "--status", "successful");

        Assert.Equal(0, await emit.ExitCodeAsync());
        var request = await server.RequestAsync();
        Assert.Equal("PATCH /jobs/parse_1", $"{request.Method} {request.Path}");
    }

    [Fact]
    public async Task A_job_that_was_created_but_not_moved_is_named()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(201, """{"id":"job_7","kind":"k","status":"pending"}""");
        server.NextProblem(403, "Role too small");

        await using var emit = Emit(server, "job", "--kind", "k", "--status", "successful");

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.Equal("The job job_7 was created, but not moved. The server refused (403 Role too small)", emit.Error.TrimEnd());
    }

    [Fact]
    public async Task A_refusal_is_told_with_every_wrong_member()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(422, """{"title":"Invalid request","status":422,"detail":"Look below.","errors":{"type":["is unknown"]}}""", "application/problem+json");

        await using var emit = Emit(server, "--type", "t", "--payload", "{}");

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.Equal("The server refused (422 Invalid request): Look below.\n  type: is unknown\n", emit.Error.ReplaceLineEndings("\n"));
        Assert.Empty(emit.Output);
    }

    [Fact]
    public async Task A_server_that_is_no_dispatcher_is_told_in_plain_words()
    {
        await using var server = await PlayedServer.StartAsync();
        server.Next(200, "<html>welcome</html>", "text/html");

        await using var emit = Emit(server, "--type", "t", "--payload", "{}");

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.StartsWith("The server's answer is not what this client reads (status 200): ", emit.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_told_in_plain_words()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();

        await using var emit = VerbRun.Start(Create(), "--url", $"http://127.0.0.1:{port}", "--type", "t", "--payload", "{}");

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.StartsWith("The server cannot be reached: ", emit.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("The payload is not JSON", "--type", "t", "--payload", "{")]
    [InlineData("Cannot read the payload", "--type", "t", "--file", "/no/such/file")]
    [InlineData("Give the payload once", "--type", "t")]
    [InlineData("Give the payload once", "--type", "t", "--payload", "{}", "-")]
    [InlineData("--url must be an http or https URL", "--url", "localhost", "--type", "t", "--payload", "{}")]
    [InlineData("--type", "--payload", "{}")]
    [InlineData("Give --kind to create a job, or --id and --status to move one.", "job", "--id", "x")]
    [InlineData("finished", "job", "--id", "x", "--status", "finished")]
    public async Task What_cannot_be_asked_is_told_in_plain_words(string reason, params string[] arguments)
    {
        await using var emit = VerbRun.Start(Create(), arguments);

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.Contains(reason, emit.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_key_it_says_where_one_is_looked_for()
    {
        await using var emit = VerbRun.Start(EmitCommand.Create(_ => null, () => Stream.Null), "--type", "t", "--payload", "{}");

        Assert.Equal(1, await emit.ExitCodeAsync());
        Assert.Equal("No API key: give --key or set DISPATCHER_KEY.", emit.Error.TrimEnd());
    }

    [Fact]
    public async Task A_key_on_the_command_line_goes_before_the_environments()
    {
        await using var server = await PlayedServer.StartAsync();

        await using var emit = Emit(server, "--key", "key_other", "--type", "t", "--payload", "{}");

        Assert.Equal(0, await emit.ExitCodeAsync());
        Assert.Equal("Bearer key_other", (await server.RequestAsync()).Headers["Authorization"]);
    }

    private static VerbRun Emit(PlayedServer server, params string[] arguments) =>
        VerbRun.Start(Create(), [.. arguments, "--url", server.Address.ToString()]);

    private static System.CommandLine.Command Create() => EmitCommand.Create(
        name => name == "DISPATCHER_KEY" ? PlayedServer.Key + "\n" : null,
        () => new MemoryStream(Encoding.UTF8.GetBytes("""{"from":"stdin"}""" + "\n")));
}
