// The server put together: what is in it, in which order it starts, and that it leaves nothing behind.

using System.Diagnostics.Metrics;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Dashboard;
using Dispatcher.Deliveries;
using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Intake;
using Dispatcher.Integrations;
using Dispatcher.Jobs;
using Dispatcher.Operating;
using Dispatcher.Pages;
using Dispatcher.Pages.Integrations;
using Dispatcher.Portal;
using Dispatcher.Recoveries;
using Dispatcher.Secrets;
using Dispatcher.Sending;
using Dispatcher.Statistics;
using Dispatcher.Storage;
using Dispatcher.Storage.Embedded;
using Dispatcher.Telemetry;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Dispatcher.Platform;

internal sealed class Server : IAsyncDisposable
{
    public const string DefaultUrl = "http://localhost:8080";

    private readonly EmbeddedPostgres? _postgres;

    private Server(WebApplication app, EmbeddedPostgres? postgres) => (App, _postgres) = (app, postgres);

    public WebApplication App { get; }

    /// <summary>Builds the server on a database that is migrated and ready. Starts the embedded PostgreSQL when no connection string is given.</summary>
    /// <exception cref="ConfigurationException">A setting is wrong.</exception>
    /// <exception cref="DatabaseSetupException">The database cannot be used.</exception>
    /// <exception cref="EmbeddedPostgresException">The embedded PostgreSQL cannot be started.</exception>
    /// <param name="args">The command line.</param>
    /// <param name="configure">Has the last word on the configuration.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="forVerb">Only for its database: logs go to the standard error.</param>
    public static async Task<Server> BuildAsync(string[] args, Action<WebApplicationBuilder>? configure, CancellationToken ct, bool forVerb = false)
    {
        // The binary's own folder, not the caller's: appsettings.json is found wherever the server is started from.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        configure?.Invoke(builder);
        var options = DispatcherConfiguration.Read(builder.Configuration);
        Logging.AddTo(builder.Logging, builder.Configuration, forVerb);
        if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null && builder.Configuration["https_ports"] is null)
            builder.WebHost.UseUrls(DefaultUrl);

        EmbeddedPostgres? postgres = null;
        if (builder.Configuration.GetConnectionString(DataSource.ConnectionName) is not { Length: > 0 } connectionString)
        {
            using var logs = LoggerFactory.Create(logging => Logging.AddTo(logging, builder.Configuration, forVerb));
            postgres = await EmbeddedPostgres.StartAsync(
                new EmbeddedPostgresOptions(options.DataDirectory), logs.CreateLogger<EmbeddedPostgres>(), ct);
            connectionString = postgres.ConnectionString;
        }

        try
        {
            AddServices(builder, options, connectionString, new DatabaseOrigin(IsOurs: postgres is not null));
            var app = builder.Build();
            await app.Services.GetRequiredService<DatabaseSetup>().MigrateAsync(ct);
            await app.Services.GetRequiredService<Catalogue>().SeedAsync(ct);
            if (options.UsesHangfire()) await HangfireSeam.PrepareAsync(app.Services, ct);
            UsePipeline(app, options);
            return new Server(app, postgres);
        }
        catch
        {
            if (postgres is not null) await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>Brings the stored secrets under the first encryption key, and starts to serve.</summary>
    /// <exception cref="ConfigurationException">There is no encryption key, and none can be made.</exception>
    /// <exception cref="DatabaseSetupException">A stored secret is encrypted with a key that is not given.</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        await App.Services.GetRequiredService<SecretsAtRest>().EnsureAsync(ct);
        await App.StartAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
    }

