// The key of a server that was given none.

using Dispatcher.Platform;
using Dispatcher.Secrets;
using Dispatcher.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatcher.Tests.Secrets;

public sealed class KeyFileTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("dispatcher-key-");

    private string Folder => Path.Combine(_parent.FullName, "data");
    private string File => Path.Combine(Folder, "encryption.key");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void It_is_made_once_with_32_random_bytes_that_only_its_owner_can_read()
    {
        var first = Keys().First.Id;

        var text = System.IO.File.ReadAllText(File).Trim();
        Assert.Equal(32, Convert.FromBase64String(text).Length);
        if (!OperatingSystem.IsWindows()) Assert.Equal(FileModes.ReadByOwner, System.IO.File.GetUnixFileMode(File));
        Assert.Equal(first, Keys().First.Id);
        Assert.Equal(text, System.IO.File.ReadAllText(File).Trim());
        Assert.Single(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public void Processes_that_make_it_at_once_have_the_same_key()
    {
        var made = new string[8];

        Parallel.For(0, made.Length, i => made[i] = KeyFile.Create(File));

        Assert.Single(made.Distinct());
        Assert.Equal(made[0], KeyFile.Read(File));
        Assert.Single(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public void A_file_without_a_key_is_refused_by_its_name()
    {
        Directory.CreateDirectory(Folder);
        System.IO.File.WriteAllText(File, "\n");

        Assert.Contains(File, Assert.Throws<ConfigurationException>(Keys).Message, StringComparison.Ordinal);
        // Where it is not needed it is in nobody's way.
        Assert.NotNull(Keys("an-operator-key-of-later").First);
    }

    [Fact]
    public void Where_none_can_be_kept_the_setting_is_named()
    {
        System.IO.File.WriteAllText(Folder, "in the way of the folder");

        var refused = Assert.Throws<ConfigurationException>(Keys);

        Assert.Contains("Dispatcher__Encryption__Keys__0", refused.Message, StringComparison.Ordinal);
        Assert.Contains(Folder, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_is_given_a_key_later_still_has_what_the_file_holds()
    {
        var made = Keys().First.Id;

        var keys = Keys("an-operator-key-of-later");

        Assert.NotEqual(made, keys.First.Id);
        Assert.Equal(made, keys.Find(made)?.Id);
    }

    private EncryptionKeys Keys() => Keys(null);

    private EncryptionKeys Keys(string? operatorKey) =>
        new(new DispatcherOptions { OperatorKey = operatorKey, DataDirectory = Folder }, NullLogger<EncryptionKeys>.Instance);
}
