using System.Globalization;
using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>An object that privileges are about.</summary>
/// <param name="Type">table or routine.</param>
/// <param name="Id">Space id or routine id.</param>
/// <param name="OwnerId">Its creator.</param>
internal sealed record GrantObject(string Type, long Id, string Name, uint OwnerId, bool IsSystem);

/// <summary>What a statement about users runs in.</summary>
/// <param name="Transaction">Where rows are written.</param>
/// <param name="Users">Users and privileges as the transaction sees them.</param>
/// <param name="ActorId">Who runs the statement.</param>
/// <param name="SchemaVersion">Version that the rows get.</param>
internal sealed record UserStatementContext(Transaction Transaction, UserCatalog Users, uint ActorId, long SchemaVersion)
{
    public PasswordPolicy Policy { get; init; } = PasswordPolicy.Default;

    /// <summary>Method of passwords whose statement names none.</summary>
    public PasswordMethod DefaultMethod { get; init; } = PasswordMethod.Md5;

    /// <summary>16 random bytes for a salt.</summary>
    public required Func<byte[]> Salt { get; init; }

    /// <summary>Finds a table or routine by name; throws 42P01 or 42883.</summary>
    public required Func<ObjectKind, ObjectName, GrantObject> FindObject { get; init; }

    /// <summary>All that a user owns, as lines of DROP USER's error (<c>owner of tables a, b</c>).</summary>
    public required Func<uint, IReadOnlyList<string>> OwnedObjects { get; init; }

    /// <summary>Notices for the client.</summary>
    public Action<Notice> Notify { get; init; } = _ => { };

    /// <summary>Lets a locked-out user try again.</summary>
    public Action<string> Unlock { get; init; } = _ => { };
}

/// <summary>CREATE, ALTER and DROP of users and roles, GRANT and REVOKE: section 7.8 of Picodata's behaviour.</summary>
internal static class UserStatements
{
    /// <summary>Runs the statement inside of the transaction; gives its command tag. The caller reloads the catalog of users afterwards.</summary>
    public static string Execute(UserStatementContext context, Statement statement)
    {
        SystemRows.Lock(context.Transaction, PicoSystemTables.User);
        SystemRows.Lock(context.Transaction, PicoSystemTables.Privilege);
        return statement switch
        {
            CreateUserStatement create => Create(context, create),
            AlterUserStatement alter => Alter(context, alter),
            DropStatement { Kind: ObjectKind.User or ObjectKind.Role } drop => Drop(context, drop),
            GrantStatement { Roles.Count: > 0 } grant => GrantRoles(context, grant),
            GrantStatement grant => GrantPrivileges(context, grant),
            _ => throw new ArgumentException($"{statement.GetType().Name} is not about users", nameof(statement)),
        };
    }

    /// <summary>What is stored for a password, checked against the policy.</summary>
    public static (string Method, string Secret) Secret(UserStatementContext context, string user, string password, PasswordMethod? method)
    {
        Passwords.Check(password, context.Policy);
        return (method ?? context.DefaultMethod) switch
        {
            PasswordMethod.Md5 => ("md5", Passwords.Md5(user, password)),
            PasswordMethod.ScramSha256 => ("scram-sha256", Passwords.Scram(password, context.Salt())),
            PasswordMethod.ChapSha1 => ("chap-sha1", ChapSha1(password)),
            _ => throw new DbException(SqlStates.FeatureNotSupported, "LDAP authentication is not supported yet"),
        };
    }

    private static string Create(UserStatementContext context, CreateUserStatement create)
    {
        string type = create.IsRole ? "role" : "user";
        AccessControl.RequireCreate(context.Users, context.ActorId, type, create.Name);
        if (context.Users.Find(create.Name) is not null)
        {
            if (!create.IfNotExists)
            {
                throw new DbException(SqlStates.DuplicateObject, $"role \"{create.Name}\" already exists");
            }

            context.Notify(new Notice(NoticeSeverity.Notice, SqlStates.DuplicateObject, $"role \"{create.Name}\" already exists, skipping"));
            return "CREATE ROLE";
        }

        if (context.Users.Users.Count >= UserCatalog.CountMax)
        {
            throw new DbException(
                SqlStates.ConfigurationLimitExceeded,
                $"a limit on the total number of users has been reached: {UserCatalog.CountMax.ToString(CultureInfo.InvariantCulture)}");
        }

        uint id = Enumerable.Range((int)UserCatalog.FirstId, UserCatalog.CountMax).Select(number => (uint)number).First(number => context.Users.Find(number) is null);
        (string? method, string secret) = create.Options.Method == PasswordMethod.Ldap || create.Options.Password is null
            ? ((string?)null, "")
            : Secret(context, create.Name, create.Options.Password, create.Options.Method);
        bool isRole = create.IsRole && create.Options.CanLogin != true;
        UserRows.Put(context.Transaction, new UserEntry(id, create.Name, isRole, context.ActorId, isRole ? null : method ?? "md5", secret), context.SchemaVersion);
        if (!isRole)
        {
            Put(context, id, "execute", "role", UserCatalog.Public);
            if (create.Options.CanLogin != false)
            {
                Put(context, id, "login", "universe", 0);
            }
        }

        foreach (string role in create.Options.InRoles)
        {
            Put(context, id, "execute", "role", RoleToGrant(context, role).Id);
        }

        return "CREATE ROLE";
    }

