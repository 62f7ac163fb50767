// What nobody should send: JSON, text, paths, queries and headers that programs trip over. All of it from one source of chance.

using System.Globalization;
using System.Text;

namespace Dispatcher.Tests.Fuzz;

internal sealed class Garbage(Random random)
{
    /// <summary>JSON strings as they stand in a body, quotes and escapes included: some of them can stand in JSON and nowhere else.</summary>
    private static readonly string[] Strings =
    [
        "\"\"", "\" \"", "\"a\"", "\"a.b\"", "\"*\"", "\"a.*\"", "\"**\"", "\"null\"", "\"0\"", "\"-1\"", "\"true\"", "\"default\"", "\"webhook\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\udc00\\ud800\"", "\"a\\ud83d\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\u001f\"", "\"\\u007f\"", "\"\\r\\nX: y\"",
        "\"\\u202e\\u200fabc\"", "\"\\ufeff\"", "\"\\uffff\"", "\"שלום العالم\"", "\"日本語\"", "\"🙂👩‍👩‍👧‍👦🏴‍☠️\"", "\"e\\u0301\"", "\"İıſK\"",
        "\"'; DROP TABLE dispatcher.event; --\"", "\"%s%n%x\"", "\"{0}\"", "\"${jndi:ldap://127.0.0.1}\"", "\"<script>alert(1)</script>\"", "\"../../etc/passwd\"",
        "\"********\"", "\"int_00000000000070008000000000000000\"", "\"evt_ffffffffffffffffffffffffffffffff\"", "\"int_\"",
        "\"http://127.0.0.1:9/\"", "\"http://[::1]/\"", "\"http://0x7f.1/\"", "\"http://a@b/\"", "\"http:/x\"", "\"https://ü.example/\"", "\"javascript:1\"", "\"http://%00/\"",
        "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", "\"whsec_\"", "\"whsec_====\"",
        "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999Z\"", "\"9999-12-31T23:59:59-14:00\"", "\"2023-02-30T00:00:00Z\"", "\"2023-10-01\"", "\"1969-12-31T23:59:59Z\"",
    ];

    private static readonly string[] Numbers =
    [
        "0", "-0", "1", "-1", "0.1", "1.0", "1e1", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "1e308", "1e309", "-1e309", "1e999999",
        "1e-999999", "5e-324", "0.1e-400", "123456789012345678901234567890123456789012345678901234567890", "3.0000000000000000000000000000000000001",
    ];

    /// <summary>What is no JSON at all.</summary>
    private static readonly string[] NotJson =
    [
        "", " ", "{", "}", "[", "[]]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "nul", "NaN", "Infinity", "01", "1.", ".5", "+1", "0x10", "\"", "\"\\x\"", "\"\\u12\"",
        "\"\n\"", "// a\n{}", "{}{}", "{}\0", "<a/>", "a=b&c=d", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--",
    ];

    private static readonly string[] PathPieces =
    [
        "%ff", "%c0%af", "%e2%82", "%ed%a0%80", "%", "%zz", "%2", "%2e%2e", "..", ".", "%2F", "%5C", "%25", "%20", "+", ";a=b", "~", "*", ":", "@", "null", "0", "-1", "%7B%7D",
        "int_", "int_00000000000070008000000000000000", "dlv_00000000000070008000000000000000", "evt_ffffffffffffffffffffffffffffffff", "int_0000000000007000800000000000000g", "%C3%BC", "%F0%9F%99%82",
    ];

    private static readonly string[] Members =
    [
        "", "a", "type", "Type", "id", "payload", "$schema", "__proto__", "constructor", "a.b", "a[0]", "é", "\\u0000", "\\ud800", "\\u0074ype", "status", "secret", "organization_id", "created_at",
    ];

    private static readonly string[] HeaderNames =
    [
        "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cookie", "Date", "From", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
        "Range", "Referer", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-HTTP-Method-Override", "X-Original-URL", "Origin",
        "traceparent", "tracestate", "baggage", "Forwarded", "Pragma", "Cache-Control", "Prefer", "X-Request-Id", "x-api-key", "Content-Language", "Content-Encoding", "Content-Disposition",
    ];

