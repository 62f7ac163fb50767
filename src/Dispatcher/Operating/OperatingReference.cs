// What the API reference says of nodes and settings.

using Dispatcher.Platform;

namespace Dispatcher.Operating;

internal static class OperatingReference
{
    public static readonly Operation ListNodes = new(
        "listNodes", "List the server's nodes, newest first",
        "The processes that are registered at the database, and what each had in hand at its last heartbeat. One that stopped is gone from the list at " +
        "once, one that was killed after some seconds. A process whose connection broke in the middle of a statement is there twice until it has finished what " +
        "it took under its first id. Changes nothing.");

    public static readonly Operation Settings = new(
        "getSettings", "Read the effective configuration",
        "Every setting of the node that answers, with its default. Of secrets it says only whether they are set, of connection strings only where they lead. " +
        "Changes nothing.");
}
