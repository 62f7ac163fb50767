// A credential that came in a cookie, on a path where cookies count.

namespace Dispatcher.Access;

/// <summary>Request feature: the token of the portal's or the dashboard's cookie. It is the request's only credential: headers are not looked at.</summary>
internal sealed record CookieCredential(string Token);
