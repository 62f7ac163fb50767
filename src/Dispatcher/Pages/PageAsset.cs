// The faces' own files. They are inside the binary, so that it serves them from wherever it is started.

using System.Security.Cryptography;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Dispatcher.Pages;

internal sealed record PageAsset(byte[] Content, string ContentType, EntityTagHeaderValue Tag)
{
    private const string Folder = "pages/";

    private static readonly Dictionary<string, PageAsset> All = typeof(PageAsset).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
        .ToDictionary(name => name[Folder.Length..], Load, StringComparer.Ordinal);

    /// <summary>The answer to a request for a file.</summary>
    /// <exception cref="ProblemException">404: there is none of this name.</exception>
    public static FileContentHttpResult Serve(string name) =>
        All.TryGetValue(name, out var asset) ? asset.ToResult() : throw Problem.NotFound($"There is no file \"{name}\".").AsException();

    public static PageAsset Of(byte[] content, string extension) =>
        new(content, ContentTypeOf(extension), new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\""));

    public FileContentHttpResult ToResult() => TypedResults.Bytes(Content, ContentType, entityTag: Tag);

    private static PageAsset Load(string resource)
    {
        using var stream = typeof(PageAsset).Assembly.GetManifestResourceStream(resource)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return Of(content, System.IO.Path.GetExtension(resource));
    }

    private static string ContentTypeOf(string extension) => extension.ToLowerInvariant() switch
    {
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".png" => "image/png",
        ".webp" => "image/webp",
        _ => "application/octet-stream",
    };
}
