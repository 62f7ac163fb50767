// Shows speed: starts PostgreSQL, the server and a receiver, drives the server through its HTTP contract, verifies that every event
// arrived exactly as sent and was recorded, and prints one table. Exit code 0: all verified; 1: something was not; 2: bad arguments.
using System.Runtime.InteropServices;
using Dispatcher.Benchmarks;
using Dispatcher.Benchmarks.Figures;
using Dispatcher.Benchmarks.Harness;

if (args is [BenchOptions.ReceiveVerb])
{
    await Receiver.RunAsync();
    return 0;
}

IBenchmark[] benchmarks =
[
    new RawBenchmark(),
    new DrainBenchmark(),
    PublishBenchmark.Single,
    PublishBenchmark.Batch,
    new LatencyBenchmark(),
    new NeighbourBenchmark(),
    new NodesBenchmark(),
    new BloatBenchmark(),
    new BacklogBenchmark(),
    new HangfireBenchmark(),
    new PagesBenchmark(),
];
var verbs = benchmarks.Select(benchmark => benchmark.Verb).ToList();
if (BenchOptions.Parse(args, verbs, out var problem) is not { } options)
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(BenchOptions.Usage(verbs));
    return 2;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var report = new Report();
try
{
    await using var lab = await Lab.OpenAsync(options, stop.Token);
    foreach (var benchmark in benchmarks.Where(benchmark => options.Verb is BenchOptions.AllVerb || options.Verb == benchmark.Verb))
        await RunAsync(benchmark, lab);
    report.Print(Console.Out, lab.Facts());
    return report.Verified ? 0 : 1;
}
catch (Exception) when (stop.IsCancellationRequested)
{
    // Whatever it is, it is the stopping: on a terminal Ctrl+C reaches the children as well.
    Console.Error.WriteLine("Stopped.");
    return 130;
}

// A figure that cannot be measured is a failed line; the others still are.
async Task RunAsync(IBenchmark benchmark, Lab lab)
{
    Console.Error.WriteLine($"{benchmark.Verb} …");
    try
    {
        await benchmark.RunAsync(lab, report, stop.Token);
    }
    catch (Exception e) when (!stop.IsCancellationRequested)
    {
        report.Fail(benchmark.Main, [e is OperationCanceledException ? "ran out of time" : e.Message]);
    }
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
