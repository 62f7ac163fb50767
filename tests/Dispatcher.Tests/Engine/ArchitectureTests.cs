// The arrows between the rooms: the way of the data, with no turning back.

using System.Reflection;
using Dispatcher.Dispatching;
using Dispatcher.Platform;

namespace Dispatcher.Tests.Engine;

public sealed class ArchitectureTests
{
    private static readonly string[] Web = ["Microsoft.AspNetCore"];
    private static readonly string[] Database = ["Npgsql", "Microsoft.EntityFrameworkCore", "System.Data"];

    private static readonly Type[] All = [.. typeof(Server).Assembly.GetTypes().Where(t => t.DeclaringType is null)];

    [Theory]
    [InlineData("Signing", "")]
    [InlineData("Retries", "")]
    [InlineData("Sending", "Signing Retries")]
    public void Signing_retries_and_sending_know_neither_web_nor_database_nor_the_rooms_before_them(string room, string mayKnow)
    {
        AssertKnowsOnly(room, mayKnow);
        AssertKnowsNothingOf(room, [.. Web, .. Database]);
    }

    [Theory]
    [InlineData("Intake", "Dispatching Platform Statistics")]
    [InlineData("Dispatching", "Intake Retries Secrets Sending Signing Platform Storage Access Statistics Auditing")]
    public void The_engine_knows_no_endpoints_and_none_of_the_rooms_that_use_it(string room, string mayKnow)
    {
        AssertKnowsOnly(room, mayKnow);
        AssertKnowsNothingOf(room, ["Microsoft.AspNetCore.Builder", "Microsoft.AspNetCore.Http", "Microsoft.AspNetCore.Routing"]);
    }

    [Theory]
    [InlineData("Recoveries", "Access Dispatching Platform Auditing Statistics")]
    [InlineData("Auditing", "Access Platform")]
    public void A_room_that_uses_the_engine_knows_no_other_that_does(string room, string mayKnow) => AssertKnowsOnly(room, mayKnow);

    [Theory]
    [InlineData("Pages", "Access Auditing Deliveries Events Integrations Platform Recoveries Retries Sending Signing Statistics Storage")]
    [InlineData("Portal", "Pages Access Platform")]
    [InlineData("Dashboard", "Pages Access Auditing Deliveries Operating Platform Recoveries Statistics Storage")]
    public void Pages_show_what_other_rooms_hold_and_know_nothing_of_the_engine(string room, string mayKnow) => AssertKnowsOnly(room, mayKnow);

    [Fact]
    public void Statistics_are_counted_for_rooms_that_they_do_not_know() => AssertKnowsOnly("Statistics", "Sending Platform Storage Access");

    [Fact]
    public void Only_the_server_knows_the_endpoint_files()
    {
        var apis = All.Where(t => t.Name.EndsWith("Api", StringComparison.Ordinal)).ToHashSet();
        Assert.NotEmpty(apis);

        var known = from type in All
                    where type != typeof(Server)
                    from other in ReferencesOf(type).Where(other => other != type && apis.Contains(other))
                    select $"{type} -> {other}";

        Assert.Empty(known);
    }

    [Fact]
    public void Nobody_knows_portal_dashboard_or_program_except_the_server_that_puts_them_together()
    {
        var known = from type in All
                    where type != typeof(Server) && type.Name != "Program"
                    from other in ReferencesOf(type)
                    where other.Name == "Program" || (RoomOf(other) is "Portal" or "Dashboard" && RoomOf(other) != RoomOf(type))
                    select $"{type} -> {other}";

        Assert.Empty(known);
    }

    [Fact]
    public void The_test_sees_what_methods_do_and_not_only_their_signatures()
    {
        // In the bodies of asynchronous methods, of lambdas, and as a type argument.
        Assert.Contains(typeof(Dispatcher.Sending.WebhookSender), ReferencesOf(typeof(Lane)));
        Assert.Contains(typeof(Dispatcher.Retries.RetrySchedule), ReferencesOf(typeof(FinishedAttempt)));
        Assert.Contains(typeof(Npgsql.NpgsqlConnection), ReferencesOf(typeof(Recorder)));
        Assert.Contains(typeof(Jobs.JobsApi), ReferencesOf(typeof(Server)));
    }

    private static void AssertKnowsOnly(string room, string mayKnow)
    {
        var allowed = mayKnow.Split(' ').Append(room).ToHashSet();
        var known = from type in TypesOf(room)
                    from other in ReferencesOf(type)
                    where RoomOf(other) is { } of && !allowed.Contains(of)
                    select $"{type} -> {other}";
        Assert.Empty(known);
    }

    private static void AssertKnowsNothingOf(string room, string[] namespaces)
    {
        var known = from type in TypesOf(room)
                    from other in ReferencesOf(type)
                    where namespaces.Any(n => other.Namespace == n || other.Namespace?.StartsWith(n + ".", StringComparison.Ordinal) == true)
                    select $"{type} -> {other}";
        Assert.Empty(known);
    }

    private static Type[] TypesOf(string room)
    {
        var types = All.Where(t => RoomOf(t) == room).ToArray();
        Assert.NotEmpty(types);
        return types;
    }

    /// <summary>The first folder of a type of the server; null for others' types, and for what the compiler makes.</summary>
    private static string? RoomOf(Type type) =>
        type.Assembly == typeof(Server).Assembly && type.Namespace?.Split('.') is ["Dispatcher", var room, ..] ? room : null;

    /// <summary>What a type and all that is nested in it refers to, as outermost types.</summary>
    private static HashSet<Type> ReferencesOf(Type type)
    {
        var found = new HashSet<Type>();
        var inside = new Stack<Type>([type]);
        while (inside.TryPop(out var next))
        {
            foreach (var nested in next.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic)) inside.Push(nested);
            foreach (var other in TypeReferences.Of(next)) found.Add(Outermost(other));
        }

        return found;
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
