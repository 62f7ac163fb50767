// The migrations: one class a file of migrations/*.sql, in order. Forward only: a mistake is mended by a further migration.

using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Dispatcher.Storage;

/// <summary>Runs the SQL file that has this migration's id for a name.</summary>
internal abstract class SqlMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var id = GetType().GetCustomAttribute<MigrationAttribute>()!.Id;
        using var stream = typeof(SqlMigration).Assembly.GetManifestResourceStream($"migrations/{id}")
            ?? throw new InvalidOperationException($"migrations/{id}.sql is not in this build.");
        using var reader = new StreamReader(stream);
        migrationBuilder.Sql(reader.ReadToEnd());
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("Migrations go forward only.");
}

[DbContext(typeof(DispatcherDb)), Migration("0001_initial")]
internal sealed class InitialMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0002_limits")]
internal sealed class LimitsMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0003_statistics")]
internal sealed class StatisticsMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0004_recover_replay")]
internal sealed class RecoverReplayMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0005_turns")]
internal sealed class TurnsMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0006_secrets")]
internal sealed class SecretsMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0007_audit")]
internal sealed class AuditMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0008_portal_session")]
internal sealed class PortalSessionMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0009_key_limits")]
internal sealed class KeyLimitsMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0010_partition_names")]
internal sealed class PartitionNamesMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0011_operator_session")]
internal sealed class OperatorSessionMigration : SqlMigration;

[DbContext(typeof(DispatcherDb)), Migration("0012_operating")]
internal sealed class OperatingMigration : SqlMigration;
