// The configuration that is in force, without its secrets.

using Dispatcher.Operating;
using Dispatcher.Pages;

namespace Dispatcher.Dashboard;

/// <summary>A setting.</summary>
public sealed record SettingLine(string Key, string? Value, string? Default, bool IsSecret, bool IsSet);

/// <summary>The settings, by section.</summary>
public sealed record SettingsModel(string Version, IReadOnlyList<(string Section, IReadOnlyList<SettingLine> Lines)> Sections);

internal static class Settings
{
    public static void MapSettings(this RouteGroupBuilder pages) => pages.MapGet("/settings", Show);

    private static PageResult<SettingsPage, SettingsModel> Show(EffectiveSettings settings)
    {
        var read = settings.Read();
        return new(new SettingsModel(
            read.Version,
            [.. read.Data.GroupBy(s => SectionOf(s.Key), s => new SettingLine(s.Key, s.Value, s.Default, s.Secret, s.Set))
                .Select(g => (g.Key, (IReadOnlyList<SettingLine>)[.. g]))]));
    }

    private static string SectionOf(string key) => key.Split(':') switch
    {
        ["Dispatcher", var section, _, ..] => section,
        ["Dispatcher", _] => "Dispatcher",
        _ => "Host",
    };
}