    private static string Alter(UserStatementContext context, AlterUserStatement alter)
    {
        UserEntry user = context.Users.Get(alter.Name, alter.Position);
        AccessControl.RequireUser(context.Users, context.ActorId, "alter", user);
        if (alter.NewName is { } name)
        {
            Rename(context, user, name);
        }

        if (alter.Options.Password is { } password)
        {
            if (user.Id is UserCatalog.Guest or UserCatalog.PicoService || user.IsRole)
            {
                throw new DbException(SqlStates.InsufficientPrivilege, $"altering the password of '{user.Name}' is not allowed");
            }

            (string method, string secret) = Secret(context, user.Name, password, alter.Options.Method);
            UserRows.Put(context.Transaction, user with { Method = method, Secret = secret }, context.SchemaVersion);
        }
        else if (alter.Options.PasswordIsNull)
        {
            UserRows.Put(context.Transaction, user with { Secret = "" }, context.SchemaVersion);
        }

        if (alter.Options.CanLogin is { } canLogin)
        {
            AllowLogin(context, user, canLogin);
        }

        return "ALTER ROLE";
    }

    private static void Rename(UserStatementContext context, UserEntry user, string name)
    {
        if (user.Id < UserCatalog.FirstId)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"renaming '{user.Name}' is not allowed: it is built in");
        }

        if (context.Users.Find(name) is not null)
        {
            throw new DbException(SqlStates.DuplicateObject, $"role \"{name}\" already exists");
        }

        if (user is { Method: "md5", Secret: not "" })
        {
            context.Notify(new Notice(NoticeSeverity.Notice, SqlStates.SuccessfulCompletion, "MD5 password cleared because of role rename"));
            user = user with { Secret = "" };
        }

        UserRows.Put(context.Transaction, user with { Name = name }, context.SchemaVersion);
    }

    private static void AllowLogin(UserStatementContext context, UserEntry user, bool canLogin)
    {
        if (user.IsRole)
        {
            throw new DbException(SqlStates.WrongObjectType, $"\"{user.Name}\" is a role: only users log in");
        }

        if (canLogin)
        {
            Put(context, user.Id, "login", "universe", 0);
            context.Unlock(user.Name);
        }
        else if (user.Id is UserCatalog.Admin or UserCatalog.PicoService)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"revoking LOGIN from '{user.Name}' is not allowed");
        }
        else
        {
            UserRows.Delete(context.Transaction, new PrivilegeEntry(0, user.Id, "login", "universe", 0));
        }
    }

    private static string Drop(UserStatementContext context, DropStatement drop)
    {
        foreach (ObjectName target in drop.Names)
        {
            if (context.Users.Find(target.Name) is not { } user)
            {
                if (!drop.IfExists)
                {
                    throw new DbException(SqlStates.UndefinedObject, $"role \"{target.Name}\" does not exist");
                }

                context.Notify(new Notice(NoticeSeverity.Notice, SqlStates.SuccessfulCompletion, $"role \"{target.Name}\" does not exist, skipping"));
                continue;
            }

            AccessControl.RequireUser(context.Users, context.ActorId, "drop", user);
            if (user.Id < UserCatalog.FirstId)
            {
                throw new DbException(SqlStates.InsufficientPrivilege, $"dropping '{user.Name}' is not allowed: it is built in");
            }

            IReadOnlyList<string> owned = context.OwnedObjects(user.Id);
            if (owned.Count > 0)
            {
                throw new DbException(
                    SqlStates.DependentObjectsStillExist, "user cannot be dropped because some objects depend on it", detail: string.Join('\n', owned));
            }

            foreach (PrivilegeEntry privilege in context.Users.Privileges.Where(entry =>
                entry.GranteeId == user.Id || (entry.ObjectType is "role" or "user" && entry.ObjectId == user.Id)))
            {
                UserRows.Delete(context.Transaction, privilege);
            }

            UserRows.Delete(context.Transaction, user);
        }

        return "DROP ROLE";
    }

    private static string GrantRoles(UserStatementContext context, GrantStatement grant)
    {
        foreach (string roleName in grant.Roles)
        {
            UserEntry role = RoleToGrant(context, roleName);
            if (context.ActorId != UserCatalog.Admin && context.ActorId != role.Owner)
            {
                throw new DbException(SqlStates.InsufficientPrivilege, $"Grant access to role '{role.Name}' is denied for user '{context.Users.Find(context.ActorId)?.Name}'");
            }

            foreach (UserEntry grantee in grant.Grantees.Select(name => context.Users.Get(name)))
            {
                if (grant.IsRevoke && role.Id == UserCatalog.Public)
                {
                    throw new DbException(SqlStates.InsufficientPrivilege, "Revoking role 'public' is denied");
                }

                if (!grant.IsRevoke && context.Users.WouldLoop(role.Id, grantee.Id))
                {
                    throw new DbException(SqlStates.InvalidObjectDefinition, $"Granting role {role.Name} to role {grantee.Name} would create a loop");
                }

                Change(context, grant.IsRevoke, new PrivilegeEntry(context.ActorId, grantee.Id, "execute", "role", role.Id));
            }
        }

        return grant.IsRevoke ? "REVOKE ROLE" : "GRANT ROLE";
    }

    private static string GrantPrivileges(UserStatementContext context, GrantStatement grant)
    {
        foreach (UserEntry grantee in grant.Grantees.Select(name => context.Users.Get(name)))
        {
            foreach (string privilege in grant.Privileges.SelectMany(word => Stored(word, grant.Kind)).Distinct())
            {
                GrantOne(context, grant, grantee, privilege);
            }
        }

        return grant.IsRevoke ? "REVOKE" : "GRANT";
    }

    private static void GrantOne(UserStatementContext context, GrantStatement grant, UserEntry grantee, string privilege)
    {
        if (privilege == "login")
        {
            AccessControl.RequireUser(context.Users, context.ActorId, "alter", grantee);
            AllowLogin(context, grantee, !grant.IsRevoke);
            return;
        }

        if (grantee.Id == UserCatalog.Admin && grant.IsRevoke)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, "Revoking privileges from 'admin' is denied");
        }

        string type = TypeOf(grant.Kind ?? ObjectKind.Table);
        if (grant.Objects.Count == 0)
        {
            AccessControl.RequireAdmin(context.Users, context.ActorId, "Grant");
            Change(context, grant.IsRevoke, new PrivilegeEntry(context.ActorId, grantee.Id, privilege, type, UserCatalog.AllObjects));
            return;
        }

        foreach (ObjectName name in grant.Objects)
        {
            (long id, uint owner) = Find(context, grant.Kind ?? ObjectKind.Table, name);
            if (context.ActorId != UserCatalog.Admin && context.ActorId != owner)
            {
                throw new DbException(
                    SqlStates.InsufficientPrivilege,
                    $"Grant access to {(type == "table" ? "space" : type)} '{name.Name}' is denied for user '{context.Users.Find(context.ActorId)?.Name}'");
            }

            Change(context, grant.IsRevoke, new PrivilegeEntry(context.ActorId, grantee.Id, privilege, type, id));
        }
    }

    private static (long Id, uint Owner) Find(UserStatementContext context, ObjectKind kind, ObjectName name)
    {
        if (kind is ObjectKind.User or ObjectKind.Role)
        {
            UserEntry target = context.Users.Get(name.Name);
            return (target.Id, target.Owner);
        }

        GrantObject found = context.FindObject(kind, name);
        return (found.Id, found.OwnerId);
    }

    private static void Put(UserStatementContext context, uint granteeId, string privilege, string type, long id) =>
        Change(context, false, new PrivilegeEntry(context.ActorId, granteeId, privilege, type, id));

    private static void Change(UserStatementContext context, bool isRevoke, PrivilegeEntry privilege)
    {
        if (isRevoke)
        {
            UserRows.Delete(context.Transaction, privilege);
        }
        else
        {
            UserRows.Put(context.Transaction, privilege, context.SchemaVersion);
        }
    }

    private static UserEntry RoleToGrant(UserStatementContext context, string name) =>
        context.Users.Find(name) is { IsRole: true } role
            ? role
            : throw new DbException(SqlStates.UndefinedObject, $"role \"{name}\" does not exist");

    private static string TypeOf(ObjectKind kind) => kind switch
    {
        ObjectKind.Procedure or ObjectKind.Function => "routine",
        ObjectKind.User => "user",
        ObjectKind.Role => "role",
        _ => "table",
    };

    /// <summary>The stored names of a privilege as written; PostgreSQL's words are mapped, those without a meaning here give none.</summary>
    private static IEnumerable<string> Stored(string word, ObjectKind? kind) => word switch
    {
        "select" => ["read"],
        "insert" or "update" or "delete" or "truncate" => ["write"],
        "session" or "usage" when kind is null => ["login"],
        "usage" or "references" or "trigger" or "connect" or "temporary" or "temp" => [],
        "all" => kind is ObjectKind.Procedure or ObjectKind.Function ? ["execute", "drop"]
            : kind is ObjectKind.Table or null ? ["read", "write", "create", "alter", "drop"]
            : [],
        _ => [word],
    };

    private static string ChapSha1(string password) => Convert.ToBase64String(
        System.Security.Cryptography.SHA1.HashData(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.UTF8.GetBytes(password))));
}
