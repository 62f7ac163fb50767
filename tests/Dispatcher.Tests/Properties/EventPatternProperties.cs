// Event types and patterns: the same rule in the code, in the database and in a few words here.

using System.Text.RegularExpressions;
using Dispatcher.Events;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;

namespace Dispatcher.Tests.Properties;

public sealed partial class EventPatternProperties(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>Few letters and short words, so that types and patterns meet often.</summary>
    private static readonly Gen<string> Type = Inputs.From("abA_-", 1, 2).ArrayOf().Where(words => words.Length is >= 1 and <= 5).Select(words => string.Join('.', words));

    private static readonly Gen<string> Pattern = Gen.Frequency(
        (1, Gen.Constant("*")), (3, Type), (3, Type.Select(type => type + ".*")));

    private static readonly Gen<string> NearlyAType = Gen.OneOf(Inputs.From("ab.*_- é", 0, 8), Inputs.Garbage(10), Inputs.From("ab.", 126, 131));

    [Fact]
    public void A_type_is_words_of_letters_digits_dash_and_underscore_joined_by_dots() =>
        Property.Holds(Gen.OneOf(NearlyAType, Type), text => Assert.Equal(text.Length <= 128 && TypeForm().IsMatch(text), EventNames.IsType(text)), runs: 2000);

    [Fact]
    public void A_pattern_is_a_type_or_a_star_or_a_type_with_dot_star() =>
        Property.Holds(
            Gen.OneOf(NearlyAType, Pattern, NearlyAType.Select(text => text + ".*")),
            text => Assert.Equal(text.Length <= 128 && PatternForm().IsMatch(text), EventNames.IsPattern(text)), runs: 2000);

    [Fact]
    public void A_pattern_takes_its_own_type_and_a_prefix_takes_all_below_it_but_not_itself() => Property.Holds(
        Gen.Zip(Type, Type), x =>
        {
            Assert.True(EventNames.Matches(x.Item1, x.Item1));
            Assert.True(EventNames.Matches("*", x.Item1));
            Assert.True(EventNames.Matches($"{x.Item1}.*", $"{x.Item1}.{x.Item2}"));
            Assert.False(EventNames.Matches($"{x.Item1}.*", x.Item1));
            Assert.False(EventNames.Matches($"{x.Item1}.*", $"{x.Item1}{x.Item2}"));
        });

    [Fact]
    public async Task The_database_takes_what_the_code_takes()
    {
        var pairs = Property.Draw(Gen.Zip(Pattern, Type), 3000);
        await using var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT dispatcher.subscribes(NULL, NULL, ARRAY[p.pattern], NULL, NULL, dispatcher.event_patterns(p.type))
            FROM unnest($1, $2) WITH ORDINALITY AS p (pattern, type, n) ORDER BY n
            """, connection);
        command.Parameters.AddWithValue(Array.ConvertAll(pairs, p => p.Item1));
        command.Parameters.AddWithValue(Array.ConvertAll(pairs, p => p.Item2));
        await using var reader = await command.ExecuteReaderAsync();

        var taken = 0;
        foreach (var (pattern, type) in pairs)
        {
            Assert.True(await reader.ReadAsync());
            Assert.True(EventNames.Matches(pattern, type) == reader.GetBoolean(0), $"{Chance.Replay}: {pattern} and {type}");
            taken += reader.GetBoolean(0) ? 1 : 0;
        }

        Assert.InRange(taken, pairs.Length / 20, pairs.Length * 19 / 20);
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z")]
    private static partial Regex TypeForm();

    [GeneratedRegex(@"\A(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)\z")]
    private static partial Regex PatternForm();
}
