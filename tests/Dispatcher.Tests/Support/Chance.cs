// Chance that can be repeated: what random tests draw from, and how much they draw.

using System.Globalization;
using System.Security.Cryptography;

namespace Dispatcher.Tests.Support;

/// <summary>
/// Random tests take the same course on every run, so that a failure is one for everybody. <c>DISPATCHER_TEST_SEED=random</c>, or a
/// number, has them take another one, and <c>DISPATCHER_TEST_EFFORT=20</c> try twenty times as much. A failure names its seed.
/// </summary>
internal static class Chance
{
    private const ulong Usual = 20_260_101;

    public static ulong Seed { get; } = Environment.GetEnvironmentVariable("DISPATCHER_TEST_SEED") switch
    {
        null or "" => Usual,
        "random" => (ulong)RandomNumberGenerator.GetInt32(int.MaxValue),
        var text => ulong.Parse(text, CultureInfo.InvariantCulture),
    };

    public static int Effort { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("DISPATCHER_TEST_EFFORT"), CultureInfo.InvariantCulture, out var effort) ? effort : 1;

    /// <summary>How to have the same again, for messages of failures.</summary>
    public static string Replay => $"DISPATCHER_TEST_SEED={Seed} gives the same again";
}
