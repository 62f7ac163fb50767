// A page of ours: what it shows is loaded first, without holding a thread, and then drawn as Hangfire draws its pages.

using System.Text.RegularExpressions;
using Dispatcher.Access;
using Dispatcher.Platform;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>What a page is asked for.</summary>
/// <param name="Http">The request.</param>
/// <param name="Tenant">Whose data: <c>?organization=</c>, else the default one.</param>
/// <param name="Match">What the route has found in the path.</param>
internal sealed record PageRequest(HttpContext Http, Tenant Tenant, Match Match)
{
    public IServiceProvider Services => Http.RequestServices;

    public CancellationToken Aborted => Http.RequestAborted;

    /// <summary>The organization that is named; null: none is.</summary>
    public string? Organization => OrganizationIn(Http.Request);

    /// <exception cref="ProblemException">There is no such organization.</exception>
    public static async Task<PageRequest> OfAsync(DashboardContext context)
    {
        var http = context.GetHttpContext();
        var organization = OrganizationIn(http.Request) ?? Tenant.Default;
        if (!await http.RequestServices.GetRequiredService<KeyRing>().OrganizationExistsAsync(organization, http.RequestAborted))
            throw Problem.NotFound($"There is no organization \"{organization}\".").AsException();
        var tenant = new Tenant(organization, null);
        http.Features.Set(tenant);
        return new PageRequest(http, tenant, context.UriMatch);
    }

    private static string? OrganizationIn(HttpRequest request) => (string?)request.Query["organization"] is { Length: > 0 } asked ? asked : null;

    /// <summary>The delivery in the path. The route admits ids only.</summary>
    public Guid DeliveryId => Ids.TryParse(Ids.Delivery, Match.Groups["id"].Value.ToLowerInvariant(), out var id)
        ? id : throw Problem.NotFound("There is no such delivery.").AsException();
}

/// <summary>The pages that <paramref name="load"/> makes; what it refuses is said in a page, too.</summary>
internal sealed class LoadedPage(Func<PageRequest, Task<RazorPage>> load) : IDashboardDispatcher
{
    public async Task Dispatch(DashboardContext context)
    {
        RazorPage page;
        try
        {
            page = await load(await PageRequest.OfAsync(context));
        }
        catch (ProblemException e)
        {
            context.Response.StatusCode = e.Problem.Status;
            page = new NoticePage(e.Problem.Title, e.Problem.Detail);
        }

        context.GetHttpContext().Features.Get<IHttpResponseFeature>()!.Headers.CacheControl = "no-store";
        // Drawing is Hangfire's own affair, and reached by a route only.
        var routes = new global::Hangfire.Dashboard.RouteCollection();
        routes.AddRazorPage("/", _ => page);
        await routes.FindDispatcher("/").Item1.Dispatch(context);
    }
}

/// <summary>What all our pages have in common.</summary>
internal abstract class DrawnPage(string title) : RazorPage
{
    public override void Execute()
    {
        Layout = new global::Hangfire.Dashboard.Pages.LayoutPage(title);
        WriteLiteral(Markup.Of($"""<div class="row"><div class="col-md-12"><h1 class="page-header">{title}</h1>{Draw()}</div></div>""").ToString());
    }

    protected abstract Markup Draw();

    /// <summary>An address of this dashboard, with a query: members without a value are left out.</summary>
    protected string Link(string path, params IEnumerable<(string Name, string? Value)> query)
    {
        var members = query.Where(m => !string.IsNullOrEmpty(m.Value)).Select(m => $"{m.Name}={Uri.EscapeDataString(m.Value!)}").ToList();
        return Url.To(path) + (members.Count == 0 ? "" : "?" + string.Join('&', members));
    }

    /// <summary>A moment, which the page's script turns into how long ago it was.</summary>
    public static Markup Moment(DateTimeOffset? at) => at is { } moment
        ? Markup.Of($"""<span data-moment="{moment.ToUnixTimeSeconds()}" title="{moment:u}">{moment:u}</span>""") : Markup.Of($"—");
}

internal sealed class NoticePage(string title, string text) : DrawnPage(title)
{
    protected override Markup Draw() => Markup.Of($"""<div class="alert alert-warning">{text}</div>""");
}
