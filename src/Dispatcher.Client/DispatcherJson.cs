// The wire's JSON: snake_case, absent instead of null, metadata generated at build time.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Client;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventMessage))]
[JsonSerializable(typeof(IReadOnlyList<EventMessage>))]
[JsonSerializable(typeof(EventReceipt))]
[JsonSerializable(typeof(IntegrationSettings))]
[JsonSerializable(typeof(Integration))]
[JsonSerializable(typeof(IntegrationStats))]
[JsonSerializable(typeof(Page<Delivery>))]
[JsonSerializable(typeof(RecoverySpan))]
[JsonSerializable(typeof(RecoveryTask))]
[JsonSerializable(typeof(Page<RecoveryTask>))]
[JsonSerializable(typeof(PortalLinkRequest))]
[JsonSerializable(typeof(PortalLink))]
[JsonSerializable(typeof(JobStart))]
[JsonSerializable(typeof(JobUpdate))]
[JsonSerializable(typeof(JobMove))]
[JsonSerializable(typeof(JobUsage))]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(IReadOnlyList<JobBatchItem>))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(ApiProblem))]
internal sealed partial class DispatcherJson : JsonSerializerContext;

/// <summary>What a batch is answered with: one element per item, in order, each a value or <c>{"error":{problem}}</c>.</summary>
internal sealed record BatchAnswer(IReadOnlyList<JsonElement> Data);
