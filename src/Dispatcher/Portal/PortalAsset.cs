// The portal's own files. They are inside the binary, so that it serves them from wherever it is started.

using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Dispatcher.Portal;

internal sealed record PortalAsset(byte[] Content, string ContentType, EntityTagHeaderValue Tag)
{
    private static readonly Dictionary<string, PortalAsset> All = new(StringComparer.Ordinal)
    {
        ["portal.css"] = Load("portal.css", "text/css; charset=utf-8"),
        ["icon.svg"] = Load("icon.svg", "image/svg+xml"),
    };

    public static PortalAsset? Find(string name) => All.GetValueOrDefault(name);

    private static PortalAsset Load(string name, string contentType)
    {
        using var stream = typeof(PortalAsset).Assembly.GetManifestResourceStream($"portal/{name}")
            ?? throw new InvalidOperationException($"portal/{name} is not in this build.");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return new PortalAsset(content, contentType, new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\""));
    }
}
