using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>Databases, tablespaces, roles.</summary>
internal static class ServerRows
{
    private const uint PostgresDatabase = 5;
    private const uint OtherDatabase = 16000;
    private const int Utf8 = 6;

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_database"] = Databases;
        rows["pg_tablespace"] = Tablespaces;
        rows["pg_roles"] = Roles;
        rows["pg_authid"] = Roles;
        rows["pg_user"] = Users;
        rows["pg_shadow"] = Users;
        rows["pg_group"] = Groups;
        rows["pg_auth_members"] = Members;
        rows["pg_stat_database"] = DatabaseStatistics;
    }

    /// <summary>All names are the one database; clients are shown the name that they came by, and postgres.</summary>
    public static IEnumerable<(uint Oid, string Name)> DatabaseNames(string current)
    {
        yield return (PostgresDatabase, "postgres");
        if (current != "postgres")
        {
            yield return (OtherDatabase, current);
        }
    }

    /// <summary>Oid of the database that the session came by.</summary>
    public static uint CurrentDatabase(string current) => current == "postgres" ? PostgresDatabase : OtherDatabase;

    private static IEnumerable<Datum[]> Databases(SystemScan scan)
    {
        foreach ((uint oid, string name) in DatabaseNames(scan.Database))
        {
            yield return scan.Row()
                .Set("oid", oid)
                .Set("datname", name)
                .Set("datdba", CatalogOids.Role(1))
                .Set("encoding", Utf8)
                .Set("datlocprovider", "c")
                .Set("datallowconn", true)
                .Set("datconnlimit", -1)
                .Set("dattablespace", 1663)
                .Set("datcollate", "C")
                .Set("datctype", "C")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> DatabaseStatistics(SystemScan scan)
    {
        foreach ((uint oid, string name) in DatabaseNames(scan.Database))
        {
            yield return scan.Row()
                .Set("datid", oid)
                .Set("datname", name)
                .Set("numbackends", scan.Session.Sessions.Count(session => session.Database == name))
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Tablespaces(SystemScan scan)
    {
        yield return scan.Row().Set("oid", 1663).Set("spcname", "pg_default").Set("spcowner", CatalogOids.Role(1)).Done();
        yield return scan.Row().Set("oid", 1664).Set("spcname", "pg_global").Set("spcowner", CatalogOids.Role(1)).Done();
    }

    private static IEnumerable<Datum[]> Roles(SystemScan scan)
    {
        foreach (RoleEntry role in scan.Session.Roles)
        {
            yield return scan.Row()
                .Set("oid", CatalogOids.Role(role.Id))
                .Set("rolname", role.Name)
                .Set("rolsuper", role.IsSuperuser)
                .Set("rolinherit", true)
                .Set("rolcreaterole", role.CanCreateRole || role.IsSuperuser)
                .Set("rolcreatedb", role.IsSuperuser)
                .Set("rolcanlogin", role.CanLogin)
                .Set("rolreplication", false)
                .Set("rolbypassrls", role.IsSuperuser)
                .Set("rolconnlimit", -1)
                .Set("rolpassword", "********")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Users(SystemScan scan)
    {
        foreach (RoleEntry role in scan.Session.Roles.Where(role => role.CanLogin))
        {
            yield return scan.Row()
                .Set("usename", role.Name)
                .Set("usesysid", CatalogOids.Role(role.Id))
                .Set("usecreatedb", role.IsSuperuser)
                .Set("usesuper", role.IsSuperuser)
                .Set("userepl", false)
                .Set("usebypassrls", role.IsSuperuser)
                .Set("passwd", "********")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Groups(SystemScan scan)
    {
        foreach (RoleEntry role in scan.Session.Roles.Where(role => !role.CanLogin))
        {
            yield return scan.Row()
                .Set("groname", role.Name)
                .Set("grosysid", CatalogOids.Role(role.Id))
                .SetArray("grolist", scan.Session.Roles.Where(member => member.MemberOf.Contains(role.Id)).Select(member => (long)CatalogOids.Role(member.Id)))
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Members(SystemScan scan)
    {
        foreach (RoleEntry role in scan.Session.Roles)
        {
            foreach (uint group in role.MemberOf)
            {
                yield return scan.Row()
                    .Set("roleid", CatalogOids.Role(group))
                    .Set("member", CatalogOids.Role(role.Id))
                    .Set("grantor", CatalogOids.Role(1))
                    .Done();
            }
        }
    }
}
