// Processor time by kind of process, from /proc: on a machine that others share it says more than a rate does.
using System.Globalization;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>Seconds of processor time.</summary>
/// <param name="Servers">All server processes.</param>
/// <param name="Postgres">The postmaster and its children, those that have ended included.</param>
/// <param name="Receiver">The receiving end.</param>
/// <param name="Load">This program.</param>
/// <param name="Machine">Everything that ran on the machine, these four included.</param>
internal sealed record CpuTimes(double Servers, double Postgres, double Receiver, double Load, double Machine)
{
    public static CpuTimes operator -(CpuTimes left, CpuTimes right) => new(
        left.Servers - right.Servers, left.Postgres - right.Postgres, left.Receiver - right.Receiver, left.Load - right.Load,
        left.Machine - right.Machine);

    /// <summary>The share of one of <paramref name="count"/>.</summary>
    public CpuTimes Per(double count) => new(Servers / count, Postgres / count, Receiver / count, Load / count, Machine / count);
}

/// <summary>Reads the times of the processes of one benchmark.</summary>
internal sealed class CpuMeter(int receiver, int postmaster)
{
    /// <summary>What a tick of /proc is on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    // Places in /proc/PID/stat, counted from after the name in parentheses.
    private const int Parent = 1, User = 11, System = 12, ChildrenUser = 13, ChildrenSystem = 14;

    /// <summary>The times so far; null where there is no /proc.</summary>
    public CpuTimes? Read(IEnumerable<int> servers)
    {
        if (!File.Exists("/proc/self/stat")) return null;
        return new CpuTimes(
            servers.Sum(OfProcess), OfPostgres(), OfProcess(receiver), OfProcess(Environment.ProcessId), OfMachine());
    }

    private static double OfProcess(int process) => Stat(process) is { } stat ? Seconds(stat, User, System) : 0;

    // A backend that ends leaves its times with the postmaster.
    private double OfPostgres()
    {
        var sum = Stat(postmaster) is { } own ? Seconds(own, User, System, ChildrenUser, ChildrenSystem) : 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var process)) continue;
            if (Stat(process) is { } stat && int.Parse(stat[Parent], CultureInfo.InvariantCulture) == postmaster) sum += Seconds(stat, User, System);
        }

        return sum;
    }

    private static double OfMachine()
    {
        // cpu user nice system idle iowait irq softirq steal …
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Seconds(fields, 1, 2, 3, 6, 7);
    }

    private static double Seconds(string[] fields, params int[] places) =>
        places.Sum(place => long.Parse(fields[place], CultureInfo.InvariantCulture)) / TicksPerSecond;

    private static string[]? Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null; // It has just ended.
        }
    }
}
