// Who calls, and for which tenant: what AccessMiddleware found out, as parameters that handlers take.

using System.Reflection;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace Dispatcher.Access;

/// <summary>What a key may do. The order is by name only; see <see cref="AccessMiddleware"/> for what each endpoint asks.</summary>
internal enum Role
{
    /// <summary>The whole server.</summary>
    Operator,

    /// <summary>One organization, or one project of it.</summary>
    Admin,

    /// <summary>Reads what an admin reads, sees no secret, changes nothing.</summary>
    Member,

    /// <summary>Publishes events and moves jobs, nothing else.</summary>
    Emitter,
}

/// <summary>What a caller showed.</summary>
internal enum CallerKind
{
    /// <summary>An API key.</summary>
    Key,

    /// <summary>The token of a portal session (<see cref="PortalSession"/>).</summary>
    PortalSession,
}

/// <summary>An authenticated key or portal session.</summary>
/// <param name="KeyId">The id of the key, or of the session; null for the operator key of the configuration.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Organization">The organization it is bound to; null for operators only.</param>
/// <param name="Project">The project it is bound to, if any.</param>
/// <param name="Name">What people call the key, if anything.</param>
/// <param name="RateLimitPerSecond">The key's own limit, if it has one. See <see cref="KeyLimits"/>.</param>
/// <param name="Kind">Which of the two it is.</param>
/// <param name="Maker">The key that made the session: their requests count together. Null for keys.</param>
internal sealed record Caller(
    Guid? KeyId, Role Role, string? Organization, string? Project, string? Name = null, int? RateLimitPerSecond = null, CallerKind Kind = CallerKind.Key,
    Guid? Maker = null)
    : IBindableFromHttpContext<Caller>
{
    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult<Caller?>(Of(context));

    public static Caller Of(HttpContext context) => context.Features.GetRequiredFeature<Caller>();
}

/// <summary>The organization, and for keys of a project the project, that a request is about.</summary>
internal sealed record Tenant(string Organization, string? Project) : IBindableFromHttpContext<Tenant>, IEndpointParameterMetadataProvider
{
    public const string Default = "default";

    public static ValueTask<Tenant?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult<Tenant?>(context.Features.GetRequiredFeature<Tenant>());

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Metadata.Add(Parameter.Identifier(
        "organization", "Whose resources the call is about, for operators. Absent: `default`. Other keys have one organization and may name no other.", Default));

    /// <summary>The project that something new belongs to: a project's key puts it there, and may name no other.</summary>
    public string? ProjectFor(string? requested) => Project is null || requested == Project
        ? requested
        : requested is null ? Project : throw Problem.Forbidden($"This key is bound to the project \"{Project}\".").AsException();

    /// <summary>Whether something of this project is visible: events and jobs without a project belong to <c>default</c>.</summary>
    public bool Sees(string? project) => Project is null || Project == (project ?? Default);
}
