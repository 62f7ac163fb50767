// The host joined on: this half of the class is there only in a build that has it.

using Dispatcher.Dispatching;
using Dispatcher.Hangfire;
using Dispatcher.Hangfire.Dashboard;
using Hangfire;
using Hangfire.PostgreSql;
using Microsoft.AspNetCore.Antiforgery;
using Npgsql;

namespace Dispatcher.Platform;

internal static partial class HangfireSeam
{
    static partial void Include(ref bool included) => included = true;

    static partial void Add(IServiceCollection services, DispatcherOptions options)
    {
        services.AddSingleton<JobStorage>(provider => HangfireStorage.Over(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IBackgroundJobClient>(provider => new BackgroundJobClient(provider.GetRequiredService<JobStorage>(), BundleFilters.All));
        services.AddSingleton<BundleHost>();
        services.AddSingleton<IDeliveryHost>(provider => provider.GetRequiredService<BundleHost>());
        services.AddHostedService(provider => provider.GetRequiredService<BundleHost>());
        if (!options.HasRole("api")) return;
        services.AddSingleton<LiveCounts>();
        services.AddSingleton<IAntiforgery, DashboardAntiforgery>();
    }

    static partial void Prepare(IServiceProvider services, CancellationToken ct, ref Task? preparing)
    {
        HangfireLogs.Use(services.GetRequiredService<ILoggerFactory>());
        preparing = HangfireStorage.InstallAsync(services.GetRequiredService<Storage.DirectSource>(), ct);
    }

    static partial void Map(WebApplication app) => HangfireDashboard.MapTo(app);
}
