// What the page of an integration's signing secrets shows: not the secrets.

namespace Dispatcher.Pages.Integrations;

/// <summary>The secrets of an integration.</summary>
/// <param name="Head">The integration.</param>
/// <param name="Live">Those that sign now, the newest first.</param>
public sealed record SecretModel(IntegrationHead Head, IReadOnlyList<LiveSecret> Live);

/// <summary>A secret that signs.</summary>
/// <param name="CreatedAt">Since when.</param>
/// <param name="ExpiresAt">Until when; null: it is the current one.</param>
public sealed record LiveSecret(DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);
