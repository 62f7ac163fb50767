// A page as an answer.

using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Pages;

/// <summary>A page: shows one model, and knows what every page knows.</summary>
public abstract class PageOf<TModel> : ComponentBase
{
    /// <summary>What the page shows.</summary>
    [Parameter, EditorRequired] public TModel Model { get; set; } = default!;

    /// <summary>What every page knows.</summary>
    [CascadingParameter] public PageView View { get; set; } = null!;
}

/// <summary>
/// Renders a page to HTML, whole, before anything is sent: what fails can still be answered with another status. The renderer alone:
/// AddRazorComponents would bring antiforgery, and with it keys in the home folder of each node.
/// </summary>
internal sealed class PageResult<TPage, TModel>(TModel model, int status = StatusCodes.Status200OK) : IResult
    where TPage : PageOf<TModel>
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var services = httpContext.RequestServices;
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var parameters = ParameterView.FromDictionary(new Dictionary<string, object?>
        {
            [nameof(Host.View)] = httpContext.Features.GetRequiredFeature<PageView>(),
            [nameof(Host.Path)] = httpContext.Request.Path.Value,
            [nameof(Host.Model)] = model,
        });
        var html = await renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<Host>(parameters)).ToHtmlString());
        httpContext.Response.StatusCode = status;
        httpContext.Response.ContentType = "text/html; charset=utf-8";
        await httpContext.Response.WriteAsync(html, httpContext.RequestAborted);
    }

    /// <summary>Gives the page, and all that is in it, the view.</summary>
    private sealed class Host : ComponentBase
    {
        [Parameter] public PageView View { get; set; } = null!;
        [Parameter] public string Path { get; set; } = "";
        [Parameter] public TModel Model { get; set; } = default!;

        protected override void BuildRenderTree(RenderTreeBuilder builder)
        {
            builder.OpenComponent<CascadingValue<PageView>>(0);
            builder.AddComponentParameter(1, nameof(CascadingValue<PageView>.Value), View);
            builder.AddComponentParameter(2, nameof(CascadingValue<PageView>.IsFixed), true);
            builder.AddComponentParameter(3, nameof(CascadingValue<PageView>.ChildContent), (RenderFragment)(inner =>
            {
                inner.OpenComponent<CascadingValue<string>>(0);
                inner.AddComponentParameter(1, nameof(CascadingValue<string>.Value), Path);
                inner.AddComponentParameter(2, nameof(CascadingValue<string>.Name), Components.Frame.PathName);
                inner.AddComponentParameter(3, nameof(CascadingValue<string>.IsFixed), true);
                inner.AddComponentParameter(4, nameof(CascadingValue<string>.ChildContent), (RenderFragment)(page =>
                {
                    page.OpenComponent<TPage>(0);
                    page.AddComponentParameter(1, nameof(PageOf<>.Model), Model);
                    page.CloseComponent();
                }));
                inner.CloseComponent();
            }));
            builder.CloseComponent();
        }
    }
}
