// raw: the yardstick by itself.
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

internal sealed class RawBenchmark : IBenchmark
{
    private const int Posts = 300_000;

    public string Verb => "raw";

    public Figure Main { get; } = new("raw: bare signed HttpClient loop, 64 workers", "POST/s");

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var raw = await lab.Raw.MeasureAsync(lab.Options.Count ?? Posts, cancellationToken);
            report.Add(new Sample(Main, raw.Rate, null, null, raw.Problems));
        }
    }
}
