// How long organizations' data is kept.

namespace Dispatcher.Access;

internal static class Retention
{
    /// <summary>The days that a retention may have: few, because each one in use has partitions of its own (migrations/0001).</summary>
    public static readonly short[] Classes = [1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650];
}
