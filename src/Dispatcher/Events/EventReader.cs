// Reads events from request bytes by hand: the payload is cut out as it came, without being parsed into objects and written again.

using System.Text.Json;
using System.Text.Unicode;
using Dispatcher.Access;
using Dispatcher.Intake;
using Dispatcher.Platform;

namespace Dispatcher.Events;

/// <summary>An event as read: either valid, or what is wrong with it.</summary>
internal readonly record struct ReadEvent(NewEvent? Event, Problem? Error);

internal sealed class EventReader(Tenant tenant, int maxPayloadBytes, TimeProvider time)
{
    public const int MaxOrderingKeyLength = 256;

    /// <summary>Reads one event from a whole body.</summary>
    /// <exception cref="JsonException">The bytes are not JSON.</exception>
    public ReadEvent Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, RequestBody.AnyDepth);
        reader.Read();
        var read = ReadOne(ref reader, json);
        while (reader.Read())
        {
            // Whatever follows the event is not JSON: this throws.
        }

        return read;
    }

    /// <summary>Reads an array of events; a bad item is an error in its place.</summary>
    /// <exception cref="JsonException">The bytes are not JSON.</exception>
    public List<ReadEvent> ReadArray(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, RequestBody.AnyDepth);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray) throw Problem.Malformed("The body must be a JSON array of events, or application/x-ndjson.").AsException();
        var events = new List<ReadEvent>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) events.Add(ReadOne(ref reader, json));
        while (reader.Read())
        {
            // As above.
        }

        return events;
    }

    /// <summary>Reads one event per line; blank lines count for nothing, and a line that is not JSON is an error in its place.</summary>
    public List<ReadEvent> ReadLines(ReadOnlySpan<byte> json)
    {
        var events = new List<ReadEvent>();
        foreach (var range in json.Split((byte)'\n'))
        {
            var line = json[range].Trim(" \t\r"u8);
            if (line.IsEmpty) continue;
            try
            {
                events.Add(Read(line));
            }
            catch (JsonException)
            {
                events.Add(new ReadEvent(null, Problem.Malformed($"Line {events.Count + 1} is not JSON.")));
            }
        }

        return events;
    }

    private ReadEvent ReadOne(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return new ReadEvent(null, Problem.Malformed("An event must be a JSON object."));
        }

        var faults = new Faults();
        string? type = null, id = null, project = null, inbox = null, orderingKey = null;
        ReadOnlySpan<byte> payload = default;
        var seen = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var (member, bit) = MemberAt(ref reader);
            reader.Read();
            if (bit != 0 && (seen & bit) != 0) faults.Add(member, "is given twice.");
            seen |= bit;
            switch (member)
            {
                case "type" when bit != 0: type = Text(ref reader, member, faults); break;
                case "id" when bit != 0: id = Text(ref reader, member, faults); break;
                case "project" when bit != 0: project = Text(ref reader, member, faults); break;
                case "inbox" when bit != 0: inbox = Text(ref reader, member, faults); break;
                case "ordering_key" when bit != 0: orderingKey = Text(ref reader, member, faults); break;
                case "payload" when bit != 0:
                    var start = (int)reader.TokenStartIndex;
                    var isObject = reader.TokenType == JsonTokenType.StartObject;
                    var isFlat = SkipWithin(ref reader, RequestBody.MaxDepth);
                    payload = json[start..(int)reader.BytesConsumed];
                    faults.Require(isObject, "payload", "must be a JSON object.");
                    faults.Require(isFlat, "payload", $"must not be nested deeper than {RequestBody.MaxDepth} levels.");
                    break;
                default:
                    faults.Add(member, "is not a member of an event.");
                    reader.Skip();
                    break;
            }
        }

        if (payload.Length > maxPayloadBytes)
            return new ReadEvent(null, Problem.TooLarge($"payload: has {payload.Length} bytes, more than the {maxPayloadBytes} that this server takes."));
        Check(type, payload, id, project, inbox, orderingKey, faults);
        if (faults.Any) return new ReadEvent(null, faults.ToProblem());

        try
        {
            var route = new EventRoute(tenant.Organization, tenant.ProjectFor(project), inbox, type!);
            return new ReadEvent(new NewEvent(Ids.NewUuid(time.GetUtcNow()), route, payload.ToArray(), orderingKey, id), null);
        }
        catch (ProblemException e)
        {
            return new ReadEvent(null, e.Problem);
        }
    }

    private static void Check(
        string? type, ReadOnlySpan<byte> payload, string? id, string? project, string? inbox, string? orderingKey, Faults faults)
    {
        if (type is null && !faults.Names("type")) faults.Add("type", "is required.");
        faults.Require(type is null || EventNames.IsType(type), "type", EventNames.Rule + ".");
        if (payload.IsEmpty && !faults.Names("payload")) faults.Add("payload", "is required: a JSON object.");
        faults.Require(Utf8.IsValid(payload), "payload", "must be valid UTF-8.");
        Identifiers.CheckOptional(faults, "id", id);
        Identifiers.CheckOptional(faults, "project", project);
        Identifiers.CheckOptional(faults, "inbox", inbox);
        faults.Require(
            orderingKey is null or { Length: >= 1 and <= MaxOrderingKeyLength } && orderingKey?.Contains('\0') != true,
            "ordering_key", $"must have 1 to {MaxOrderingKeyLength} characters.");
    }

    /// <summary>Skips a value; says whether it has at most so many levels of objects and arrays.</summary>
    private static bool SkipWithin(ref Utf8JsonReader reader, int levels)
    {
        var (top, fits) = (reader.CurrentDepth, true);
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray)) return true;
        while (reader.Read() && reader.CurrentDepth > top) fits &= !RequestBody.IsTooDeep(ref reader, top + levels);
        return fits;
    }

    /// <summary>The member's name, and its bit among the known ones; 0 for unknown ones.</summary>
    private static (string Name, int Bit) MemberAt(ref Utf8JsonReader reader)
    {
        try
        {
            if (reader.ValueTextEquals("type"u8)) return ("type", 1);
            if (reader.ValueTextEquals("payload"u8)) return ("payload", 2);
            if (reader.ValueTextEquals("id"u8)) return ("id", 4);
            if (reader.ValueTextEquals("project"u8)) return ("project", 8);
            if (reader.ValueTextEquals("inbox"u8)) return ("inbox", 16);
            if (reader.ValueTextEquals("ordering_key"u8)) return ("ordering_key", 32);
            return (reader.GetString()!, 0);
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair: text that is no name of anything, not even to compare with.
            return ("body", 0);
        }
    }

    private static string? Text(ref Utf8JsonReader reader, string member, Faults faults)
    {
        if (reader.TokenType == JsonTokenType.Null) return null;
        if (reader.TokenType == JsonTokenType.String)
        {
            try
            {
                return reader.GetString();
            }
            catch (InvalidOperationException)
            {
                // Half a surrogate pair, or bytes that are not UTF-8.
            }
        }

        reader.Skip();
        faults.Add(member, "must be a string.");
        return null;
    }
}
