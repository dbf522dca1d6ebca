namespace Picodata.Sql;

/// <summary>A row of <c>_pico_user</c>.</summary>
/// <param name="Method">md5, scram-sha256, chap-sha1, ldap; empty when there is no way to log in with a password.</param>
/// <param name="Secret">What is stored of the password.</param>
internal sealed record RoleRow(uint Id, string Name, bool IsRole, uint Owner, string Method, string Secret);

/// <summary>A row of <c>_pico_privilege</c> without its grantor.</summary>
internal readonly record struct PrivilegeRow(uint Grantee, string Privilege, string ObjectType, long ObjectId);

/// <summary>Users, roles and what they may do, at one moment. Immutable.</summary>
internal sealed class UserDirectory
{
    public const uint Guest = 0, Admin = 1, Public = 2, Replication = 3, Super = 31, Service = 32;

    /// <summary>Object id of a privilege on all objects of a type.</summary>
    public const long All = -1;

    private readonly Dictionary<uint, RoleRow> byId;
    private readonly Dictionary<string, RoleRow> byName;
    private readonly HashSet<PrivilegeRow> privileges;
    private readonly Dictionary<uint, HashSet<uint>> holders = [];

    public UserDirectory(IEnumerable<RoleRow> roles, IEnumerable<PrivilegeRow> privileges)
    {
        byId = roles.ToDictionary(role => role.Id);
        byName = byId.Values.ToDictionary(role => role.Name, StringComparer.Ordinal);
        this.privileges = [.. privileges];
        foreach (RoleRow role in byId.Values)
        {
            holders[role.Id] = Closure(role.Id);
        }
    }

    public IReadOnlyCollection<RoleRow> Roles => byId.Values;

    public IReadOnlyCollection<PrivilegeRow> Privileges => privileges;

    public RoleRow? Find(string name) => byName.GetValueOrDefault(name);

    public RoleRow? Find(uint id) => byId.GetValueOrDefault(id);

    /// <summary>Ids of the roles that were granted to it directly.</summary>
    public IEnumerable<uint> MemberOf(uint id) =>
        privileges.Where(row => row.Grantee == id && row is { ObjectType: "role", Privilege: "execute" } && row.ObjectId >= 0).Select(row => (uint)row.ObjectId);

    /// <summary>True when the role holds the privilege, by itself or by a role of its, on the object or on all of its type.</summary>
    public bool Has(uint id, string privilege, string objectType, long objectId)
    {
        if (id is Admin or Service)
        {
            return true;
        }

        foreach (uint holder in holders.GetValueOrDefault(id) ?? [id])
        {
            if (privileges.Contains(new PrivilegeRow(holder, privilege, objectType, objectId))
                || privileges.Contains(new PrivilegeRow(holder, privilege, objectType, All))
                || privileges.Contains(new PrivilegeRow(holder, privilege, "universe", 0)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when making <paramref name="member"/> a member of <paramref name="role"/> would make a loop.</summary>
    public bool WouldLoop(uint role, uint member) => Closure(role).Contains(member);

    private HashSet<uint> Closure(uint id)
    {
        var all = new HashSet<uint> { id, Public };
        var open = new Stack<uint>([id]);
        while (open.TryPop(out uint next))
        {
            foreach (uint role in MemberOf(next))
            {
                if (all.Add(role))
                {
                    open.Push(role);
                }
            }
        }

        return all;
    }
}
