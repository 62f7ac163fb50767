// The few functions of OpenSSL that make ed25519 signatures. On Linux .NET itself uses this library, for TLS.

using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Dispatcher.Signing;

/// <summary>OpenSSL's libcrypto, 3 or 1.1.1.</summary>
internal static partial class LibCrypto
{
    public const int SignatureBytes = 64;

    private const string Library = "dispatcher-libcrypto";
    private const int Ed25519 = 1087; // EVP_PKEY_ED25519

    // Its newest name first: where .NET has loaded it, that is the one in use already.
    private static readonly string[] Names = ["libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"];

    private static readonly Lazy<bool> Available = new(Probe);

    static LibCrypto() => NativeLibrary.SetDllImportResolver(typeof(LibCrypto).Assembly, Resolve);

    /// <summary>Whether the library is there and knows ed25519. A library may lack it: old ones, and those that are restricted by policy.</summary>
    public static bool IsAvailable => Available.Value;

    private static bool Probe()
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            using var key = Key.OfSeed(new byte[32]);
            key.Sign([], stackalloc byte[SignatureBytes]);
            return key.PublicKey().Length == 32;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or CryptographicException)
        {
            return false;
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library) return 0;
        foreach (var candidate in Names)
            if (NativeLibrary.TryLoad(candidate, out var handle)) return handle;
        return 0;
    }

    /// <summary>The errors of a call stay with the thread until somebody asks for them. It must not be somebody else.</summary>
    private static CryptographicException Failed(string function)
    {
        ErrClearError();
        return new CryptographicException($"OpenSSL's {function} failed.");
    }

    /// <summary>A key pair. Freed when nobody refers to it any more.</summary>
    public sealed class Key() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        /// <param name="seed">32 bytes.</param>
        public static Key OfSeed(ReadOnlySpan<byte> seed)
        {
            var key = NewRawPrivateKey(Ed25519, 0, seed, (nuint)seed.Length);
            return key.IsInvalid ? throw Failed("EVP_PKEY_new_raw_private_key") : key;
        }

        public byte[] PublicKey()
        {
            var bytes = new byte[32];
            var length = (nuint)bytes.Length;
            return GetRawPublicKey(this, bytes, ref length) == 1 && length == 32 ? bytes : throw Failed("EVP_PKEY_get_raw_public_key");
        }

        /// <param name="message">What is signed.</param>
        /// <param name="signature"><see cref="SignatureBytes"/> bytes.</param>
        public void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(signature.Length, SignatureBytes);
            using var digest = NewDigest();
            if (digest.IsInvalid || DigestSignInit(digest, 0, 0, 0, this) != 1) throw Failed("EVP_DigestSignInit");
            var length = (nuint)signature.Length;
            if (DigestSign(digest, signature, ref length, message, (nuint)message.Length) != 1 || length != SignatureBytes) throw Failed("EVP_DigestSign");
        }

        protected override bool ReleaseHandle()
        {
            FreeKey(handle);
            return true;
        }
    }

    private sealed class Digest() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            FreeDigest(handle);
            return true;
        }
    }

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_private_key")]
    private static partial Key NewRawPrivateKey(int type, nint engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get_raw_public_key")]
    private static partial int GetRawPublicKey(Key key, Span<byte> bytes, ref nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    private static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    private static partial Digest NewDigest();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    private static partial void FreeDigest(nint digest);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSignInit")]
    private static partial int DigestSignInit(Digest digest, nint context, nint type, nint engine, Key key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSign")]
    private static partial int DigestSign(Digest digest, Span<byte> signature, ref nuint signatureLength, ReadOnlySpan<byte> message, nuint length);

    [LibraryImport(Library, EntryPoint = "ERR_clear_error")]
    private static partial void ErrClearError();
}
