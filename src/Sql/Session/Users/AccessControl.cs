using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// Who may do what: the table of section 7.8 of Picodata's behaviour. The creator of an object holds all rights on it, admin
/// holds all rights, everybody else what was granted to them, to their roles, or to public. Errors are 42501 in
/// Picodata's words.
/// </summary>
internal static class AccessControl
{
    /// <summary>Refuses unless the user owns the table or holds the privilege on it (read, write, alter, drop, create).</summary>
    public static void RequireTable(UserCatalog users, uint userId, string privilege, uint tableId, string tableName, uint ownerId)
    {
        if (userId != ownerId && !users.Holds(userId, privilege, "table", tableId))
        {
            throw Denied(users, userId, privilege, "space", tableName);
        }
    }

    /// <summary>Refuses unless the user owns the routine or holds the privilege on it (execute, drop).</summary>
    public static void RequireRoutine(UserCatalog users, uint userId, string privilege, uint routineId, string name, uint ownerId)
    {
        if (userId != ownerId && !users.Holds(userId, privilege, "routine", routineId))
        {
            throw Denied(users, userId, privilege, "function", name);
        }
    }

    /// <summary>Refuses unless the user may create objects of a type (table, routine, user, role).</summary>
    public static void RequireCreate(UserCatalog users, uint userId, string objectType, string name)
    {
        if (!users.Holds(userId, "create", objectType, UserCatalog.AllObjects))
        {
            throw Denied(users, userId, "create", objectType switch { "table" => "space", "routine" => "function", _ => objectType }, name);
        }
    }

    /// <summary>Refuses unless the user owns the other user or role, or holds the privilege on it (alter, drop).</summary>
    public static void RequireUser(UserCatalog users, uint userId, string privilege, UserEntry target)
    {
        string type = target.IsRole ? "role" : "user";
        if (userId != target.Owner && userId != target.Id && !users.Holds(userId, privilege, type, target.Id))
        {
            throw Denied(users, userId, privilege, type, target.Name);
        }
    }

    /// <summary>Refuses everybody but admin.</summary>
    /// <param name="what">Such as <c>System</c>, <c>Backup</c>, <c>Plugin system</c>, <c>Audit policy</c>.</param>
    public static void RequireAdmin(UserCatalog users, uint userId, string what)
    {
        if (userId != UserCatalog.Admin)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"{what} access is denied for user '{users.Find(userId)?.Name}'");
        }
    }

    /// <summary>What nobody may do to a system table.</summary>
    public static DbException DeniedForAll(string privilege, string tableName) =>
        new(SqlStates.InsufficientPrivilege, $"{Capital(privilege)} access to table '{tableName}' is denied for all users");

    private static DbException Denied(UserCatalog users, uint userId, string privilege, string type, string name) =>
        new(SqlStates.InsufficientPrivilege, $"{Capital(privilege)} access to {type} '{name}' is denied for user '{users.Find(userId)?.Name}'");

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}
