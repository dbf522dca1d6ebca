namespace Picodata.Sql.Parsing;

/// <summary>An empty statement between semicolons; only when the whole string is empty.</summary>
public sealed record EmptyStatement : Statement;

public enum TransactionVerb { Begin, StartTransaction, Commit, Rollback, Savepoint, Release, RollbackTo, PrepareTransaction, CommitPrepared, RollbackPrepared }

/// <summary>Transaction commands. Name: savepoint or global transaction id.</summary>
public sealed record TransactionStatement(TransactionVerb Verb, string? Name, TransactionModes Modes) : Statement
{
    /// <summary>AND CHAIN.</summary>
    public bool AndChain { get; init; }
}

/// <summary>Modes that were given; Isolation in lower case (<c>read committed</c>); null when not said.</summary>
public sealed record TransactionModes(string? Isolation, bool? IsReadOnly, bool? IsDeferrable)
{
    public static readonly TransactionModes None = new(null, null, null);
}

public enum SetScope { Session, Local }

/// <summary>
/// SET. Values empty: TO DEFAULT. Words are as written, strings unquoted, numbers as text. SET TIME ZONE is name <c>timezone</c>, SET NAMES
/// <c>client_encoding</c>, SET SCHEMA <c>search_path</c>, SET ROLE <c>role</c>, SET SESSION AUTHORIZATION <c>session_authorization</c>.
/// </summary>
public sealed record SetStatement(SetScope Scope, string Name, IReadOnlyList<string> Values) : Statement;

/// <summary>SET TRANSACTION (one transaction) or SET SESSION CHARACTERISTICS AS TRANSACTION.</summary>
public sealed record SetTransactionStatement(TransactionModes Modes, bool IsSession) : Statement;

/// <summary>SET CONSTRAINTS: accepted.</summary>
public sealed record SetConstraintsStatement(bool IsDeferred) : Statement;

/// <summary>SHOW; name <c>all</c> lists everything.</summary>
public sealed record ShowStatement(string Name) : Statement;

/// <summary>RESET; name <c>all</c> resets everything.</summary>
public sealed record ResetStatement(string Name) : Statement;

public enum DiscardTarget { All, Plans, Sequences, Temp }

public sealed record DiscardStatement(DiscardTarget Target) : Statement;

/// <summary>PREPARE name (types) AS statement.</summary>
public sealed record PrepareStatement(string Name, IReadOnlyList<TypeName> Types, Statement Target) : Statement;

public sealed record ExecuteStatement(string Name, IReadOnlyList<Expr> Arguments) : Statement;

/// <summary>DEALLOCATE; name null: ALL.</summary>
public sealed record DeallocateStatement(string? Name) : Statement;

public sealed record DeclareCursorStatement(string Name, bool IsBinary, bool? IsScroll, bool IsHold, Statement Query) : Statement;

public enum FetchDirection { Next, Prior, First, Last, Absolute, Relative, Forward, ForwardAll, Backward, BackwardAll }

/// <summary>FETCH or MOVE. Count: for Absolute, Relative, Forward, Backward.</summary>
public sealed record FetchStatement(string Cursor, FetchDirection Direction, long Count, bool IsMove) : Statement;

/// <summary>CLOSE; cursor null: ALL.</summary>
public sealed record CloseCursorStatement(string? Cursor) : Statement;

public sealed record ListenStatement(string Channel) : Statement;

/// <summary>UNLISTEN; channel null: *.</summary>
public sealed record UnlistenStatement(string? Channel) : Statement;

public sealed record NotifyStatement(string Channel, string Payload) : Statement;

/// <summary>LOCK TABLE; mode in lower case (<c>access exclusive</c>).</summary>
public sealed record LockTableStatement(IReadOnlyList<ObjectName> Tables, string Mode, bool NoWait) : Statement;

/// <summary>VACUUM and ANALYZE: nothing to do here, names are checked.</summary>
public sealed record VacuumStatement(bool IsVacuum, bool IsAnalyze, bool IsVerbose, IReadOnlyList<ObjectName> Tables) : Statement;

public sealed record CheckpointStatement : Statement;

public sealed record BackupStatement : Statement;

/// <summary>CALL.</summary>
public sealed record CallStatement(ObjectName Name, IReadOnlyList<Expr> Arguments) : Statement;

/// <summary>Picodata's transactional block: DO $$ BEGIN ... END $$.</summary>
public sealed record DoStatement(IReadOnlyList<BlockStatement> Body) : Statement
{
    /// <summary>The block's text between the dollar quotes; positions inside of Body count from its start.</summary>
    public string Text { get; init; } = "";
}

/// <summary>One statement of a transactional block.</summary>
public abstract record BlockStatement : SyntaxNode;

public sealed record BlockDml(Statement Statement) : BlockStatement;

public sealed record BlockReturn(Query Query) : BlockStatement;

public sealed record BlockLet(string Name, Query Query) : BlockStatement;

public sealed record BlockIf(Expr Condition, IReadOnlyList<BlockStatement> Body) : BlockStatement;

/// <summary>RAISE [level] 'message': PostgreSQL's, for the simplest DO blocks. Level in lower case (<c>notice</c>, <c>exception</c>, ...); % is not filled.</summary>
public sealed record BlockRaise(string Level, string Message) : BlockStatement;