    private static void AddServices(WebApplicationBuilder builder, DispatcherOptions options, string connectionString, DatabaseOrigin origin)
    {
        var direct = origin.IsOurs ? null : builder.Configuration.GetConnectionString(DataSource.DirectName);
        var services = builder.Services;
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(origin);
        services.AddSingleton(_ => DataSource.Create(connectionString, isPooled: !string.IsNullOrEmpty(direct)));
        services.AddSingleton(provider => DataSource.CreateDirect(provider.GetRequiredService<NpgsqlDataSource>(), direct));
        services.AddDbContextFactory<DispatcherDb>((provider, db) => DataSource.Configure(db, provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<DatabaseSetup>();
        services.AddSingleton<EncryptionKeys>();
        services.AddSingleton<SecretBox>();
        services.AddSingleton<SecretsAtRest>();
        services.AddSingleton<SigningKeys>();
        services.ConfigureHttpJsonOptions(json => WireJson.Configure(json.SerializerOptions));

        services.AddSingleton<KeyRing>();
        services.AddSingleton<KeyLimits>();
        services.AddSingleton<FailedKeys>();
        services.AddSingleton<BodyBudget>();
        services.AddSingleton<Erasure>();
        services.AddSingleton<PortalSessions>();
        services.AddSingleton<OperatorSessions>();
        services.AddSingleton<FirstKey>();
        services.AddSingleton<KeptAnswers>();
        services.AddSingleton<JobKinds>();
        services.AddSingleton<Catalogue>();
        services.AddSingleton<EventStore>();
        services.AddSingleton<AttemptStore>();
        services.AddSingleton<DeliveryStore>();
        services.AddSingleton<OutlookReader>();
        services.AddSingleton<ServerDeliveries>();
        services.AddSingleton<DeliveryActions>();
        services.AddSingleton<StatisticsReader>();
        services.AddSingleton<RecentHours>();
        services.AddSingleton<FailureRanking>();
        services.AddSingleton<RecoveryStore>();
        services.AddSingleton<BulkStore>();
        services.AddSingleton<AuditStore>();
        services.AddSingleton<NodeStore>();
        services.AddSingleton<EffectiveSettings>();
        services.AddScoped<JobStore>();
        services.AddDispatcherHealth();
        services.AddDispatcherOpenApi();
        services.AddIntegrationPages();
        services.AddPortal(options);
        services.AddDashboard();
        AddEngine(services, builder.Environment, options);

        builder.WebHost.ConfigureKestrel(ConnectionLimits.Set);
    }

    /// <summary>The engine, in the order of the data's way back: services stop in the reverse order, so that what is fed stops after its feeder.</summary>
    private static void AddEngine(IServiceCollection services, IHostEnvironment environment, DispatcherOptions options)
    {
        services.AddSingleton(Egress.Guard(options, environment));
        services.AddSingleton(Egress.Sending(options));
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<Wakeup>();
        services.AddSingleton<TaskBell>();
        services.AddSingleton<LaneSettingsLoader>();
        services.AddSingleton(provider => new EngineMeter(provider.GetRequiredService<IMeterFactory>().Create(EngineMeter.Name)));
        services.AddSingleton<Counters>();
        services.AddSingleton<Consequences>();
        services.AddSingleton<Unrecordable>();
        services.AddSingleton<AttemptCount>();
        AddHosted<QueueGauge>(services);
        AddHosted<TelemetryHost>(services);
        AddHosted<NodeRegistry>(services);
        AddHosted<CounterFlush>(services);
        AddHosted<FailureWatch>(services);
        AddHosted<Recorder>(services);
        AddHosted<OpenBreakers>(services);
        AddHosted<LimitLeases>(services);
        AddHosted<LaneSet>(services);
        if (options.UsesHangfire()) HangfireSeam.AddTo(services, options);
        else services.AddSingleton<IDeliveryHost, InProcessHost>();
        AddHosted<Claimer>(services);
        AddHosted<ChangeListener>(services);
        AddHosted<Maintenance>(services);
        AddHosted<EventIntake>(services);
        AddHosted<RecoveryRunner>(services);
        services.Configure<HostOptions>(host =>
        {
            // Long enough for what is under way to run into its timeout and be recorded.
            host.ShutdownTimeout = TimeSpan.FromSeconds(options.Delivery.TimeoutSeconds + 15);
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.StopHost;
        });
    }

    private static void AddHosted<T>(IServiceCollection services) where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(provider => provider.GetRequiredService<T>());
    }

    private static void UsePipeline(WebApplication app, DispatcherOptions options)
    {
        app.UseMiddleware<RequestTrace>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseHead();
        app.UsePathBase("/v1");
        Face[] faces = options.HasRole("api")
            ? [app.Services.GetRequiredService<PortalFace>(), app.Services.GetRequiredService<DashboardFace>()]
            : [];
        foreach (var face in faces) app.UseMiddleware<FaceApi>(face);
        app.UseLocationBase();
        app.UseRouting();
        if (options.Portal.AllowedOrigins.Length > 0 && faces.Length > 0) app.UseCors();
        foreach (var face in faces) app.UseMiddleware<FaceMiddleware>(face);
        app.UseMiddleware<AccessMiddleware>();
        app.MapHealth();
        app.MapMetrics(options);
        if (!options.HasRole("api")) return;

        app.UseMiddleware<IdempotencyMiddleware>();
        app.MapDispatcherOpenApi();
        app.MapOrganizations();
        app.MapAccess();
        app.MapPortalLinks();
        app.MapIntegrations();
        app.MapEvents();
        app.MapEventTypes();
        app.MapJobs();
        app.MapDeliveries();
        app.MapBulk();
        app.MapStatistics();
        app.MapRecoveries();
        app.MapAudit();
        app.MapOperating();
        app.MapPortal();
        app.MapDashboard();
        app.MapFormChecks();
        if (options.UsesHangfire()) HangfireSeam.MapTo(app);
    }
}
