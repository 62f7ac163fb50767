// The keys that this server has to the stored secrets, and where each comes from.

using Dispatcher.Platform;

namespace Dispatcher.Secrets;

/// <summary>
/// The first key encrypts: the first of <c>Dispatcher:Encryption:Keys</c>, else the operator key, else the key file. All others only
/// decrypt, also the operator key and the key file where further keys are configured: what they served for is still to be read.
/// </summary>
internal sealed partial class EncryptionKeys
{
    private readonly List<Source> _sources = [];
    private readonly string? _file;

    /// <exception cref="ConfigurationException">There is no key, and none can be made.</exception>
    public EncryptionKeys(DispatcherOptions options, ILogger<EncryptionKeys> logger)
    {
        foreach (var (text, i) in options.Encryption.Keys.Select((t, i) => (t, i))) _sources.Add(new($"Dispatcher__Encryption__Keys__{i}", text));
        if (options.OperatorKey is { } operatorKey) _sources.Add(new("Dispatcher__OperatorKey", operatorKey));
        _file = KeyFile.PathFor(options.DataDirectory);
        if (_sources.Count > 0) AddFormerFile();
        else if (_file is not null && KeyFile.Read(_file) is { } kept)
        {
            _sources.Add(new(_file, kept));
            LogFile(logger, _file);
        }
        else
        {
            _sources.Add(new(_file!, KeyFile.Create(_file)));
            LogFileMade(logger, _file!);
        }

        First = EncryptionKey.Of(_sources[0].Text);
    }

    /// <summary>The key that encrypts.</summary>
    public EncryptionKey First { get; }

    /// <summary>The key of that id; null where it is none of ours.</summary>
    public EncryptionKey? Find(string id)
    {
        // The others are derived only where something asks for them.
        foreach (var source in _sources)
            if (EncryptionKey.Of(source.Text) is var key && key.Id == id) return key;
        return null;
    }

    /// <summary>Where another key is set, a file that cannot be read is none: should its key be needed, the start says so.</summary>
    private void AddFormerFile()
    {
        try
        {
            if (_file is not null && KeyFile.Read(_file) is { } kept) _sources.Add(new(_file, kept));
        }
        catch (ConfigurationException)
        {
            // As if it were not there.
        }
    }

    /// <summary>Our keys by id and origin, and what to do about one that is missing.</summary>
    public string HowToGive()
    {
        var known = string.Join(", ", _sources.Select(s => $"{EncryptionKey.Of(s.Text).Id} from {s.Origin}"));
        return $"This server has the key {known}. Set Dispatcher__Encryption__Keys__1 to the text of the missing key, behind the new one as " +
            "Dispatcher__Encryption__Keys__0 (where no keys were set, the operator key of that time was the key)" +
            (_file is null ? "." : $", or restore {_file}.");
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Secrets in the database are encrypted with the key in {File}")]
    private static partial void LogFile(ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "No encryption key is set: made one in {File}. Without it the signing secrets in the database are lost: back it up apart from the database, " +
        "and give it to every other node, or set Dispatcher__Encryption__Keys__0")]
    private static partial void LogFileMade(ILogger logger, string file);

    private sealed record Source(string Origin, string Text);
}
