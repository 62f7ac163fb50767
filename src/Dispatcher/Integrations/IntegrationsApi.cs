// /integrations: the endpoints that customers register.

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Deliveries;
using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Dispatcher.Secrets;
using Dispatcher.Signing;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Dispatcher.Integrations;

internal static class IntegrationsApi
{
    /// <summary>What a test's body has besides its payload.</summary>
    private const int TestEnvelopeBytes = 4096;

    public static void MapIntegrations(this IEndpointRouteBuilder app)
    {
        var read = app.MapGroup("/integrations").WithTags("Integrations").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(IntegrationsReference.List);
        read.MapGet("/{id}", Get).Describe(IntegrationsReference.Get);

        var write = app.MapGroup("/integrations").WithTags("Integrations").WithMetadata(Admits.Writers);
        write.MapPost("/", Create).Describe(IntegrationsReference.Create);
        write.MapPut("/{id}", Replace).Describe(IntegrationsReference.Replace);
        write.MapPatch("/{id}", Patch).Describe(IntegrationsReference.Change);
        write.MapDelete("/{id}", Delete).Describe(IntegrationsReference.Delete);
        write.MapGet("/{id}/secret", GetSecret).Describe(IntegrationsReference.GetSecret);
        write.MapPost("/{id}/secret/rotate", Rotate).Describe(IntegrationsReference.Rotate);
        var largest = app.ServiceProvider.GetRequiredService<DispatcherOptions>().Intake.MaxPayloadBytes;
        write.MapPost("/{id}/test", Test).Describe(IntegrationsReference.Test).WithMetadata(new BodyLimit(largest + TestEnvelopeBytes));
    }

    private static async Task<Created<IntegrationCreated>> Create(
        Body<IntegrationRequest> body, Tenant tenant, DispatcherDb db, SecretBox box, SigningKeys keys, DispatcherOptions options, AuditContext audit,
        TimeProvider time,
        CancellationToken ct)
    {
        body.Check((r, faults) => IntegrationRules.CheckNew(r, options, faults));
        var now = time.GetUtcNow();
        var integration = new Integration
        {
            OrganizationId = tenant.Organization,
            Id = Ids.NewUuid(now),
            Type = "",
            Events = [],
            Target = "",
            Headers = "{}",
            Ordering = "none",
            Signing = body.Value.Signing ?? SigningScheme.Hmac,
            Metadata = "{}",
            CreatedAt = now,
        };
        integration.Apply(body.Value with { Project = tenant.ProjectFor(body.Value.Project) }, box, time);
        var secret = keys.New(integration, SigningScheme.Generate(integration.Signing), now);
        db.Integrations.Add(integration);
        db.IntegrationSecrets.Add(secret);
        db.Audit.Add(Entry(audit, AuditAction.IntegrationCreated, integration, IntegrationChanges.Between(null, integration.AsStored())));
        await db.SaveChangesAsync(ct);
        var view = integration.ToView(options);
        return TypedResults.Created($"/integrations/{view.Id}", new IntegrationCreated(view, keys.ReceiversKeyOf(secret)));
    }

    private static async Task<Ok<Page<IntegrationView>>> List(
        PageQuery page, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        var after = page.AfterId;
        var rows = await db.IntegrationsOf(tenant).AsNoTracking()
            .Where(i => after == null || i.Id < after)
            .OrderByDescending(i => i.Id).Take(page.Limit + 1).ToListAsync(ct);
        return TypedResults.Ok(Page<IntegrationView>.Of(rows.ConvertAll(i => i.ToView(options)), page, v => v.Id[4..]));
    }

    private static async Task<Ok<IntegrationView>> Get(string id, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct) =>
        TypedResults.Ok((await FindAsync(id, tenant, db, ct)).ToView(options));

    private static async Task<Ok<IntegrationView>> Replace(
        string id, Body<IntegrationRequest> body, Tenant tenant, DispatcherDb db, SecretBox box, DispatcherOptions options, AuditContext audit,
        TimeProvider time, CancellationToken ct)
    {
        body.Check((r, faults) => IntegrationRules.Check(r, options, faults));
        var integration = await FindAsync(id, tenant, db, ct);
        IntegrationRules.CheckSame(body.Value, integration);
        var before = integration.AsStored();
        integration.Apply(body.Value with { Project = tenant.ProjectFor(body.Value.Project) }, box, time);
        return await SaveAsync(integration, before, db, options, audit, ct);
    }

