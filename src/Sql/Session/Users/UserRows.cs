using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Writes rows of <c>_pico_user</c> and <c>_pico_privilege</c>.</summary>
internal static class UserRows
{
    public static void Put(Transaction transaction, UserEntry user, long schemaVersion) => SystemRows.Put(
        transaction,
        PicoSystemTables.User,
        SystemRows.Of(user.Id),
        SystemRows.Of(user.Name),
        SystemRows.Of(schemaVersion),
        user.Method is null ? SystemRows.Nil : SystemRows.Array(SystemRows.Of(user.Method), SystemRows.Of(user.Secret)),
        SystemRows.Of(user.Owner),
        SystemRows.Of(user.IsRole ? "role" : "user"));

    public static void Put(Transaction transaction, PrivilegeEntry privilege, long schemaVersion) => SystemRows.Put(
        transaction,
        PicoSystemTables.Privilege,
        SystemRows.Of(privilege.GrantorId),
        SystemRows.Of(privilege.GranteeId),
        SystemRows.Of(privilege.Privilege),
        SystemRows.Of(privilege.ObjectType),
        SystemRows.Of(privilege.ObjectId),
        SystemRows.Of(schemaVersion));

    public static bool Delete(Transaction transaction, PrivilegeEntry privilege) => SystemRows.Delete(
        transaction,
        PicoSystemTables.Privilege,
        SystemRows.Of(privilege.GranteeId),
        SystemRows.Of(privilege.Privilege),
        SystemRows.Of(privilege.ObjectType),
        SystemRows.Of(privilege.ObjectId));

    public static void Delete(Transaction transaction, UserEntry user) =>
        SystemRows.Delete(transaction, PicoSystemTables.User, SystemRows.Of(user.Id));

    /// <summary>
    /// Built-in users and roles with their privileges, for a new directory. Admin has no password until one is set, guest may
    /// not log in, pico_service is for instances among themselves.
    /// </summary>
    /// <param name="instanceTable">Space id of <c>_pico_instance</c>, which everybody may read.</param>
    /// <param name="addressTable">Space id of <c>_pico_peer_address</c>, likewise.</param>
    public static void PutBuiltIn(Transaction transaction, uint instanceTable, uint addressTable)
    {
        UserEntry[] users =
        [
            new(UserCatalog.Guest, "guest", false, UserCatalog.Admin, "md5", Passwords.Md5("guest", "")),
            new(UserCatalog.Admin, "admin", false, UserCatalog.Admin, "md5", ""),
            new(UserCatalog.Public, "public", true, UserCatalog.Admin, null, ""),
            new(UserCatalog.Replication, "replication", true, UserCatalog.Admin, null, ""),
            new(UserCatalog.Super, "super", true, UserCatalog.Admin, null, ""),
            new(UserCatalog.PicoService, "pico_service", false, UserCatalog.Admin, "chap-sha1", ""),
        ];
        foreach (UserEntry user in users)
        {
            Put(transaction, user, 0);
        }

        PrivilegeEntry[] privileges =
        [
            new(UserCatalog.Admin, UserCatalog.Admin, "login", "universe", 0),
            new(UserCatalog.Admin, UserCatalog.Guest, "execute", "role", UserCatalog.Public),
            new(UserCatalog.Admin, UserCatalog.PicoService, "execute", "role", UserCatalog.Public),
            new(UserCatalog.Admin, UserCatalog.Public, "read", "table", instanceTable),
            new(UserCatalog.Admin, UserCatalog.Public, "read", "table", addressTable),
        ];
        foreach (PrivilegeEntry privilege in privileges)
        {
            Put(transaction, privilege, 0);
        }
    }
}
