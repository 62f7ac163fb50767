// A face of the server: what people look at, below one path. The portal and the dashboard differ in who is let in, and in nothing here.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Platform;

namespace Dispatcher.Pages;

/// <summary>Endpoint metadata: a page that is shown only to who has a session of its face.</summary>
internal sealed record NeedsSession
{
    public static readonly NeedsSession Instance = new();
}

/// <summary>Endpoint metadata: something of a face, for browsers. The API's rules for credentials, lists and errors are not about it.</summary>
internal sealed record OfFace
{
    public static readonly OfFace Instance = new();
}

/// <summary>Pages below a path, for who has a session there.</summary>
internal abstract class Face(DispatcherOptions options)
{
    /// <summary>Where the API is mounted for the face's own script, below its path. See <see cref="FaceApi"/>.</summary>
    public const string Api = "/api";

    protected DispatcherOptions Options { get; } = options;

    /// <summary>Such as <c>/portal</c>.</summary>
    public abstract string Path { get; }

    /// <summary>Pages that may show this face in a frame, beside its own.</summary>
    public virtual IEnumerable<string> FrameAncestors => [];

    /// <summary>The session's token that a request brings in its cookie; null: none.</summary>
    public abstract string? TokenOf(HttpRequest request);

    /// <summary>
    /// Finds who comes, and sets the request's Caller, Tenant and <see cref="PageView"/>. Null when there is somebody;
    /// otherwise what to answer.
    /// </summary>
    /// <exception cref="ProblemException">429: too many come, or too often.</exception>
    public abstract Task<IResult?> AdmitAsync(HttpContext context);

    /// <summary>What pages know that are shown to anybody.</summary>
    public abstract PageView ViewOfAnybody(HttpContext context);

    /// <summary>The face's path as the browser sees it.</summary>
    public string RootOf(HttpRequest request) => PublicAddress.PathOf(request, Options) + Path;

    /// <summary>
    /// What the session's own pages send along with each call, and no other site's page knows: made from the token, so that nothing
    /// more is to be stored.
    /// </summary>
    public static string CsrfOf(string token) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), "dispatcher csrf"u8));
}
