namespace Picodata.Sql.Parsing;

/// <summary>
/// CREATE TABLE. Constraints of columns are in their column. Picodata's clauses are kept; on one instance they are checked and stored only.
/// </summary>
public sealed record CreateTableStatement(ObjectName Name, bool IfNotExists, IReadOnlyList<ColumnDefinition> Columns, IReadOnlyList<TableConstraint> Constraints) : Statement
{
    public bool IsTemporary { get; init; }

    public bool IsUnlogged { get; init; }

    /// <summary>ON COMMIT of a temporary table: <c>drop</c>, <c>delete rows</c>, <c>preserve rows</c>, or null.</summary>
    public string? OnCommit { get; init; }

    /// <summary>Storage engine of USING in lower case (<c>memtx</c>, <c>vinyl</c>), or null.</summary>
    public string? Engine { get; init; }

    /// <summary>WITH (...), names in lower case.</summary>
    public IReadOnlyList<(string Name, string? Value)> Storage { get; init; } = [];

    public Distribution? Distribution { get; init; }

    /// <summary>CREATE TABLE ... AS query, else null. Columns then has names only (Type null).</summary>
    public Query? AsQuery { get; init; }

    /// <summary>WITH NO DATA.</summary>
    public bool WithNoData { get; init; }
}

/// <summary>DISTRIBUTED GLOBALLY (no columns, IsGlobal) or BY (columns) [IN TIER tier].</summary>
public sealed record Distribution(bool IsGlobal, IReadOnlyList<Identifier> Columns, string? Tier) : SyntaxNode;

/// <summary>A column. Type null only in CREATE TABLE AS.</summary>
public sealed record ColumnDefinition(string Name, TypeName? Type, IReadOnlyList<ColumnConstraint> Constraints) : SyntaxNode;

public abstract record ColumnConstraint : SyntaxNode
{
    /// <summary>CONSTRAINT name, or null.</summary>
    public string? Name { get; init; }
}

/// <summary>NOT NULL (true) or NULL (false).</summary>
public sealed record NotNullConstraint(bool IsNotNull) : ColumnConstraint;

/// <summary>Text is the expression's source.</summary>
public sealed record DefaultConstraint(Expr Value, string Text) : ColumnConstraint;

/// <summary>GENERATED ALWAYS|BY DEFAULT AS IDENTITY.</summary>
public sealed record IdentityConstraint(bool IsAlways, SequenceOptions Options) : ColumnConstraint;

/// <summary>GENERATED ALWAYS AS (expression) STORED.</summary>
public sealed record GeneratedConstraint(Expr Value, string Text) : ColumnConstraint;

public sealed record PrimaryKeyConstraint(bool IsDescending) : ColumnConstraint;

public sealed record UniqueConstraint : ColumnConstraint;

/// <summary>Text is the expression's source without the brackets.</summary>
public sealed record CheckConstraint(Expr Condition, string Text) : ColumnConstraint;

public sealed record ReferencesConstraint(ForeignKeyTarget Target) : ColumnConstraint;

/// <summary>What a foreign key points to. Columns empty: the primary key. Actions in lower case (<c>cascade</c>, <c>set null</c>, <c>no action</c>, ...).</summary>
public sealed record ForeignKeyTarget(ObjectName Table, IReadOnlyList<Identifier> Columns, string OnDelete, string OnUpdate) : SyntaxNode;

public abstract record TableConstraint : SyntaxNode
{
    /// <summary>CONSTRAINT name, or null.</summary>
    public string? Name { get; init; }
}

public sealed record TablePrimaryKey(IReadOnlyList<IndexItem> Columns) : TableConstraint;

public sealed record TableUnique(IReadOnlyList<IndexItem> Columns) : TableConstraint;

/// <summary>Text is the expression's source without the brackets.</summary>
public sealed record TableCheck(Expr Condition, string Text) : TableConstraint;

public sealed record TableForeignKey(IReadOnlyList<Identifier> Columns, ForeignKeyTarget Target) : TableConstraint;

/// <summary>PRIMARY KEY or UNIQUE USING INDEX name.</summary>
public sealed record TableUsingIndex(string Index, bool IsPrimary) : TableConstraint;

/// <summary>An index part: a column, or an expression (refused by the session: 0A000).</summary>
public sealed record IndexItem(string? Column, Expr? Expression, bool IsDescending, NullsOrder Nulls) : SyntaxNode;

public sealed record CreateIndexStatement(string? Name, bool IsUnique, bool IfNotExists, ObjectName Table, string? Method, IReadOnlyList<IndexItem> Items) : Statement
{
    /// <summary>INCLUDE columns: accepted, not stored.</summary>
    public IReadOnlyList<Identifier> Include { get; init; } = [];

    public IReadOnlyList<(string Name, string? Value)> Storage { get; init; } = [];

    /// <summary>Predicate of a partial index (refused by the session), or null.</summary>
    public Expr? Where { get; init; }

    public bool IsConcurrent { get; init; }
}

public enum ObjectKind { Table, Index, View, MaterializedView, Sequence, Schema, Procedure, Function, User, Role, Database, Type, Domain, Extension, Trigger, Constraint, Column, Tablespace, Plugin }

