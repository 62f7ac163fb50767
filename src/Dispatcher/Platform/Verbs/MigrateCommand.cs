// migrate: brings the database to this binary's schema and ends.

using System.CommandLine;
using Dispatcher.Access;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Platform.Verbs;

internal static class MigrateCommand
{
    public static Command Create(string[] args)
    {
        var command = new Command("migrate", "Bring the database to this version's schema, and end") { TreatUnmatchedTokensAsErrors = false };
        command.SetAction((_, ct) => Verb.GuardAsync(async () =>
        {
            await using var server = await VerbServer.BuildAsync(args, ct);
            await using var db = await server.App.Services.GetRequiredService<IDbContextFactory<Storage.DispatcherDb>>().CreateDbContextAsync(ct);
            await Console.Out.WriteLineAsync($"The schema is at {(await db.Database.GetAppliedMigrationsAsync(ct)).Last()}.");
        }));
        return command;
    }
}
