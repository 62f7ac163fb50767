// The answer to one item of a batch.

using System.Diagnostics.CodeAnalysis;

namespace Dispatcher.Client;

/// <summary>
/// The outcome of one item of a batch: either <see cref="Value"/> or <see cref="Error"/>. One bad item does not sink the rest.
/// </summary>
public sealed class BatchItem<T>
    where T : class
{
    internal BatchItem(T value) => Value = value;

    internal BatchItem(DispatcherApiException error) => Error = error;

    /// <summary>What the server made of the item; <c>null</c> where it refused it.</summary>
    public T? Value { get; }

    /// <summary>Why the server refused the item; <c>null</c> where it took it.</summary>
    public DispatcherApiException? Error { get; }

    /// <summary>Whether the server took the item.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool Succeeded => Value is not null;

    /// <summary>The value.</summary>
    /// <exception cref="DispatcherApiException">The server refused this item.</exception>
    public T GetValueOrThrow() => Succeeded ? Value : throw Error;
}
