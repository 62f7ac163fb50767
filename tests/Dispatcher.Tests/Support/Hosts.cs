// The hosts that have deliveries sent, and whether the build under test has the one that is optional.

using Dispatcher.Platform;

namespace Dispatcher.Tests.Support;

internal static class Hosts
{
    public const string InProcess = "inprocess";
    public const string Hangfire = "hangfire";

    /// <summary>The setting, as processes take it.</summary>
    public const string Setting = "Dispatcher__Host";

    /// <summary>Skips the test, aloud, where the build has no Hangfire host.</summary>
    public static void RequireHangfire() => Assert.SkipUnless(
        HangfireSeam.IsIncluded, "This build has no Hangfire host: its packages come from NuGet with 'dotnet build -p:Hangfire=true'.");
}
