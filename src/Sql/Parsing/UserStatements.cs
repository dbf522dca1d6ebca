namespace Picodata.Sql.Parsing;

/// <summary>How a password is kept; null in the statement when it was not said.</summary>
public enum PasswordMethod { Md5, ChapSha1, ScramSha256, Ldap }

/// <summary>CREATE USER and CREATE ROLE (IsRole). PostgreSQL's ROLE with LOGIN is a user.</summary>
public sealed record CreateUserStatement(string Name, bool IsRole, bool IfNotExists, UserOptions Options) : Statement;

/// <summary>What CREATE and ALTER USER say; null: not said. The password is never to be logged.</summary>
public sealed record UserOptions
{
    public static readonly UserOptions None = new();

    public string? Password { get; init; }

    /// <summary>PASSWORD NULL.</summary>
    public bool PasswordIsNull { get; init; }

    public PasswordMethod? Method { get; init; }

    public bool? CanLogin { get; init; }

    public bool? IsSuperuser { get; init; }

    /// <summary>Other words of PostgreSQL's that mean nothing here (CREATEDB, INHERIT, ...), in lower case.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>IN ROLE / ROLE lists.</summary>
    public IReadOnlyList<string> InRoles { get; init; } = [];
}

public sealed record AlterUserStatement(string Name, bool IsRole, UserOptions Options) : Statement
{
    /// <summary>RENAME TO, else null.</summary>
    public string? NewName { get; init; }

    /// <summary>ALTER USER u SET/RESET parameter: kept nowhere; name or null.</summary>
    public string? SetParameter { get; init; }
}

/// <summary>
/// GRANT and REVOKE. Either Roles is not empty (role membership) or Privileges. Privileges in lower case: Picodata's read, write, create, alter,
/// drop, execute, login, session, usage; PostgreSQL's select, insert, update, delete, truncate, references, trigger, connect, temporary, all.
/// Objects empty: on all objects of Kind (Picodata's <c>GRANT READ TABLE TO u</c>).
/// </summary>
public sealed record GrantStatement(bool IsRevoke, IReadOnlyList<string> Privileges, ObjectKind? Kind, IReadOnlyList<ObjectName> Objects, IReadOnlyList<string> Roles, IReadOnlyList<string> Grantees) : Statement
{
    /// <summary>ON ALL TABLES IN SCHEMA.</summary>
    public bool IsAllInSchema { get; init; }

    public IReadOnlyList<TypeName>? ArgumentTypes { get; init; }
}

/// <summary>ALTER SYSTEM SET p = v (Value null: DEFAULT) or RESET p (IsReset; name <c>all</c> for all). Tier null: no FOR clause.</summary>
public sealed record AlterSystemStatement(string Name, Expr? Value, bool IsReset, bool IsAllTiers, string? Tier) : Statement;

public sealed record AuditPolicyStatement(string Policy, bool IsExcept, string User) : Statement;
