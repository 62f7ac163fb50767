// What the API reference says of an operation, as endpoint metadata: each room keeps its own in a file beside its endpoints.

namespace Dispatcher.Platform;

/// <summary>The part of an operation's description that nothing but words can give. Roles, bodies and usual refusals follow from the endpoint.</summary>
/// <param name="Id">Its name in generated clients: camelCase, unique, and never changed once released.</param>
/// <param name="Summary">What it does, in a line.</param>
/// <param name="Description">What it does in full: its effects, what is durable when it answers, what happens when it is repeated.</param>
internal sealed record Operation(string Id, string Summary, string Description)
{
    /// <summary>Parameters of the path and the query, besides those that the handler's parameter types bring along.</summary>
    public IReadOnlyList<Parameter> Parameters { get; init; } = [];

    /// <summary>What a status means here. A status that follows from nothing else is an answer of this operation by standing here.</summary>
    public IReadOnlyDictionary<int, string> Answers { get; init; } = new Dictionary<int, string>();

    /// <summary>An example of the Location header that a 201 or 202 has; null: there is none.</summary>
    public string? Location { get; init; }

    /// <summary>Requests worth showing besides the one with every member: name to JSON.</summary>
    public IReadOnlyDictionary<string, string> Requests { get; init; } = new Dictionary<string, string>();
}

internal static class Operations
{
    /// <summary>Describes a route in the API reference.</summary>
    public static TBuilder Describe<TBuilder>(this TBuilder builder, Operation operation) where TBuilder : IEndpointConventionBuilder =>
        builder.WithName(operation.Id).WithSummary(operation.Summary).WithDescription(operation.Description).WithMetadata(operation);
}
