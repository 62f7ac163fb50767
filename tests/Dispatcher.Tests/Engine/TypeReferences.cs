// What a type refers to, by its signatures and by the instructions of its methods.

using System.Reflection;
using System.Reflection.Emit;

namespace Dispatcher.Tests.Engine;

internal static class TypeReferences
{
    private const BindingFlags Own =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(code => code.Value);

    /// <summary>The types that one refers to, taken apart: of a list of deliveries, the list and the delivery.</summary>
    public static IReadOnlySet<Type> Of(Type type)
    {
        var found = new HashSet<Type>();
        Add(found, type.BaseType);
        foreach (var implemented in type.GetInterfaces()) Add(found, implemented);
        foreach (var field in type.GetFields(Own)) Add(found, field.FieldType);
        foreach (var property in type.GetProperties(Own)) Add(found, property.PropertyType);
        foreach (var attribute in type.GetCustomAttributesData()) Add(found, attribute.AttributeType);
        foreach (var method in type.GetMethods(Own)) AddMethod(found, method, method.ReturnType);
        foreach (var constructor in type.GetConstructors(Own)) AddMethod(found, constructor, null);
        found.Remove(type);
        return found;
    }

    private static void AddMethod(HashSet<Type> found, MethodBase method, Type? returned)
    {
        Add(found, returned);
        foreach (var parameter in method.GetParameters()) Add(found, parameter.ParameterType);
        if (method.GetMethodBody() is not { } body) return;
        foreach (var local in body.LocalVariables) Add(found, local.LocalType);
        foreach (var caught in body.ExceptionHandlingClauses)
            if (caught.Flags == ExceptionHandlingClauseOptions.Clause) Add(found, caught.CatchType);
        foreach (var token in Tokens(body.GetILAsByteArray()!)) AddMember(found, Resolve(method, token));
    }

    private static void AddMember(HashSet<Type> found, MemberInfo? member)
    {
        if (member is Type type) Add(found, type);
        else Add(found, member?.DeclaringType);
        if (member is FieldInfo field) Add(found, field.FieldType);
        if (member is not MethodBase called) return;
        if (called is MethodInfo { ReturnType: var returned }) Add(found, returned);
        foreach (var parameter in called.GetParameters()) Add(found, parameter.ParameterType);
        if (called.IsGenericMethod)
            foreach (var argument in called.GetGenericArguments()) Add(found, argument);
    }

    private static void Add(HashSet<Type> found, Type? type)
    {
        if (type is null || type.IsGenericParameter) return;
        if (type.HasElementType)
        {
            Add(found, type.GetElementType());
            return;
        }

        if (!found.Add(type.IsGenericType ? type.GetGenericTypeDefinition() : type) || !type.IsGenericType) return;
        foreach (var argument in type.GetGenericArguments()) Add(found, argument);
    }

    private static MemberInfo? Resolve(MethodBase method, int token)
    {
        var ofType = method.DeclaringType is { IsGenericType: true } generic ? generic.GetGenericArguments() : null;
        return method.Module.ResolveMember(token, ofType, method.IsGenericMethod ? method.GetGenericArguments() : null);
    }

    /// <summary>The metadata tokens among the operands: all but those of strings and signatures.</summary>
    private static IEnumerable<int> Tokens(byte[] il)
    {
        for (var at = 0; at < il.Length;)
        {
            short value = il[at++];
            if (value == 0xFE) value = unchecked((short)(0xFE00 | il[at++]));
            var code = Codes[value];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                yield return BitConverter.ToInt32(il, at);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }
}
