// Payloads: the bytes that were given are the bytes that go out.

using System.Text;
using System.Text.Json;
using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class JsonPayloadTests
{
    [Fact]
    public void The_bytes_stay_as_they_were_given()
    {
        const string json = """{ "b" : 1.00,  "a":"\u00e9 é" }""";

        Assert.Equal(json, JsonPayload.FromText(json).ToString());
        Assert.Equal(json, JsonPayload.FromUtf8(Encoding.UTF8.GetBytes(json)).ToString());
        Assert.Equal(json, JsonPayload.FromElement(JsonDocument.Parse(json).RootElement).ToString());
    }

    [Fact]
    public void White_space_around_the_value_is_dropped() =>
        Assert.Equal("{ }", JsonPayload.FromText("\r\n { }\t\n").ToString());

    [Fact]
    public void A_value_of_the_callers_type_is_serialized_with_the_callers_metadata() =>
        Assert.Equal("""{"pages":3}""", JsonPayload.From(new { pages = 3 }, TypeInfoOf(new { pages = 3 })).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("{'a':1}")]
    [InlineData("{} // why")]
    public void What_is_not_one_JSON_value_is_refused(string text) =>
        Assert.Throws<ArgumentException>(() => JsonPayload.FromText(text));

    [Fact]
    public void An_element_that_was_never_parsed_is_refused() =>
        Assert.Throws<ArgumentException>(() => JsonPayload.FromElement(default));

    private static System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> TypeInfoOf<T>(T _) =>
        (System.Text.Json.Serialization.Metadata.JsonTypeInfo<T>)JsonSerializerOptions.Default.GetTypeInfo(typeof(T));
}
