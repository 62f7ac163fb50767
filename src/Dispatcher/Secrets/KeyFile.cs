// The key of a server that was given none: a file in the data folder, made at its first start.

using System.Security.Cryptography;
using Dispatcher.Platform;
using Dispatcher.Storage.Embedded;

namespace Dispatcher.Secrets;

/// <summary>
/// <c>encryption.key</c>: 32 random bytes in base64, readable for the server's user only. It lies beside the embedded PostgreSQL's
/// cluster, never in it: a copy of the cluster must not bring its key along.
/// </summary>
internal static class KeyFile
{
    public const string Name = "encryption.key";

    private const int KeyBytes = 32;

    /// <summary>Where the file is, or would be; null for a user without a home, where no folder is set either.</summary>
    public static string? PathFor(string? dataDirectory)
    {
        var folder = string.IsNullOrWhiteSpace(dataDirectory) ? DataFolder.DefaultPath() : Path.GetFullPath(dataDirectory);
        return folder is null ? null : Path.Combine(folder, Name);
    }

    /// <summary>The key's text; null where there is no such file.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or holds no key.</exception>
    public static string? Read(string path)
    {
        try
        {
            if (!File.Exists(path)) return null;
            var text = File.ReadAllText(path).Trim();
            if (text.Length >= EncryptionKey.MinTextLength) return text;
            throw new ConfigurationException($"{path} holds no key: restore it from a backup, or set Dispatcher__Encryption__Keys__0.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"{path}, with the key to the stored secrets, cannot be read: {e.Message} Make it readable for this user, or set " +
                "Dispatcher__Encryption__Keys__0 to what it holds.");
        }
    }

    /// <summary>Makes the file and gives the key's text; that of another process, if one makes it at the same time.</summary>
    /// <exception cref="ConfigurationException">It cannot be written.</exception>
    public static string Create(string? path)
    {
        try
        {
            if (path is null) throw new IOException("This user has no home folder.");
            var folder = Path.GetDirectoryName(path)!;
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else FileModes.CreateDirectory(folder, Environment.IsPrivilegedProcess ? FileModes.PassByAll : FileModes.EnterByOwner);
            return Write(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"There is no key to encrypt secrets with, and none can be kept in {path ?? "a data folder"}: {e.Message} Set " +
                "Dispatcher__Encryption__Keys__0 to 32 random bytes in base64 (openssl rand -base64 32), or Dispatcher__DataDirectory to a " +
                "folder that lasts.");
        }
    }

    /// <summary>Written whole and to the disk beside its place, then put there unless another process was first.</summary>
    private static string Write(string path)
    {
        var text = Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes));
        var fresh = $"{path}.{Guid.NewGuid():N}";
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) how.UnixCreateMode = FileModes.ReadByOwner;
        try
        {
            using (var file = new FileStream(fresh, how))
            {
                file.Write(System.Text.Encoding.ASCII.GetBytes(text + "\n"));
                file.Flush(flushToDisk: true);
            }

            File.Move(fresh, path, overwrite: false);
            return text;
        }
        catch (IOException) when (Read(path) is { } first)
        {
            return first;
        }
        finally
        {
            File.Delete(fresh);
        }
    }
}
