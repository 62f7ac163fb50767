// What every page knows. Public, because components are and cannot be otherwise; nothing outside of the faces uses it.

using System.Reflection;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Pages;

/// <summary>What every page knows: where it stands, whose face it is, and who looks.</summary>
/// <param name="Root">The path of the face as the browser sees it, such as <c>/portal</c>.</param>
/// <param name="Server">The root of the API as programs reach it, for examples.</param>
/// <param name="Name">What the face is called: the provider's name, or the product's.</param>
/// <param name="HasBrand">Whether there is a file <c>assets/brand.css</c>.</param>
/// <param name="HasLogo">Whether there is a file <c>assets/logo</c>.</param>
public sealed record PageView(string Root, string Server, string Name, bool HasBrand = false, bool HasLogo = false) : IBindableFromHttpContext<PageView>
{
    /// <summary>The pages that the face leads to from everywhere.</summary>
    public IReadOnlyList<PageLink> Navigation { get; init; } = [];

    /// <summary>Who looks; null where nobody has a session.</summary>
    public Visit? Visit { get; init; }

    /// <summary>Whether the one who looks may change things.</summary>
    public bool CanChange => Visit is { ReadOnly: false };

    /// <summary>The address of one of the face's pages, for the same organization.</summary>
    /// <param name="page">Such as <c>integrations/int_…</c>, with or without a query.</param>
    public string To(string page) => To(page, Visit is { IsOperator: true, Organization: var organization } ? organization : null);

    /// <summary>The address of one of the face's pages, for an organization that is named, or for none.</summary>
    public string To(string page, string? organization)
    {
        var address = page.Length == 0 ? Root : $"{Root}/{page}";
        return organization is null ? address : $"{address}{(page.Contains('?', StringComparison.Ordinal) ? '&' : '?')}organization={Uri.EscapeDataString(organization)}";
    }

    /// <summary>The address of an operation of the API, as the page's script calls it.</summary>
    /// <param name="operation">Such as <c>integrations/int_…/test</c>.</param>
    public string ToApi(string operation) => To($"api/{operation}");

    /// <summary>What the face found out about the request.</summary>
    public static ValueTask<PageView?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult<PageView?>(context.Features.GetRequiredFeature<PageView>());
}

/// <summary>Who looks at a page.</summary>
/// <param name="Organization">Whose resources the page is about.</param>
/// <param name="Project">The project that the session is limited to, if any.</param>
/// <param name="ReadOnly">Whether it may only look.</param>
/// <param name="IsOperator">Whether it may name any organization.</param>
/// <param name="ExpiresAt">When the session ends.</param>
/// <param name="Csrf">What the page's script sends along with each call.</param>
public sealed record Visit(string Organization, string? Project, bool ReadOnly, bool IsOperator, DateTimeOffset ExpiresAt, string Csrf);

/// <summary>A page that the navigation leads to.</summary>
/// <param name="Text">What it is called.</param>
/// <param name="Page">Its address below the face's root; empty: the root itself.</param>
/// <param name="OfOrganization">Whether it is about one organization: the address then names it.</param>
/// <param name="Group">The heading that it stands under, if any.</param>
public sealed record PageLink(string Text, string Page, bool OfOrganization = true, string? Group = null);
