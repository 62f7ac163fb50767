// The dashboard at /hangfire: Hangfire's own pages, for operators, and ours beside them.

using Dispatcher.Access;
using Dispatcher.Dashboard;
using Dispatcher.Platform;
using Hangfire;
using Hangfire.Common;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.Authorization;

namespace Dispatcher.Hangfire.Dashboard;

internal static class HangfireDashboard
{
    private const string Path = HangfireLink.Path;

    private const string Delivery = "(?<id>dlv_[0-9a-f]{32})";

    // The pages' scripts and fonts are the package's own files, and their charts write inline styles. There is no inline script: markup that
    // slipped through could do nothing.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    // Hangfire has one list of routes, menu items and renderers for the process.
    private static readonly Lazy<bool> Registered = new(Register);

    public static void MapTo(WebApplication app)
    {
        _ = Registered.Value;
        var dispatcher = app.Services.GetRequiredService<DispatcherOptions>();
        var before = dispatcher.PublicUrl is { } url ? new Uri(url).AbsolutePath.TrimEnd('/') : "";
        var options = new DashboardOptions
        {
            // In the place of the default, which trusts whoever comes from this machine: behind a proxy, that is everybody.
            Authorization = [],
            AsyncAuthorization = [new OperatorsOnly()],
            IsReadOnlyFunc = context => context.GetHttpContext().Features.Get<Caller>() is not { Role: Role.Operator },
            AppPath = before + DashboardFace.Root,
            PrefixPath = before,
            DashboardTitle = "Dispatcher",
            DisplayStorageConnectionString = false,
            DisplayNameFunc = NameOf,
            DefaultRecordsPerPage = 50,
        };
        var branch = ((IEndpointRouteBuilder)app).CreateApplicationBuilder();
        branch.Use((context, next) => AddHeadersAsync(context, next, dispatcher));
        branch.UsePathBase(Path);
        branch.UseMiddleware<AspNetCoreDashboardMiddleware>(app.Services.GetRequiredService<JobStorage>(), options, DashboardRoutes.Routes, true);
        app.Map(Path + "/{**path}", branch.Build())
            // Who may come in is decided by OperatorsOnly.
            .WithMetadata(new AllowAnonymousAttribute()).ExcludeFromDescription();
    }

    private static bool Register()
    {
        var routes = DashboardRoutes.Routes;
        routes.Add("/deliveries", new LoadedPage(DeliveriesModel.LoadAsync));
        routes.Add($"/deliveries/{Delivery}", new LoadedPage(DeliveryModel.LoadAsync));
        routes.Add($"/deliveries/{Delivery}/retry", new DeliveryCommand((actions, tenant, id, audit, ct) => actions.RetryAsync(tenant, id, audit, ct)));
        routes.Add($"/deliveries/{Delivery}/cancel", new DeliveryCommand((actions, tenant, id, audit, ct) => actions.CancelAsync(tenant, id, audit, ct)));
        routes.Add("/integrations", new LoadedPage(IntegrationsModel.LoadAsync));
        NavigationMenu.Items.Add(page => ItemOf(page, "Deliveries", "/deliveries", LiveCounts.Deliveries));
        NavigationMenu.Items.Add(page => ItemOf(page, "Integrations", "/integrations", LiveCounts.FailingIntegrations));
        DashboardMetrics.AddMetric(LiveCounts.Deliveries);
        DashboardMetrics.AddMetric(LiveCounts.FailingIntegrations);
        GlobalConfiguration.Configuration.UseJobDetailsRenderer(10, BundleDetails.Render);
        return true;
    }

    private static MenuItem ItemOf(RazorPage page, string text, string path, DashboardMetric metric) => new(text, page.Url.To(path))
    {
        Active = page.RequestPath.StartsWith(path, StringComparison.OrdinalIgnoreCase),
        Metric = metric,
    };

    private static string? NameOf(DashboardContext context, Job job) =>
        BundleJob.DeliveriesOf(job)?.Sum(b => b.Value.Length) is { } count ? $"Bundle of {count} {(count == 1 ? "delivery" : "deliveries")}" : job.ToString();

    private static async Task AddHeadersAsync(HttpContext context, RequestDelegate next, DispatcherOptions options)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        var signIn = HangfireLink.SignInFor(context.Request, options);
        await next(context);
        // Whoever follows a link from a chat wants to sign in, and to come back; whatever asks for data wants to know that it must.
        if (context.Response is { StatusCode: StatusCodes.Status401Unauthorized, HasStarted: false } && HttpMethods.IsGet(context.Request.Method)
            && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal))
            context.Response.Redirect(signIn);
    }

    /// <summary>Lets operators in, and nobody else; each request is one more look at the live counts.</summary>
    private sealed class OperatorsOnly : IDashboardAsyncAuthorizationFilter
    {
        public async Task<bool> AuthorizeAsync(DashboardContext context)
        {
            var http = context.GetHttpContext();
            if (await OperatorEntrance.FindAsync(http) is not { } caller) return false;
            http.Features.Set(caller);
            await http.RequestServices.GetRequiredService<LiveCounts>().RefreshAsync(http.RequestAborted);
            return true;
        }
    }
}
