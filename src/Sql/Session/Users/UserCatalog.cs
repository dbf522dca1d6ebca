using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>A row of <c>_pico_user</c>.</summary>
/// <param name="Method">md5, scram-sha256, chap-sha1 or ldap; null when the user cannot prove who it is.</param>
/// <param name="Secret">What is stored of the password; empty when none was set.</param>
internal sealed record UserEntry(uint Id, string Name, bool IsRole, uint Owner, string? Method, string Secret);

/// <summary>A row of <c>_pico_privilege</c>.</summary>
/// <param name="ObjectType">table, role, routine, user or universe.</param>
/// <param name="ObjectId">Id of the object; -1 for all of the type; 0 for the universe.</param>
internal sealed record PrivilegeEntry(uint GrantorId, uint GranteeId, string Privilege, string ObjectType, long ObjectId);

/// <summary>Users, roles and privileges at one moment; immutable. Section 7.8 of Picodata's behaviour.</summary>
internal sealed class UserCatalog
{
    public const uint Guest = 0, Admin = 1, Public = 2, Replication = 3, Super = 31, PicoService = 32;

    /// <summary>Ids below this are built in.</summary>
    public const uint FirstId = 33;

    /// <summary>Users and roles together.</summary>
    public const int CountMax = 128;

    /// <summary><c>object_id</c> of a grant on all objects of a type.</summary>
    public const long AllObjects = -1;

    private readonly Dictionary<uint, UserEntry> byId = [];
    private readonly Dictionary<string, UserEntry> byName = new(StringComparer.Ordinal);
    private readonly ILookup<uint, PrivilegeEntry> byGrantee;

    public UserCatalog(IEnumerable<UserEntry> users, IEnumerable<PrivilegeEntry> privileges)
    {
        foreach (UserEntry user in users)
        {
            byId[user.Id] = user;
            byName[user.Name] = user;
        }

        Privileges = privileges.ToArray();
        byGrantee = Privileges.ToLookup(privilege => privilege.GranteeId);
    }

    public IReadOnlyCollection<UserEntry> Users => byId.Values;

    public IReadOnlyList<PrivilegeEntry> Privileges { get; }

    public static UserCatalog Load(Transaction transaction)
    {
        var users = new List<UserEntry>();
        SystemRows.ForEach(transaction, PicoSystemTables.User, tuple => users.Add(ReadUser(tuple)));
        var privileges = new List<PrivilegeEntry>();
        SystemRows.ForEach(transaction, PicoSystemTables.Privilege, tuple => privileges.Add(ReadPrivilege(tuple)));
        return new UserCatalog(users, privileges);
    }

    public UserEntry? Find(string name) => byName.GetValueOrDefault(name);

    public UserEntry? Find(uint id) => byId.GetValueOrDefault(id);

    /// <summary>The user or role with this name; 42704 when there is none.</summary>
    public UserEntry Get(string name, int position = 0) => Find(name)
        ?? throw new DbException(SqlStates.UndefinedObject, $"role \"{name}\" does not exist", position: position);

    /// <summary>Roles granted to a user or role, directly.</summary>
    public IEnumerable<uint> RolesOf(uint id) =>
        byGrantee[id].Where(privilege => privilege is { Privilege: "execute", ObjectType: "role" }).Select(privilege => (uint)privilege.ObjectId);

    /// <summary>Whether a user holds a privilege, by itself or through its roles. Admin holds all.</summary>
    /// <param name="objectId">The object, or <see cref="AllObjects"/> to ask for the privilege on all of them.</param>
    public bool Holds(uint userId, string privilege, string objectType, long objectId) =>
        userId == Admin || Reaches(userId, entry =>
            entry.Privilege == privilege && entry.ObjectType == objectType && (entry.ObjectId == objectId || entry.ObjectId == AllObjects));

    public bool MayLogin(uint userId) => Reaches(userId, entry => entry is { Privilege: "login", ObjectType: "universe" });

    /// <summary>Whether granting <paramref name="role"/> to <paramref name="grantee"/> would make a role its own member.</summary>
    public bool WouldLoop(uint role, uint grantee) => role == grantee || Memberships(role).Contains(grantee);

    private bool Reaches(uint userId, Func<PrivilegeEntry, bool> fits) =>
        byGrantee[userId].Any(fits) || Memberships(userId).Any(role => byGrantee[role].Any(fits));

    /// <summary>All roles that a user has, directly or through other roles.</summary>
    private HashSet<uint> Memberships(uint userId)
    {
        var seen = new HashSet<uint>();
        var open = new Stack<uint>(RolesOf(userId));
        while (open.TryPop(out uint role))
        {
            if (seen.Add(role))
            {
                foreach (uint next in RolesOf(role))
                {
                    open.Push(next);
                }
            }
        }

        return seen;
    }

    private static UserEntry ReadUser(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        reader.ReadArrayHead();
        uint id = reader.ReadUInt32();
        string name = reader.ReadString();
        reader.Skip();
        string? method = null;
        string secret = "";
        if (!reader.TryReadNil())
        {
            reader.ReadArrayHead();
            method = reader.ReadString();
            secret = reader.ReadString();
        }

        uint owner = reader.ReadUInt32();
        return new UserEntry(id, name, reader.ReadString() == "role", owner, method, secret);
    }

    private static PrivilegeEntry ReadPrivilege(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        reader.ReadArrayHead();
        return new PrivilegeEntry(reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadString(), reader.ReadString(), reader.ReadInt64());
    }
}
