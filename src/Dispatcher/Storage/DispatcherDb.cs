// EF Core's view of the nouns. The schema's truth is migrations/*.sql; this maps to it. The hot path does not come through here.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Events;
using Dispatcher.Integrations;
using Dispatcher.Jobs;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Storage;

internal sealed class DispatcherDb(DbContextOptions<DispatcherDb> options) : DbContext(options)
{
    public const string Schema = "dispatcher";

    public DbSet<Organization> Organizations => Set<Organization>();
    public DbSet<Project> Projects => Set<Project>();
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();
    public DbSet<PortalSession> PortalSessions => Set<PortalSession>();
    public DbSet<OperatorSession> OperatorSessions => Set<OperatorSession>();
    public DbSet<Integration> Integrations => Set<Integration>();
    public DbSet<IntegrationSecret> IntegrationSecrets => Set<IntegrationSecret>();
    public DbSet<EventType> EventTypes => Set<EventType>();
    public DbSet<Job> Jobs => Set<Job>();

    /// <summary>For what is stored together with a change; <see cref="AuditStore"/> reads.</summary>
    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.HasDefaultSchema(Schema);
        model.Entity<Organization>(e => e.ToTable("organization").HasKey(o => o.Id));
        model.Entity<Project>(e => e.ToTable("project").HasKey(p => new { p.OrganizationId, p.Id }));
        model.Entity<ApiKey>(e =>
        {
            e.ToTable("api_key").HasKey(k => k.Id);
            e.Property(k => k.Role).HasConversion(r => NameOf(r), text => Enum.Parse<Role>(text, true));
        });
        model.Entity<PortalSession>(e =>
        {
            e.ToTable("portal_session").HasKey(s => new { s.OrganizationId, s.Id });
            e.Property(s => s.Role).HasConversion(r => NameOf(r), text => Enum.Parse<Role>(text, true));
        });
        model.Entity<OperatorSession>(e => e.ToTable("operator_session").HasKey(s => s.Id));
        model.Entity<Integration>(e =>
        {
            e.ToTable("integration").HasKey(i => new { i.OrganizationId, i.Id });
            e.Property(i => i.Headers).HasColumnType("jsonb");
            e.Property(i => i.Metadata).HasColumnType("json");
            // The trigger counts versions; a row changed meanwhile by somebody else is a conflict, not a lost update.
            e.Property(i => i.Version).ValueGeneratedOnAddOrUpdate().IsConcurrencyToken();
        });
        model.Entity<IntegrationSecret>(e => e.ToTable("integration_secret").HasKey(s => new { s.OrganizationId, s.Id }));
        model.Entity<EventType>(e =>
        {
            e.ToTable("event_type").HasKey(t => t.Name);
            e.Property(t => t.Example).HasColumnType("json");
        });
        model.Entity<Job>(e =>
        {
            e.ToTable("job").HasKey(j => new { j.OrganizationId, j.Id });
            e.Property(j => j.Usage).HasColumnType("json");
            e.Property(j => j.FnStatus).HasColumnType("json");
            e.Property(j => j.Result).HasColumnType("json");
        });

        model.Entity<AuditEntry>(e =>
        {
            e.ToTable("audit").HasKey(a => new { a.OrganizationId, a.Id });
            e.Property(a => a.Details).HasColumnType("json");
        });

        // Columns are the snake_case of the members, without an attribute on each.
        foreach (var property in model.Model.GetEntityTypes().SelectMany(t => t.GetProperties()))
            property.SetColumnName(System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
    }

    private static string NameOf(Role role) => role.ToString().ToLowerInvariant();
}
