// Signals to processes that a test has started itself.

using System.Runtime.InteropServices;

namespace Dispatcher.Tests.Support;

/// <summary>POSIX signals whose numbers Linux and macOS share; <see cref="Stop"/> and <see cref="Continue"/> differ.</summary>
internal static class Signals
{
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;

    public static int Stop => OperatingSystem.IsMacOS() ? 17 : 19;
    public static int Continue => OperatingSystem.IsMacOS() ? 19 : 18;

    /// <summary>Sends a signal; false when there is no such process any more.</summary>
    public static bool Send(int process, int signal)
    {
        // 0 and negative numbers mean groups of processes, ours among them.
        ArgumentOutOfRangeException.ThrowIfLessThan(process, 2);
        return SendSignal(process, signal) == 0;
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int process, int signal);
}