    private static readonly string[] ContentTypes =
    [
        "application/json; charset=utf-16", "application/json;;;", "application/x-ndjson", "application/x-ndjson; x=\"", "text/plain", "text/xml", "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded", "application/problem+json", "a", "/", "*/*", "application/json, text/plain", "🙂/é", ";", "application/merge-patch+json",
    ];

    public bool Once(int inHowMany) => random.Next(inHowMany) == 0;

    public int Upto(int exclusive) => random.Next(exclusive);

    public T Of<T>(IReadOnlyList<T> choices) => choices[random.Next(choices.Count)];

    /// <summary>Any JSON value, sometimes a very deep or a very long one.</summary>
    public string Json(int depth = 0) => random.Next(depth > 3 ? 6 : 10) switch
    {
        0 => Of(["null", "true", "false"]),
        1 or 2 => Of(Numbers),
        3 or 4 => Of(Strings),
        5 => Once(4) ? Long() : Of(Strings),
        6 => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Json(depth + 1)))}]",
        7 when Once(6) => Deep(),
        7 => "[]",
        _ => Object(depth),
    };

    public string Member() => Of(Members);

    public string NoJson() => Of(NotJson);

    public string ContentType() => Of(ContentTypes);

    /// <summary>JSON text with a few of its bytes lost, doubled or exchanged.</summary>
    public byte[] Damaged(string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json).ToList();
        for (var i = random.Next(1, 4); i > 0 && bytes.Count > 0; i--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes.RemoveRange(at, bytes.Count - at); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.Insert(at, (byte)random.Next(256)); break;
                case 3: bytes.RemoveAt(at); break;
                default: bytes.InsertRange(0, [0xef, 0xbb, 0xbf]); break;
            }
        }

        return [.. bytes];
    }

    public byte[] Bytes()
    {
        var bytes = new byte[random.Next(200)];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A segment of a path, percent-encoded or meant to be.</summary>
    public string Segment() => Once(12) ? new string('a', random.Next(200, 3000)) : Of(PathPieces);

    /// <summary>A value in a query, likewise. U+0000 too.</summary>
    public string QueryValue() => random.Next(4) switch
    {
        0 => Segment(),
        1 => Uri.EscapeDataString(Of(Strings).Trim('"')),
        2 => Of(Numbers),
        _ => Of(["", "%00", "a%00b", "a&a=b", "true", "[]", "2023-10-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2023-10-01T00:00:00+01:00", "AAAA", "pending", "lost"]),
    };

    /// <summary>A header as HTTP allows it: what breaks HTTP itself is answered before there is a request.</summary>
    public (string Name, string Value) Header() => (Of(HeaderNames), HeaderValue());

    public string HeaderValue() => random.Next(5) switch
    {
        0 => "",
        1 => "é日🙂",
        2 => new string('x', random.Next(1, 2000)),
        3 => Of(["*", "*/*;q=x", "a, b;;, \"", "bytes=0-0", "Bearer", "Basic OnB3", "gzip, br;q=a", "W/\"x", "Thu, 99 Foo 9999", "00-0-0-0", "\t\u007e", "=?utf-8?q?a?="]),
        _ => random.Next().ToString(CultureInfo.InvariantCulture),
    };

    private string Object(int depth) =>
        $"{{{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => $"\"{Member()}\":{Json(depth + 1)}"))}}}";

    private string Long() => random.Next(4) switch
    {
        0 => $"\"{new string('a', random.Next(120, 140))}\"",
        1 => $"\"{new string('a', random.Next(200, 9000))}\"",
        2 => $"\"{string.Concat(Enumerable.Repeat("\\u00e9", random.Next(100, 300)))}\"",
        _ => $"[{string.Join(',', Enumerable.Repeat("1", random.Next(90, 1100)))}]",
    };

    private string Deep()
    {
        var depth = random.Next(2) == 0 ? random.Next(55, 68) : random.Next(500, 5000);
        return Once(2)
            ? new string('[', depth) + new string(']', depth)
            : string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
    }
}
