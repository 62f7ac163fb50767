// Tests that start whole servers as processes: one at a time, so that they do not take the machine from each other.

namespace Dispatcher.Tests.Faults;

[CollectionDefinition(Name)]
public sealed class ProcessTests
{
    public const string Name = "processes";
}
