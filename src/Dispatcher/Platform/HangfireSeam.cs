// Where the optional Hangfire host is joined on. Its sources are in src/Dispatcher.Hangfire, and in the build only with -p:Hangfire=true;
// without them these methods are nothing, and nothing here refers to Hangfire.

namespace Dispatcher.Platform;

internal static partial class HangfireSeam
{
    /// <summary>Whether this build has the host.</summary>
    public static bool IsIncluded
    {
        get
        {
            var included = false;
            Include(ref included);
            return included;
        }
    }

    /// <summary>Adds the host in the place of the one in process. It starts after the lanes, and before all that feeds them.</summary>
    public static void AddTo(IServiceCollection services, DispatcherOptions options) => Add(services, options);

    /// <summary>Brings the database to the host's schema.</summary>
    public static async Task PrepareAsync(IServiceProvider services, CancellationToken ct)
    {
        Task? preparing = null;
        Prepare(services, ct, ref preparing);
        if (preparing is not null) await preparing;
    }

    /// <summary>Maps the host's dashboard.</summary>
    public static void MapTo(WebApplication app) => Map(app);

    static partial void Include(ref bool included);

    static partial void Add(IServiceCollection services, DispatcherOptions options);

    static partial void Prepare(IServiceProvider services, CancellationToken ct, ref Task? preparing);

    static partial void Map(WebApplication app);
}
