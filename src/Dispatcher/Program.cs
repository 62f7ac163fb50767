// Dispatcher: one binary, several verbs. Without a verb it serves.

using System.CommandLine;
using Dispatcher.Platform.Verbs;

var root = new RootCommand("A self-hosted webhook dispatcher on PostgreSQL.")
{
    ServeCommand.Create(args),
    MigrateCommand.Create(args),
    HealthCommand.Create(args),
    KeysCommand.Create(args),
    EmitCommand.Create(),
    ListenCommand.Create(),
};
root.TreatUnmatchedTokensAsErrors = false;
root.SetAction((_, ct) => ServeCommand.RunAsync(args, ct));

// The host handles SIGINT and SIGTERM itself: what is under way is finished first.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
