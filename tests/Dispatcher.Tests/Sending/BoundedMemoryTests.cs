// A receiver that answers with more than anyone wants costs no memory for it.

using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

/// <summary>Runs alone, because it measures what the whole process allocates.</summary>
[CollectionDefinition(nameof(BoundedMemoryTests), DisableParallelization = true)]
[Collection(nameof(BoundedMemoryTests))]
public sealed class BoundedMemoryTests
{
    private const int Chunks = 4_096;
    private const int ChunkBytes = 64 * 1024;

    [Fact]
    public async Task A_body_of_256_MiB_is_read_in_little_memory()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {(long)Chunks * ChunkBytes}\r\n\r\n");
            var chunk = new byte[ChunkBytes];
            for (var i = 0; i < Chunks; i++) await connection.Stream.WriteAsync(chunk, connection.Stop);
        });
        using var sender = Sender();
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var result = await sender.SendAsync(Target(receiver.Url), Message(), default);

        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal((long)Chunks * ChunkBytes, result.ResponseBytes);
        Assert.Equal(SendResult.MaxKeptBody, result.ResponseBody.Length);
        Assert.InRange(allocated, 0, 16 * 1024 * 1024);
    }
}