    private static async Task<Ok<IntegrationView>> Patch(
        string id, Patch<IntegrationRequest> patch, Tenant tenant, DispatcherDb db, SecretBox box, DispatcherOptions options, AuditContext audit,
        TimeProvider time,
        CancellationToken ct)
    {
        var integration = await FindAsync(id, tenant, db, ct);
        var request = patch.Check(integration.Merge, (r, faults) => IntegrationRules.Check(r, options, faults, integration));
        IntegrationRules.CheckSame(request, integration);
        var before = integration.AsStored();
        integration.Apply(request with { Project = tenant.ProjectFor(request.Project) }, box, time);
        return await SaveAsync(integration, before, db, options, audit, ct);
    }

    private static async Task<NoContent> Delete(string id, Tenant tenant, DispatcherDb db, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        var integration = await FindAsync(id, tenant, db, ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.IntegrationSecrets.Where(s => s.OrganizationId == tenant.Organization && s.IntegrationId == integration.Id).ExecuteDeleteAsync(ct);
        var now = time.GetUtcNow();
        // What was secret goes at once; the row stays until nothing refers to it (Maintenance).
        var gone = await db.Integrations.Where(i => i.OrganizationId == tenant.Organization && i.Id == integration.Id && i.DeletedAt == null).ExecuteUpdateAsync(
            set => set.SetProperty(i => i.DeletedAt, now).SetProperty(i => i.Headers, "{}")
                .SetProperty(i => i.BasicUsername, (string?)null).SetProperty(i => i.BasicPassword, (string?)null),
            ct);
        if (gone == 0) throw NotFound(id);
        db.Audit.Add(Entry(audit, AuditAction.IntegrationDeleted, integration, new()
        {
            ["name"] = integration.Name,
            ["target"] = IntegrationChanges.WithoutQuery(integration.Target),
        }));
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<SecretView>> GetSecret(
        string id, Tenant tenant, DispatcherDb db, SigningKeys keys, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        var integration = await FindAsync(id, tenant, db, ct);
        var secrets = await LiveSecretsAsync(integration, db, time, ct);
        // Nobody has read it of whom there is no entry.
        db.Audit.Add(Entry(audit, AuditAction.SecretRead, integration));
        await db.SaveChangesAsync(ct);
        return TypedResults.Ok(keys.ToView(secrets));
    }

    private static async Task<Ok<SecretView>> Rotate(
        string id, Body<RotateRequest> body, Tenant tenant, DispatcherDb db, SigningKeys keys, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        const int maxLive = 10;
        body.Check((r, faults) =>
        {
            faults.Require(r.GraceSeconds is null or (>= 0 and <= 2_592_000), "grace_seconds", "must be from 0 to 2592000 (30 days).");
            if (r.Secret is { } given && !SigningKey.TryParse(given, out _, out var error)) faults.Add("secret", error);
        });

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // Touching the row makes rotations of one integration wait for each other, and gives senders a new version.
        var integration = await FindAsync(id, tenant, db, ct);
        if (body.Value.Secret is { } key && !SigningScheme.IsKey(integration.Signing, key, out var mismatch)) throw Problem.Invalid("secret", mismatch).AsException();
        integration.UpdatedAt = time.GetUtcNow();
        await SaveOrConflictAsync(db, ct);

        var now = time.GetUtcNow();
        var grace = TimeSpan.FromSeconds(body.Value.GraceSeconds ?? 86_400);
        var live = await LiveSecretsAsync(integration, db, time, ct);
        if (live.Count >= maxLive && grace > TimeSpan.Zero)
            throw Problem.Conflict($"{maxLive} secrets are live already; rotate with grace_seconds 0, or wait until a grace ends.").AsException();
        var next = keys.New(integration, body.Value.Secret ?? SigningScheme.Generate(integration.Signing), now);
        if (live.Exists(s => keys.AreSame(s, next))) throw Problem.Conflict("The secret is live already.").AsException();
        foreach (var current in live.Where(s => s.ExpiresAt is null)) current.ExpiresAt = now + grace;
        db.IntegrationSecrets.Add(next);
        db.Audit.Add(Entry(audit, AuditAction.SecretRotated, integration, new()
        {
            ["grace_seconds"] = (int)grace.TotalSeconds,
            ["given"] = body.Value.Secret is not null,
        }));
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(keys.ToView([next, .. live.Where(s => s.ExpiresAt > now)]));
    }

    private static async Task<Accepted<DeliveryView>> Test(
        string id, Body<TestRequest> body, Tenant tenant, DispatcherDb db, LaneSet lanes, EventIntake intake, DeliveryStore deliveries,
        OpenBreakers breakers, DispatcherOptions options, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        body.Check(CheckTest);
        var integration = await FindAsync(id, tenant, db, ct);
        var type = await db.EventTypes.AsNoTracking().SingleOrDefaultAsync(t => t.Name == body.Value.Event, ct)
            ?? throw Problem.Invalid("event", $"\"{body.Value.Event}\" is not in the catalogue (/event-types).").AsException();
        if (!integration.Enabled) throw Problem.Conflict("The integration is disabled: nothing is sent to it.").AsException();

        var payload = PayloadOf(body.Value, type, options);
        var route = new EventRoute(tenant.Organization, integration.Project, integration.Inbox, type.Name, integration.Id);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        using var holding = lanes.Hold();
        var batch = await EventIntake.AcceptWithinAsync(
            [new NewEvent(Ids.NewUuid(time.GetUtcNow()), route, payload)], holding,
            (NpgsqlConnection)db.Database.GetDbConnection(), (NpgsqlTransaction)transaction.GetDbTransaction(), ct);
        if (batch.Answers[0].DeliveryId is not { } deliveryId) throw Problem.Conflict("The integration was disabled meanwhile.").AsException();
        db.Audit.Add(Entry(audit, AuditAction.IntegrationTested, integration, new()
        {
            ["event"] = type.Name,
            ["delivery"] = Ids.Format(Ids.Delivery, deliveryId),
        }));
        await db.SaveChangesAsync(ct);
        await intake.CommitAsync(transaction.CommitAsync, batch, holding);
        await breakers.HurryAsync(tenant.Organization, integration.Id, ct);
        var view = await deliveries.FindAsync(tenant, deliveryId, ct) ?? throw Problem.Conflict("The delivery is gone.").AsException();
        return TypedResults.Accepted($"/deliveries/{view.Id}", view);
    }

    private static void CheckTest(TestRequest request, Faults faults)
    {
        faults.Require(!string.IsNullOrEmpty(request.Event), "event", "is required: an event type of the catalogue.");
        faults.Require(request.Payload is null or { ValueKind: JsonValueKind.Object or JsonValueKind.Null }, "payload", "must be a JSON object.");
    }

    /// <exception cref="ProblemException">413: it is larger than an event's may be.</exception>
    private static byte[] PayloadOf(TestRequest request, EventType type, DispatcherOptions options)
    {
        var payload = Encoding.UTF8.GetBytes(request.Payload is { ValueKind: JsonValueKind.Object } own ? own.GetRawText() : type.Example ?? "{}");
        var most = options.Intake.MaxPayloadBytes;
        return payload.Length <= most ? payload : throw Problem.TooLarge($"payload: has {payload.Length} bytes, more than the {most} that this server takes.").AsException();
    }

    private static async Task<Integration> FindAsync(string id, Tenant tenant, DispatcherDb db, CancellationToken ct) =>
        (Ids.TryParse(Ids.Integration, id, out var key) ? await db.IntegrationsOf(tenant).SingleOrDefaultAsync(i => i.Id == key, ct) : null)
        ?? throw NotFound(id);

    private static ProblemException NotFound(string id) => Problem.NotFound($"There is no integration \"{id}\".").AsException();

    private static async Task<Ok<IntegrationView>> SaveAsync(
        Integration integration, IntegrationRequest before, DispatcherDb db, DispatcherOptions options, AuditContext audit, CancellationToken ct)
    {
        var action = before.Enabled == integration.Enabled ? AuditAction.IntegrationUpdated
            : integration.Enabled ? AuditAction.IntegrationEnabled : AuditAction.IntegrationDisabled;
        db.Audit.Add(Entry(audit, action, integration, IntegrationChanges.Between(before, integration.AsStored())));
        await SaveOrConflictAsync(db, ct);
        return TypedResults.Ok(integration.ToView(options));
    }

    private static AuditEntry Entry(AuditContext audit, string action, Integration integration, JsonObject? details = null) =>
        audit.Entry(action, AuditTarget.Integration(integration.Id), integration.Project, details);

    private static async Task SaveOrConflictAsync(DispatcherDb db, CancellationToken ct)
    {
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateConcurrencyException)
        {
            throw Problem.Conflict("The integration was changed by somebody else at the same time; read it and try again.").AsException();
        }
    }

    private static async Task<List<IntegrationSecret>> LiveSecretsAsync(Integration integration, DispatcherDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await db.IntegrationSecrets
            .Where(s => s.OrganizationId == integration.OrganizationId && s.IntegrationId == integration.Id && (s.ExpiresAt == null || s.ExpiresAt > now))
            .OrderByDescending(s => s.Id).ToListAsync(ct);
    }
}
