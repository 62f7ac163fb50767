// What each face's addresses begin with.

using Microsoft.AspNetCore.Authorization;

namespace Dispatcher.Pages;

internal static class Faces
{
    /// <summary>The addresses of a face: its files are open, its pages need a session.</summary>
    /// <returns>What takes addresses that are open, and what takes pages.</returns>
    public static (RouteGroupBuilder Open, RouteGroupBuilder Pages) MapFace(this IEndpointRouteBuilder app, string path)
    {
        // None of the API's keys is asked for: FaceMiddleware lets in who has a session.
        var open = app.MapGroup(path).WithMetadata(new AllowAnonymousAttribute(), OfFace.Instance).ExcludeFromDescription();
        open.MapGet("/assets/{name}", PageAsset.Serve);
        return (open, open.MapGroup("").WithMetadata(NeedsSession.Instance));
    }
}
