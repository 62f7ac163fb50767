// `listen` against real POSTs: what it answers, what it prints, when it stops.

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Platform.Verbs;
using Xunit;

namespace Dispatcher.Tests.Platform.Verbs;

public sealed partial class ListenCommandTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string OtherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private const string Body = """{"job_id":"parse_1","note":"é"}""";

    [Fact]
    public async Task A_signed_webhook_is_printed_for_people_and_found_valid()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--secret", Secret);
        var address = await AddressAsync(listen);

        using var answer = await PostAsync(address, Secret);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  job\.completed  attempt 3  evt_1$", await listen.OutputLineAsync());
        Assert.Equal("  signature: valid", await listen.OutputLineAsync());
        Assert.Equal("  {", await listen.OutputLineAsync());
        Assert.Equal("""    "job_id": "parse_1",""", await listen.OutputLineAsync());
        Assert.Equal("""    "note": "é" """.TrimEnd(), await listen.OutputLineAsync());
        Assert.Equal("  }", await listen.OutputLineAsync());
    }

    [Fact]
    public async Task A_webhook_signed_with_another_secret_is_printed_as_invalid_with_the_reason()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--secret", Secret);

        using var answer = await PostAsync(await AddressAsync(listen), OtherSecret);

        await listen.OutputLineAsync();
        Assert.StartsWith("  signature: INVALID (BadSignature: ", await listen.OutputLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_secret_signatures_are_not_checked()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0");

        using var answer = await PostAsync(await AddressAsync(listen), OtherSecret);

        await listen.OutputLineAsync();
        Assert.Equal("  signature: not checked", await listen.OutputLineAsync());
    }

    [Fact]
    public async Task During_a_rotation_each_of_several_secrets_is_valid()
    {
        await using var listen = VerbRun.Start(
            ListenCommand.Create(), "--port", "0", "--json", "--secret", OtherSecret, "--secret", Secret);
        var address = await AddressAsync(listen, json: true);

        using var first = await PostAsync(address, Secret);
        using var second = await PostAsync(address, OtherSecret);

        Assert.Contains("\"signature\":\"valid\"", await listen.OutputLineAsync(), StringComparison.Ordinal);
        Assert.Contains("\"signature\":\"valid\"", await listen.OutputLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_json_each_webhook_is_one_line_and_nothing_else_is_on_standard_output()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--json", "--secret", Secret, "--count", "1");
        var address = await AddressAsync(listen, json: true);

        using var answer = await PostAsync(address, OtherSecret, "{\n  \"n\": 1.0\n}");
        Assert.Equal(0, await listen.ExitCodeAsync());

        Assert.Equal(1, listen.Output.Count(c => c == '\n'));
        using var line = JsonDocument.Parse(listen.Output);
        Assert.Equal("job.completed", line.RootElement.GetProperty("event").GetString());
        Assert.Equal(3, line.RootElement.GetProperty("attempt").GetInt32());
        Assert.Equal("evt_1", line.RootElement.GetProperty("id").GetString());
        Assert.Equal("invalid", line.RootElement.GetProperty("signature").GetString());
        Assert.Equal("BadSignature", line.RootElement.GetProperty("reason").GetString());
        Assert.Equal("""{"n":1.0}""", line.RootElement.GetProperty("body").GetRawText());
    }

    [Fact]
    public async Task It_stops_by_itself_after_the_count()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--json", "--count", "2");
        var address = await AddressAsync(listen, json: true);

        using var first = await PostAsync(address, Secret);
        using var second = await PostAsync(address, Secret);

        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        Assert.Equal(0, await listen.ExitCodeAsync());
        Assert.Equal(2, listen.Output.Count(c => c == '\n'));
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(address, Secret));
    }

    [Fact]
    public async Task It_runs_until_it_is_interrupted()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0");
        await AddressAsync(listen);

        Assert.Equal(0, await listen.InterruptAsync());
    }

    [Fact]
    public async Task It_answers_with_the_status_that_it_is_told()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--status", "503");

        using var answer = await PostAsync(await AddressAsync(listen), Secret);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task With_a_path_it_answers_there_and_nowhere_else()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--path", "/hook");
        var address = await AddressAsync(listen);

        using var elsewhere = await PostAsync(new Uri(address, "/other"), Secret);
        using var there = await PostAsync(address, Secret);

        Assert.Equal("/hook", address.AbsolutePath);
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
        Assert.Equal(HttpStatusCode.OK, there.StatusCode);
        Assert.Equal("POST /other: answered 404, it is no webhook for this listener.", await listen.OutputLineAsync());
    }

    [Fact]
    public async Task What_is_not_a_POST_is_not_allowed()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0");
        using var http = new HttpClient();

        using var answer = await http.GetAsync(await AddressAsync(listen));

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_no_JSON_cannot_steer_the_terminal()
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", "0", "--count", "1");

        using var answer = await PostAsync(await AddressAsync(listen), Secret, "\u001b[2Jgone\r\nline 2");
        await listen.ExitCodeAsync();

        Assert.DoesNotContain('\u001b', listen.Output);
        Assert.Contains("  \uFFFD[2Jgone\uFFFD\n  line 2\n", listen.Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_plain_words()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var listen = VerbRun.Start(ListenCommand.Create(), "--port", $"{((IPEndPoint)taken.LocalEndpoint).Port}");

        Assert.Equal(1, await listen.ExitCodeAsync());
        Assert.StartsWith("Cannot listen: ", listen.Error, StringComparison.Ordinal);
        Assert.Contains("--port", listen.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--port", "70000", "--port must be 0 to 65535.")]
    [InlineData("--port", "many", "many")]
    [InlineData("--status", "99", "--status must be 200 to 599.")]
    [InlineData("--count", "0", "--count must be at least 1.")]
    [InlineData("--path", "hook", "--path must begin with a slash.")]
    [InlineData("--secret", "hunter2*", "--secret must be 'whsec_' or 'whpk_' followed by base64")]
    public async Task An_argument_out_of_its_range_is_refused_with_the_reason(string option, string value, string reason)
    {
        await using var listen = VerbRun.Start(ListenCommand.Create(), option, value);

        Assert.Equal(1, await listen.ExitCodeAsync());
        Assert.Contains(reason, listen.Error, StringComparison.Ordinal);
    }

    /// <summary>Where the listener says that it listens: on standard output, or on standard error where output is for programs.</summary>
    private static async Task<Uri> AddressAsync(VerbRun listen, bool json = false)
    {
        var line = json ? await listen.ErrorLineAsync() : await listen.OutputLineAsync();
        return new Uri(Address().Match(line).Value);
    }

    private static async Task<HttpResponseMessage> PostAsync(Uri address, string secret, string body = Body)
    {
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"evt_1.{timestamp}.{body}")));
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, address);
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        request.Headers.Add("webhook-id", "evt_1");
        request.Headers.Add("webhook-timestamp", $"{timestamp}");
        request.Headers.Add("webhook-signature", $"v1,{signature}");
        request.Headers.Add("dispatcher-event", "job.completed");
        request.Headers.Add("dispatcher-attempt", "3");
        return await http.SendAsync(request);
    }

    [GeneratedRegex(@"http://\S+")]
    private static partial Regex Address();
}
