// What the XML documentation of a contract record cannot say in words: an example, and that a member is JSON of any kind.

namespace Dispatcher.Platform;

/// <summary>
/// The example that the API reference shows for a member. Its description is the XML documentation, its bounds are the attributes of
/// System.ComponentModel.DataAnnotations beside this one, which describe the rules that the handlers apply and apply none themselves.
/// </summary>
/// <param name="value">The value; for members that are no strings, JSON text will do.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ExampleAttribute(object value) : Attribute
{
    public object Value { get; } = value;
}

/// <summary>A member that holds any JSON value; JSON members without it hold an object.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AnyJsonAttribute : Attribute;
