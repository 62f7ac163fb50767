// The version of this binary, as it tells others.

using System.Reflection;

namespace Dispatcher.Platform;

internal static class ServerVersion
{
    /// <summary>For example <c>0.1.0</c>.</summary>
    public static string Text { get; } =
        typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public static string UserAgent { get; } = "Dispatcher/" + Text;
}
