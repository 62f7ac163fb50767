// What the form of an integration sends of its headers: values that were masked stay what they are, and a mask is never sent to a receiver.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Pages;

public sealed class MaskedHeadersTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Mask = "********";

    /// <summary>Changes of the headers A: one, B: two and C: three, and what the receiver gets then.</summary>
    public static TheoryData<string, string> Changes => new()
    {
        { """{"X-A":"********","X-B":"********","X-C":"********"}""", "X-A=one X-B=two X-C=three" },
        { """{"X-A":"********","X-B":null}""", "X-A=one X-C=three" },
        { """{"X-B":null,"X-Beta":"two"}""", "X-A=one X-Beta=two X-C=three" },
        { """{"X-A":"********","X-B":"changed"}""", "X-A=one X-B=changed X-C=three" },
        { """{"x-a":"********","X-B":null,"X-C":"********"}""", "X-A=one X-C=three" },
        { """{"X-A":null,"X-B":null,"X-C":null,"X-D":"four"}""", "X-D=four" },
        { "{}", "X-A=one X-B=two X-C=three" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_value_that_is_sent_back_masked_stays_whatever_becomes_of_the_others(string headers, string expected)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var id = await RegisterAsync(customer, receiver);
        using var visitor = await ComeAsync(customer);

        var changed = await visitor.Script.CallAsync(200, $"PATCH /portal/api/integrations/{id}", $$"""{"headers":{{headers}}}""");

        Assert.All(changed.GetProperty("headers").EnumerateObject(), h => Assert.Equal(Mask, h.Value.GetString()));
        Assert.Equal(expected, await SentAsync(customer, receiver), ignoreCase: true);
    }

    [Fact]
    public async Task Written_anew_with_masks_for_some_the_rest_is_gone()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var id = await RegisterAsync(customer, receiver);
        using var visitor = await ComeAsync(customer);

        await visitor.Script.CallAsync(
            200, $"PUT /portal/api/integrations/{id}", $$$"""{"type":"webhook","events":["*"],"target":"{{{receiver.Url}}}","headers":{"X-C":"********","X-D":"four"}}""");

        Assert.Equal("X-C=three X-D=four", await SentAsync(customer, receiver), ignoreCase: true);
    }

    [Fact]
    public async Task A_mask_without_a_value_behind_it_is_refused_by_the_headers_name_and_nothing_changes()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var id = await RegisterAsync(customer, receiver);
        using var visitor = await ComeAsync(customer);
        var put = $$$"""{"type":"webhook","events":["*"],"target":"{{{receiver.Url}}}","headers":{"X-A":"********","X-New":"********"}}""";

        foreach (var prefix in new[] { "/portal/api", "/portal/api/checks" })
        {
            await visitor.Script.RefusalAsync(422, $"PATCH {prefix}/integrations/{id}", """{"headers":{"X-New":"********"}}""", "headers.X-New");
            // A renamed header is a new one: nobody knows which value it should have.
            await visitor.Script.RefusalAsync(422, $"PATCH {prefix}/integrations/{id}", """{"headers":{"X-A":null,"X-Alpha":"********"}}""", "headers.X-Alpha");
            await visitor.Script.RefusalAsync(422, $"PATCH {prefix}/integrations/{id}", """{"basic_auth":{"username":"a","password":"********"}}""", "basic_auth.password");
            await visitor.Script.RefusalAsync(422, $"POST {prefix}/integrations", put, "headers.X-A", "headers.X-New");
        }

        await visitor.Script.RefusalAsync(422, $"PUT /portal/api/integrations/{id}", put, "headers.X-New");
        Assert.Equal("X-A=one X-B=two X-C=three", await SentAsync(customer, receiver), ignoreCase: true);
    }

    private static async Task<string> RegisterAsync(Customer customer, Receiver receiver) =>
        (await customer.RegisterAsync(receiver.Url, """ "headers":{"X-A":"one","X-B":"two","X-C":"three"} """)).Text("id");

    /// <summary>The static headers of the next delivery, in the order of their names.</summary>
    private static async Task<string> SentAsync(Customer customer, Receiver receiver)
    {
        await customer.PublishAsync();
        var received = Assert.Single(await receiver.WaitForAsync(1));
        return string.Join(' ', received.Headers.Where(h => h.Key.StartsWith("x-", StringComparison.OrdinalIgnoreCase))
            .OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase).Select(h => $"{h.Key}={h.Value}"));
    }

    private async Task<Visitor> ComeAsync(Customer customer)
    {
        var visitor = new Visitor(api.Operator);
        await visitor.EnterAsync((await customer.Admin.CallAsync(200, "POST /webhook")).Text("link"));
        return visitor;
    }
}
