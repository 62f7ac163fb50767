namespace Dispatcher.Client;

/// <summary>Verifies the signature of a received webhook.</summary>
public static class WebhookVerifier;
