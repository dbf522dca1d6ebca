using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>What sessions tell: settings, activity, locks, prepared statements, cursors.</summary>
internal static class SessionRows
{
    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_settings"] = Settings;
        rows["pg_stat_activity"] = Activity;
        rows["pg_stat_ssl"] = scan => scan.Session.Sessions.Select(session => scan.Row().Set("pid", session.ProcessId).Done());
        rows["pg_locks"] = Locks;
        rows["pg_prepared_statements"] = Prepared;
        rows["pg_cursors"] = Cursors;
        rows["pg_timezone_names"] = TimeZones;
    }

    private static IEnumerable<Datum[]> Settings(SystemScan scan)
    {
        foreach (SettingEntry setting in scan.Session.Settings.OrderBy(setting => setting.Name, StringComparer.OrdinalIgnoreCase))
        {
            RowBuilder row = scan.Row()
                .Set("name", setting.Name)
                .Set("setting", setting.Value)
                .Set("unit", setting.Unit)
                .Set("category", setting.Category)
                .Set("short_desc", setting.Description)
                .Set("context", setting.Context)
                .Set("vartype", setting.Type)
                .Set("source", setting.Source)
                .Set("min_val", setting.Minimum)
                .Set("max_val", setting.Maximum)
                .Set("boot_val", setting.BootValue ?? setting.Value)
                .Set("reset_val", setting.ResetValue ?? setting.Value)
                .Set("pending_restart", false);
            yield return (setting.Values is null ? row : row.SetArray("enumvals", setting.Values)).Done();
        }
    }

    private static IEnumerable<Datum[]> Activity(SystemScan scan)
    {
        foreach (SessionEntry session in scan.Session.Sessions.OrderBy(session => session.ProcessId))
        {
            (string? address, long? port) = Split(session.RemoteAddress);
            RoleEntry? role = scan.Session.Roles.FirstOrDefault(role => role.Name == session.User);
            yield return scan.Row()
                .Set("datid", ServerRows.CurrentDatabase(session.Database))
                .Set("datname", session.Database)
                .Set("pid", session.ProcessId)
                .Set("usesysid", role is null ? Datum.Null : Datum.Int(CatalogOids.Role(role.Id)))
                .Set("usename", session.User)
                .Set("application_name", session.ApplicationName)
                .Set("client_addr", address)
                .Set("client_port", port is long number ? Datum.Int(number) : Datum.Int(-1))
                .Set("backend_start", Datum.Timestamp(session.StartedAt))
                .Set("xact_start", Time(session.TransactionStart))
                .Set("query_start", Time(session.QueryStart))
                .Set("state_change", Time(session.StateChange))
                .Set("wait_event_type", session.IsWaiting ? "Lock" : session.State == "active" ? null : "Client")
                .Set("wait_event", session.IsWaiting ? "tuple" : session.State == "active" ? null : "ClientRead")
                .Set("state", session.State)
                .Set("query", session.Query)
                .Set("backend_type", "client backend")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Locks(SystemScan scan)
    {
        foreach (LockEntry held in scan.Session.Locks)
        {
            yield return scan.Row()
                .Set("locktype", "relation")
                .Set("database", ServerRows.CurrentDatabase(scan.Database))
                .Set("relation", held.TableOid)
                .Set("virtualtransaction", $"{held.ProcessId}/0")
                .Set("pid", held.ProcessId)
                .Set("mode", held.Mode)
                .Set("granted", held.IsGranted)
                .Set("fastpath", false)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Prepared(SystemScan scan)
    {
        foreach (PreparedEntry statement in scan.Session.PreparedStatements)
        {
            yield return scan.Row()
                .Set("name", statement.Name)
                .Set("statement", statement.Statement)
                .Set("prepare_time", Datum.Timestamp(statement.PreparedAt))
                .SetArray("parameter_types", statement.ParameterTypes.Select(type => (long)type.Oid))
                .Set("from_sql", statement.FromSql)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Cursors(SystemScan scan)
    {
        foreach (CursorEntry cursor in scan.Session.Cursors)
        {
            yield return scan.Row()
                .Set("name", cursor.Name)
                .Set("statement", cursor.Statement)
                .Set("is_holdable", cursor.IsHoldable)
                .Set("is_binary", cursor.IsBinary)
                .Set("is_scrollable", cursor.IsScrollable)
                .Set("creation_time", Datum.Timestamp(cursor.CreatedAt))
                .Done();
        }
    }

    private static IEnumerable<Datum[]> TimeZones(SystemScan scan)
    {
        foreach (TimeZoneInfo zone in TimeZoneInfo.GetSystemTimeZones(skipSorting: true))
        {
            yield return scan.Row()
                .Set("name", zone.Id)
                .Set("abbrev", zone.StandardName)
                .Set("utc_offset", Datum.Interval(new Interval(0, 0, zone.BaseUtcOffset.Ticks / 10)))
                .Set("is_dst", false)
                .Done();
        }
    }

    private static Datum Time(long? microseconds) => microseconds is long value ? Datum.Timestamp(value) : Datum.Null;

    private static (string? Address, long? Port) Split(string? remote)
    {
        int colon = remote?.LastIndexOf(':') ?? -1;
        return colon > 0 && long.TryParse(remote!.AsSpan(colon + 1), out long port)
            ? (remote![..colon].Trim('[', ']'), port)
            : (null, null);
    }
}
