// Verifies ed25519 signatures with OpenSSL's libcrypto, which .NET on Linux uses for TLS: .NET itself has no ed25519.

using System.Reflection;
using System.Runtime.InteropServices;

namespace Dispatcher.Client;

/// <summary>A public key. Safe to share between threads; freed when nobody refers to it any more.</summary>
internal sealed partial class Ed25519PublicKey() : SafeHandle(0, ownsHandle: true)
{
    public const int KeyBytes = 32;
    public const int SignatureBytes = 64;

    private const string Library = "dispatcher-client-libcrypto";
    private const int Ed25519 = 1087; // EVP_PKEY_ED25519

    private static readonly string[] Names = ["libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"];

    static Ed25519PublicKey() => NativeLibrary.SetDllImportResolver(typeof(Ed25519PublicKey).Assembly, Resolve);

    public override bool IsInvalid => handle == 0;

    /// <param name="key">32 bytes.</param>
    /// <exception cref="PlatformNotSupportedException">This machine has no OpenSSL that knows ed25519.</exception>
    public static Ed25519PublicKey Of(ReadOnlySpan<byte> key)
    {
        try
        {
            var made = OperatingSystem.IsLinux() ? NewRawPublicKey(Ed25519, 0, key, (nuint)key.Length) : null;
            if (made is { IsInvalid: false })
                return made;
            if (made is not null)
                ErrClearError();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Said below.
        }

        throw new PlatformNotSupportedException("Signatures with 'whpk_' keys are verified on Linux only, with OpenSSL 1.1.1 or newer (libcrypto).");
    }

    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        using var digest = NewDigest();
        var isValid = !digest.IsInvalid
            && DigestVerifyInit(digest, 0, 0, 0, this) == 1
            && DigestVerify(digest, signature, (nuint)signature.Length, message, (nuint)message.Length) == 1;
        // What OpenSSL notes about it stays with the thread until somebody asks: it must not be somebody else.
        if (!isValid)
            ErrClearError();
        return isValid;
    }

    protected override bool ReleaseHandle()
    {
        FreeKey(handle);
        return true;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library)
            return 0;
        foreach (var candidate in Names)
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
                return handle;
        }

        return 0;
    }

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_public_key")]
    private static partial Ed25519PublicKey NewRawPublicKey(int type, nint engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    private static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    private static partial Digest NewDigest();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    private static partial void FreeDigest(nint digest);

    [LibraryImport(Library, EntryPoint = "EVP_DigestVerifyInit")]
    private static partial int DigestVerifyInit(Digest digest, nint context, nint type, nint engine, Ed25519PublicKey key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestVerify")]
    private static partial int DigestVerify(Digest digest, ReadOnlySpan<byte> signature, nuint signatureLength, ReadOnlySpan<byte> message, nuint length);

    [LibraryImport(Library, EntryPoint = "ERR_clear_error")]
    private static partial void ErrClearError();

    private sealed class Digest() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            FreeDigest(handle);
            return true;
        }
    }
}
