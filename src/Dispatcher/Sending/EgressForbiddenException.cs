// The egress guard's refusal.

namespace Dispatcher.Sending;

/// <summary>The guard refused to connect. The message names the address and what it is, for the integration's owner to read.</summary>
internal sealed class EgressForbiddenException(string message) : Exception(message);
