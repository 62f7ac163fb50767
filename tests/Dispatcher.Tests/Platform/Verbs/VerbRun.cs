// Runs a verb in this process, as the command line would, and keeps what it prints.

using System.CommandLine;
using System.Text;
using System.Threading.Channels;
using Xunit;

namespace Dispatcher.Tests.Platform.Verbs;

/// <summary>A verb that is running or has run.</summary>
internal sealed class VerbRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _interrupt = new();
    private readonly Lines _output = new();
    private readonly Lines _error = new();
    private readonly Task<int> _exit;

    private VerbRun(Command verb, string[] arguments)
    {
        var parse = new RootCommand { verb }.Parse([verb.Name, .. arguments]);
        _exit = parse.InvokeAsync(new InvocationConfiguration { Output = _output, Error = _error }, _interrupt.Token);
    }

    public string Output => _output.All;

    public string Error => _error.All;

    public static VerbRun Start(Command verb, params string[] arguments) => new(verb, arguments);

    /// <summary>The next line of standard output; fails the test where none comes.</summary>
    public Task<string> OutputLineAsync() => _output.NextAsync();

    /// <summary>The next line of standard error.</summary>
    public Task<string> ErrorLineAsync() => _error.NextAsync();

    /// <summary>The exit code, once the verb has ended by itself.</summary>
    public Task<int> ExitCodeAsync() => _exit.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>What Ctrl+C does, and the exit code that it leads to.</summary>
    public async Task<int> InterruptAsync()
    {
        await _interrupt.CancelAsync();
        return await ExitCodeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await InterruptAsync();
        _interrupt.Dispose();
    }

    private sealed class Lines : TextWriter
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
        private readonly StringBuilder _all = new();
        private readonly StringBuilder _line = new();

        public override Encoding Encoding => Encoding.UTF8;

        public string All
        {
            get
            {
                lock (_all)
                    return _all.ToString();
            }
        }

        public override void Write(char value)
        {
            lock (_all)
            {
                _all.Append(value);
                if (value != '\n')
                {
                    _line.Append(value);
                    return;
                }

                _lines.Writer.TryWrite(_line.ToString().TrimEnd('\r'));
                _line.Clear();
            }
        }

        public async Task<string> NextAsync()
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            try
            {
                return await _lines.Reader.ReadAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"No further line came. So far: {All}");
                throw;
            }
        }
    }
}
