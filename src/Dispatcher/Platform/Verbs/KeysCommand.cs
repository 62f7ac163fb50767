// keys create: makes a key straight in the database, for whoever has the machine but no key.

using System.CommandLine;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Platform.Verbs;

internal static class KeysCommand
{
    public static Command Create(string[] args)
    {
        var role = new Option<string>("--role") { Description = "operator, admin, member or emitter", DefaultValueFactory = _ => "operator" };
        role.AcceptOnlyFromAmong("operator", "admin", "member", "emitter");
        var organization = new Option<string>("--organization") { Description = "The organization it is bound to (not for operators)", DefaultValueFactory = _ => Tenant.Default };
        var project = new Option<string?>("--project") { Description = "The project it is bound to" };
        var name = new Option<string?>("--name") { Description = "What it is for" };

        var create = new Command("create", "Make a key and print it, this once") { role, organization, project, name };
        create.TreatUnmatchedTokensAsErrors = false;
        create.SetAction((parsed, ct) => Verb.GuardAsync(async () =>
        {
            await using var server = await VerbServer.BuildAsync(args, ct);
            var isOperator = parsed.GetValue(role) == "operator";
            var time = server.App.Services.GetRequiredService<TimeProvider>();
            await using var db = await server.App.Services.GetRequiredService<IDbContextFactory<DispatcherDb>>().CreateDbContextAsync(ct);
            var key = KeyRing.NewKey();
            var row = new ApiKey
            {
                Id = Ids.NewUuid(time.GetUtcNow()),
                Role = Enum.Parse<Role>(parsed.GetValue(role)!, ignoreCase: true),
                OrganizationId = isOperator ? null : parsed.GetValue(organization),
                Project = isOperator ? null : parsed.GetValue(project),
                Name = parsed.GetValue(name),
                Hash = KeyRing.Hash(key),
                CreatedAt = time.GetUtcNow(),
            };
            if (row.OrganizationId is { } id && !await db.Organizations.AnyAsync(o => o.Id == id, ct))
                throw new ConfigurationException($"There is no organization \"{id}\".");
            db.ApiKeys.Add(row);
            db.Audit.Add(AuditContext.OfServer(row.OrganizationId, time, "keys create")
                .Entry(AuditAction.ApiKeyCreated, AuditTarget.ApiKey(row.Id), row.Project, row.ToDetails()));
            await db.SaveChangesAsync(ct);
            await Console.Out.WriteLineAsync($"{Ids.Format(Ids.ApiKey, row.Id)}  {key}");
        }));
        return new Command("keys", "Keys") { create };
    }
}
