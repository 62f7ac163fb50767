// One answer names every member at fault, whatever is wrong with each: unknown, of the wrong type, or against a rule.

using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class ValidationTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Minimum = """{"type":"webhook","events":["a.b"],"target":"https://example.com/hook"}""";

    /// <summary>A call, a body, and the members that the answer must name: these and no others.</summary>
    public static TheoryData<string, string, string[]> SeveralAtOnce => new()
    {
        {
            "POST /integrations",
            """
            {"type":5,"events":"a.b","target":{},"name":[],"headers":"x","basic_auth":1,"project":{},"inbox":7,"enabled":"yes","rate_limit_per_second":1.5,
             "max_concurrency":"2","timeout_seconds":"15","retry":[],"ordering":0,"metadata":"m","Target":"x","id":"y"}
            """,
            [
                "type", "events", "target", "name", "headers", "basic_auth", "project", "inbox", "enabled", "rate_limit_per_second", "max_concurrency",
                "timeout_seconds", "retry", "ordering", "metadata", "Target", "id",
            ]
        },
        {
            "POST /integrations",
            """
            {"type":"sms","events":["a.b","a..b",3],"target":"nowhere","name":"","headers":{"Host":"a","X-A":1,"X-B":"b\r\n"},"basic_auth":{"username":"a:b","user":"x"},
             "retry":{"base_seconds":"2","max_attempts":11,"strategy":"linear"},"metadata":{"a":1,"a":2},"timeout_seconds":0.05,"unknown":null}
            """,
            [
                "type", "events[1]", "events[2]", "target", "name", "headers.Host", "headers.X-A", "headers.X-B", "basic_auth.username", "basic_auth.user",
                "basic_auth.password", "retry.base_seconds", "retry.max_attempts", "retry.strategy", "metadata", "timeout_seconds", "unknown",
            ]
        },
        { "POST /integrations", """{"type":"webhook","events":[1],"target":"https://example.com/","max_concurrency":99999999999}""", ["events[0]", "max_concurrency"] },
        { "PUT /integrations/{integration}", """{"type":"webhook","events":["*"],"target":7,"enabled":1,"ordering":"fifo"}""", ["target", "enabled", "ordering"] },
        { "PATCH /integrations/{integration}", """{"target":7,"enabled":"no","retry":{"max_attempts":0,"base":1},"nmae":"x","events":[]}""", ["target", "enabled", "retry.max_attempts", "retry.base", "nmae", "events"] },
        { "POST /integrations/{integration}/secret/rotate", """{"grace_seconds":-1,"secret":"short","grace":1}""", ["grace_seconds", "secret", "grace"] },
        { "POST /integrations/{integration}/secret/rotate", """{"grace_seconds":"1","secret":"short"}""", ["grace_seconds", "secret"] },
        { "POST /integrations/{integration}/test", """{"events":"a.b","extra":1}""", ["event", "events", "extra"] },
        { "POST /integrations/{integration}/recover", """{"since":"yesterday","until":1,"to":1}""", ["since", "until", "to"] },
        { "POST /integrations/{integration}/replay", """{"since":"9000-01-01T00:00:00Z","until":"2020-01-01T00:00:00Z","x":0}""", ["since", "until", "x"] },
        { "POST /events", """{"type":"a b","payload":[],"id":"a b","project":"","inbox":7,"ordering_key":"","data":{}}""", ["type", "payload", "id", "project", "inbox", "ordering_key", "data"] },
        { "POST /events", """{"inbox":"a/b"}""", ["type", "payload", "inbox"] },
        { "POST /event-types", """{"name":"a b","description":1,"example":[],"deprecated":"no","schema":{}}""", ["name", "description", "example", "deprecated", "schema"] },
        { "PUT /event-types/job.created", """{"name":"job.made","example":1,"deprecated":null,"x":1}""", ["name", "example", "x"] },
        { "POST /jobs", """{"kind":"nothing","id":"a b","project":1,"inbox":"","workflow_name":"","state":1}""", ["kind", "id", "project", "inbox", "workflow_name", "state"] },
        { "PATCH /jobs/known", """{"status":"done","usage":[],"error":{},"fn_status":1,"kind":"parse"}""", ["status", "usage", "error", "fn_status", "kind"] },
        { "POST /organizations?", """{"id":"a b","name":"","retention_days":2,"x":1}""", ["id", "name", "retention_days", "x"] },
        { "PATCH /organizations/default?", """{"name":7,"retention_days":2,"id":"x"}""", ["name", "retention_days", "id"] },
        { "POST /projects", """{"id":"a b","name":"","title":"T"}""", ["id", "name", "title"] },
        { "POST /api-keys", """{"role":"boss","organization":"a b","project":"","name":1,"expires_at":"2020-01-01T00:00:00Z","key":"x"}""", ["role", "organization", "project", "name", "expires_at", "key"] },
    };

    [Theory]
    [MemberData(nameof(SeveralAtOnce), DisableDiscoveryEnumeration = true)]
    public async Task Every_member_at_fault_is_named_in_one_answer(string call, string body, string[] members)
    {
        var customer = await api.CustomerAsync();
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"known"}""");

        call = call.Replace("{integration}", integration, StringComparison.Ordinal);
        if (!call.Contains('?', StringComparison.Ordinal)) call += $"?organization={customer.Id}";
        await api.Operator.RefusalAsync(422, call, body, members);
    }

    [Fact]
    public async Task In_a_batch_every_member_at_fault_of_each_item_is_named()
    {
        var customer = await api.CustomerAsync();

        var jobs = (await customer.Admin.CallAsync(
            202, "POST /jobs/batch",
            """[{"kind":"nothing","id":7,"x":1},{"id":"j","status":"done","usage":1},{"kind":"parse","status":"pending","inbox":""},{"status":1}]""")).Data();
        Http.AssertProblem(jobs[0].GetProperty("error"), 422, "kind", "id", "x");
        Http.AssertProblem(jobs[1].GetProperty("error"), 422, "status", "usage");
        Http.AssertProblem(jobs[2].GetProperty("error"), 422, "status", "inbox");
        Http.AssertProblem(jobs[3].GetProperty("error"), 422, "status", "kind");

        var events = (await customer.Admin.CallAsync(202, "POST /events/batch", """[{"type":1,"payload":2,"x":3},{}]""")).Data();
        Http.AssertProblem(events[0].GetProperty("error"), 422, "type", "payload", "x");
        Http.AssertProblem(events[1].GetProperty("error"), 422, "type", "payload");
    }

    public static TheoryData<string, string, bool> Bounds => new()
    {
        // member, value, whether it is taken
        { "rate_limit_per_second", "1", true },
        { "rate_limit_per_second", "100000", true },
        { "rate_limit_per_second", "0", false },
        { "rate_limit_per_second", "-1", false },
        { "rate_limit_per_second", "100001", false },
        { "rate_limit_per_second", "2147483648", false },
        { "rate_limit_per_second", "1e3", false },
        { "rate_limit_per_second", "1.0", false },
        { "max_concurrency", "1", true },
        { "max_concurrency", "1000", true },
        { "max_concurrency", "0", false },
        { "max_concurrency", "1001", false },
        { "timeout_seconds", "0.1", true },
        { "timeout_seconds", "300", true },
        { "timeout_seconds", "3e2", true },
        { "timeout_seconds", "0.0999", false },
        { "timeout_seconds", "300.001", false },
        { "timeout_seconds", "-15", false },
        { "timeout_seconds", "1e400", false },
        { "timeout_seconds", "\"NaN\"", false },
        { "retry.base_seconds", "0.001", true },
        { "retry.base_seconds", "3600", true },
        { "retry.base_seconds", "0", false },
        { "retry.base_seconds", "-0.0", false },
        { "retry.base_seconds", "1e-400", false },
        { "retry.base_seconds", "3600.1", false },
        { "retry.max_attempts", "1", true },
        { "retry.max_attempts", "10", true },
        { "retry.max_attempts", "0", false },
        { "retry.max_attempts", "11", false },
        { "name", "\"n\"", true },
        { "name", "\"\"", false },
        { "project", $"\"{new string('p', 128)}\"", true },
        { "project", $"\"{new string('p', 129)}\"", false },
        { "inbox", "\"a_b-c.d:e@f\"", true },
        { "inbox", "\"a b\"", false },
        { "inbox", "\"ä\"", false },
        { "basic_auth", $$"""{"username":"{{new string('u', 500)}}","password":"{{new string('p', 500)}}"}""", true },
        { "basic_auth", """{"username":"u","password":""}""", true },
        { "basic_auth.username", $$"""{"username":"{{new string('u', 501)}}","password":"p"}""", false },
        { "basic_auth.username", """{"username":"","password":"p"}""", false },
        { "basic_auth.username", """{"username":"a\nb","password":"p"}""", false },
        { "basic_auth.password", $$"""{"username":"u","password":"{{new string('p', 501)}}"}""", false },
        { "basic_auth.password", """{"username":"u","password":"a\u0007"}""", false },
        { "headers", """{"X-Tab":"a\tb","X-Empty":"","X-Ünicode":null}""", false },
        { "headers", """{"X-Tab":"a\tb","X-Empty":"","X-Unicode":"Zoë 日本","Expires":"0"}""", true },
        { "headers.X-A", """{"X-A":" a"}""", false },
        { "headers.X-A", """{"X-A":"a\t"}""", false },
        { "headers.X-A", """{"X-A":"\u0001"}""", false },
        { "headers.X-A", $$"""{"X-A":"{{string.Concat(Enumerable.Repeat("é", 2049))}}"}""", false },
        { "events[0]", "[\"**\"]", false },
        { "events[0]", "[\"job.\"]", false },
        { "events[0]", "[\".job\"]", false },
        { "events[0]", "[\"*.job\"]", false },
        { "events[0]", "[\"job.**\"]", false },
        { "events[0]", "[\"job.*.*\"]", false },
        { "events[0]", "[\"*.*\"]", false },
        { "events[0]", "[\" job\"]", false },
        { "events[0]", $"[\"{new string('a', 127)}.*\"]", false },
        { "events", $"[\"{new string('a', 126)}.*\",\"{new string('a', 128)}\",\"*\"]", true },
        { "metadata", """{"":{"a":[null,true,1e999]}}""", true },
        { "metadata", "[]", false },
        { "metadata", "null", true },
    };

    [Theory]
    [MemberData(nameof(Bounds), DisableDiscoveryEnumeration = true)]
    public async Task A_value_at_a_bound_is_taken_and_one_beyond_is_refused_by_name(string member, string value, bool taken)
    {
        var top = member.Split('.', '[')[0];
        var given = top == "retry" ? $$"""{"{{member[6..]}}":{{value}}}""" : value;
        var body = top == "events" ? Minimum.Replace("[\"a.b\"]", given, StringComparison.Ordinal) : $"{Minimum[..^1]},\"{top}\":{given}}}";
        var customer = await api.CustomerAsync();

        if (taken) await customer.Admin.CallAsync(201, "POST /integrations", body);
        else if (member == "headers") await customer.Admin.RefusalAsync(422, "POST /integrations", body);
        else await customer.Admin.RefusalAsync(422, "POST /integrations", body, member);
    }

    public static TheoryData<string, string, string> OtherRefusals => new()
    {
        // member, call, body
        { "name", "POST /organizations?", $$"""{"name":"{{new string('n', 201)}}"}""" },
        { "id", "POST /organizations?", """{"id":""}""" },
        { "id", "POST /organizations?", $$"""{"id":"{{new string('i', 129)}}"}""" },
        { "retention_days", "POST /organizations?", """{"retention_days":0}""" },
        { "retention_days", "POST /organizations?", """{"retention_days":-1}""" },
        { "retention_days", "POST /organizations?", """{"retention_days":65537}""" },
        { "retention_days", "POST /organizations?", """{"retention_days":"30"}""" },
        { "name", "PATCH /organizations/default?", """{"name":""}""" },
        { "created_at", "PATCH /organizations/default?", """{"created_at":null}""" },
        { "name", "POST /projects", """{"name":""}""" },
        { "id", "POST /projects", """{"id":"a\u0009b"}""" },
        { "id", "POST /projects", """{"id":["p"]}""" },
        { "name", "POST /api-keys", $$"""{"role":"member","name":"{{new string('n', 201)}}"}""" },
        { "role", "POST /api-keys", """{"role":null}""" },
        { "role", "POST /api-keys", """{"role":["admin"]}""" },
        { "role", "POST /api-keys", """{"role":"admin,member"}""" },
        { "expires_at", "POST /api-keys", """{"role":"member","expires_at":"2099-01-01T00:00Z"}""" },
        { "expires_at", "POST /api-keys", """{"role":"member","expires_at":""}""" },
        { "project", "POST /api-keys", """{"role":"member","project":{"id":"p"}}""" },
        { "name", "POST /event-types", """{"name":null}""" },
        { "name", "POST /event-types", """{"name":".a"}""" },
        { "name", "POST /event-types", $$"""{"name":"{{new string('a', 129)}}"}""" },
        { "example", "POST /event-types", """{"name":"z.z","example":{"a":1,"a":2}}""" },
        { "deprecated", "POST /event-types", """{"name":"z.z","deprecated":1}""" },
        { "workflow_name", "POST /jobs", $$"""{"kind":"workflow","workflow_name":"{{new string('w', 201)}}"}""" },
        { "id", "POST /jobs", $$"""{"kind":"parse","id":"{{new string('i', 129)}}"}""" },
        { "id", "POST /jobs", """{"kind":"parse","id":""}""" },
        { "usage", "PATCH /jobs/known", """{"status":"successful","usage":"many"}""" },
        { "usage", "PATCH /jobs/known", """{"status":"successful","usage":{"a":1,"a":2}}""" },
        { "error", "PATCH /jobs/known", """{"status":"failure","error":7}""" },
        { "status", "PATCH /jobs/known", """{"status":7}""" },
        { "id", "PATCH /jobs/known", """{"status":"processing","id":"known"}""" },
        { "body", "POST /events", """{"type":"a.b","payload":{},"\ud800":1}""" },
        { "body", "POST /events/batch", "[]" },
        { "body", "POST /jobs/batch", "[]" },
    };

    [Theory]
    [MemberData(nameof(OtherRefusals), DisableDiscoveryEnumeration = true)]
    public async Task A_member_against_its_rule_is_refused_by_name(string member, string call, string body)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"known"}""");
        if (!call.Contains('?', StringComparison.Ordinal)) call += $"?organization={customer.Id}";

        await api.Operator.RefusalAsync(422, call, body, member);
    }

    [Theory]
    [InlineData("limit=0&cursor=*", "limit", "cursor")]
    [InlineData("limit=5&limit=6", "limit")]
    [InlineData("limit=%205", "limit")]
    [InlineData("limit=%2B5", "limit")]
    [InlineData("limit=%D9%A5", "limit")]
    [InlineData("cursor=YQ&cursor=YQ", "cursor")]
    public Task Of_a_page_every_wrong_parameter_is_named(string query, params string[] members) =>
        api.Operator.RefusalAsync(422, $"GET /integrations?{query}", null, members);

    [Fact]
    public async Task Of_a_member_of_the_wrong_type_that_alone_is_said()
    {
        var problem = await api.Operator.RefusalAsync(
            422, "POST /integrations", """{"type":5,"events":"a.b","target":{},"headers":{"X-A":1},"basic_auth":{"username":1,"password":"p"}}""",
            "type", "events", "target", "headers.X-A", "basic_auth.username");

        Assert.All(problem.GetProperty("errors").EnumerateObject(), m => Assert.Equal(1, m.Value.GetArrayLength()));
        Assert.Equal("must be a string.", problem.GetProperty("errors").GetProperty("target")[0].GetString());
        Assert.Equal("must be an array, each item a string.", problem.GetProperty("errors").GetProperty("events")[0].GetString());
    }

    [Fact]
    public async Task A_members_rule_says_what_to_do()
    {
        var problem = await api.Operator.RefusalAsync(422, "POST /integrations", """{"type":"webhook","events":["a.b"],"target":"https://example.com:0/","max_concurrency":9999999999}""");

        Assert.Contains("port from 1 to 65535", problem.GetProperty("errors").GetProperty("target")[0].GetString(), StringComparison.Ordinal);
        Assert.Contains("whole number, at most 2147483647", problem.GetProperty("errors").GetProperty("max_concurrency")[0].GetString(), StringComparison.Ordinal);
        Assert.Contains("target:", problem.Text("detail"), StringComparison.Ordinal);
        Assert.Contains("max_concurrency:", problem.Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_as_deep_as_a_request_may_be_reads_back_in_lists_too()
    {
        var customer = await api.CustomerAsync();
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 62)) + "{}" + new string('}', 62);

        var made = await customer.Admin.CallAsync(201, "POST /integrations", $"{Minimum[..^1]},\"metadata\":{deep}}}");
        using var answer = await customer.Admin.RequestAsync("GET /integrations");
        var page = await answer.Content.ReadAsStringAsync();
        using var patched = await customer.Admin.RequestAsync($"PATCH /integrations/{made.Text("id")}", """{"name":"deep"}""");

        Assert.True(answer.IsSuccessStatusCode, page);
        Assert.Contains(deep, page, StringComparison.Ordinal);
        Assert.Contains(deep, await patched.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_internationalized_target_reads_back_as_given()
    {
        var customer = await api.CustomerAsync();

        var made = await customer.Admin.CallAsync(201, "POST /integrations", Minimum.Replace("example.com", "bücher.example", StringComparison.Ordinal));

        Assert.Equal("https://bücher.example/hook", made.Text("target"));
    }
}