/// <summary>DROP of one or more objects of one kind.</summary>
public sealed record DropStatement(ObjectKind Kind, IReadOnlyList<ObjectName> Names, bool IfExists, bool IsCascade) : Statement
{
    /// <summary>Argument types for procedures and functions; null when no list was given.</summary>
    public IReadOnlyList<TypeName>? ArgumentTypes { get; init; }
}

public sealed record TruncateStatement(IReadOnlyList<ObjectName> Tables, bool RestartIdentity, bool IsCascade) : Statement;

/// <summary>ALTER TABLE (also ALTER INDEX, VIEW, SEQUENCE for RENAME, OWNER, SET SCHEMA; Kind tells).</summary>
public sealed record AlterTableStatement(ObjectKind Kind, ObjectName Name, bool IfExists, IReadOnlyList<AlterAction> Actions) : Statement;

public abstract record AlterAction : SyntaxNode;

public sealed record AddColumnAction(ColumnDefinition Column, bool IfNotExists) : AlterAction;

public sealed record DropColumnAction(string Column, bool IfExists, bool IsCascade) : AlterAction;

public sealed record RenameColumnAction(string Column, string NewName) : AlterAction;

public sealed record RenameAction(string NewName) : AlterAction;

public sealed record RenameConstraintAction(string Constraint, string NewName) : AlterAction;

/// <summary>ALTER COLUMN c [SET DATA] TYPE t [USING e].</summary>
public sealed record AlterTypeAction(string Column, TypeName Type, Expr? Using) : AlterAction;

/// <summary>SET DEFAULT e (Value and Text) or DROP DEFAULT (null).</summary>
public sealed record AlterDefaultAction(string Column, Expr? Value, string? Text) : AlterAction;

public sealed record AlterNotNullAction(string Column, bool IsNotNull) : AlterAction;

/// <summary>ADD GENERATED ... AS IDENTITY; Options null with DROP IDENTITY.</summary>
public sealed record AlterIdentityAction(string Column, bool IsDrop, bool IfExists, bool IsAlways, SequenceOptions? Options) : AlterAction;

public sealed record AddConstraintAction(TableConstraint Constraint) : AlterAction;

public sealed record DropConstraintAction(string Constraint, bool IfExists, bool IsCascade) : AlterAction;

public sealed record OwnerAction(string Owner) : AlterAction;

public sealed record SetSchemaAction(string Schema) : AlterAction;

/// <summary>Actions that change nothing here: SET (storage), SET STATISTICS, CLUSTER, REPLICA IDENTITY, ENABLE TRIGGER, SET LOGGED, VALIDATE CONSTRAINT, ...</summary>
public sealed record IgnoredAction(string Text) : AlterAction;

/// <summary>CREATE VIEW. QueryText is the query's source.</summary>
public sealed record CreateViewStatement(ObjectName Name, bool OrReplace, IReadOnlyList<Identifier> Columns, Query Query, string QueryText) : Statement
{
    public bool IsTemporary { get; init; }

    public bool IsMaterialized { get; init; }

    public bool IfNotExists { get; init; }
}

/// <summary>What was said about a sequence; null: not said.</summary>
public sealed record SequenceOptions
{
    public static readonly SequenceOptions None = new();

    public string? Name { get; init; }

    public TypeName? Type { get; init; }

    public long? Start { get; init; }

    public long? Increment { get; init; }

    public long? Minimum { get; init; }

    public long? Maximum { get; init; }

    public bool NoMinimum { get; init; }

    public bool NoMaximum { get; init; }

    public long? Cache { get; init; }

    public bool? IsCycle { get; init; }

    /// <summary>RESTART given (ALTER only).</summary>
    public bool IsRestart { get; init; }

    /// <summary>RESTART WITH, or null.</summary>
    public long? Restart { get; init; }

    /// <summary>OWNED BY table.column; empty for OWNED BY NONE; null when not said.</summary>
    public IReadOnlyList<string>? OwnedBy { get; init; }
}

public sealed record CreateSequenceStatement(ObjectName Name, bool IfNotExists, SequenceOptions Options) : Statement
{
    public bool IsTemporary { get; init; }
}

public sealed record AlterSequenceStatement(ObjectName Name, bool IfExists, SequenceOptions Options) : Statement;

public sealed record CreateSchemaStatement(string Name, bool IfNotExists) : Statement;

public sealed record CreateDatabaseStatement(string Name) : Statement;

/// <summary>COMMENT ON; accepted, kept nowhere yet. Text null removes it.</summary>
public sealed record CommentStatement(string Kind, ObjectName Name, string? Text) : Statement;

/// <summary>CREATE PROCEDURE: Body is the parsed statement, BodyText its source.</summary>
public sealed record CreateProcedureStatement(ObjectName Name, bool IfNotExists, bool OrReplace, IReadOnlyList<ProcedureParameter> Parameters, Statement Body, string BodyText) : Statement;

public sealed record ProcedureParameter(string? Name, TypeName Type);

/// <summary>ALTER PROCEDURE p [(types)] RENAME TO q.</summary>
public sealed record RenameProcedureStatement(ObjectName Name, IReadOnlyList<TypeName>? ArgumentTypes, string NewName) : Statement;

/// <summary>Statements that are understood but not done on this product (CREATE EXTENSION, CREATE TYPE, plugins, ...): the session answers 0A000 with What.</summary>
public sealed record UnsupportedStatement(string What) : Statement;
