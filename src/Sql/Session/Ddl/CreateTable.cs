using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>CREATE TABLE: its columns, constraints and sequences as rows of system spaces.</summary>
internal sealed class CreateTable
{
    /// <summary>Column of tables without a primary key: hidden, filled from a sequence, and their key.</summary>
    public const string RowIdColumn = "_rowid";

    private const int MostColumns = 1600;

    private readonly DdlContext context;
    private readonly CreateTableStatement statement;
    private readonly string name;
    private readonly List<ColumnDef> columns = [];
    private readonly List<string> taken = [];
    private readonly List<CheckDef> checks = [];
    private readonly List<(string? Name, IReadOnlyList<IndexPart> Parts)> uniques = [];
    private readonly List<(SequenceDef Sequence, int Ordinal)> sequences = [];
    private readonly List<(int Ordinal, DefaultConstraint Default)> defaults = [];
    private IReadOnlyList<IndexPart>? key;
    private string? keyName;
    private uint nextSequence;

    private CreateTable(DdlContext context, CreateTableStatement statement, string name)
    {
        this.context = context;
        this.statement = statement;
        this.name = name;
    }

    /// <summary>Makes the table; false when it is there and IF NOT EXISTS was said.</summary>
    public static bool Run(DdlContext context, CreateTableStatement statement)
    {
        string name = DdlContext.NewName(statement.Name);
        AccessControl.RequireCreate(context.State.Users, context.User.Id, "table", name);
        uint id = context.NewSpaceId();
        if (context.IsTaken(name))
        {
            if (!statement.IfNotExists)
            {
                context.CheckFree(name);
            }

            context.Notice(SqlStates.DuplicateTable, $"relation \"{name}\" already exists, skipping");
            return false;
        }

        new CreateTable(context, statement, name).Run(id);
        return true;
    }

    private void Run(uint id)
    {
        Check();
        nextSequence = SequenceDdl.NextId(context);
        foreach (ColumnDefinition definition in statement.Columns)
        {
            AddColumn(definition);
        }

        foreach (ColumnDefinition definition in statement.Columns)
        {
            AddColumnConstraints(definition);
        }

        statement.Constraints.ToList().ForEach(AddConstraint);
        if (key is null)
        {
            AddRowId();
        }

        foreach (IndexPart part in key!)
        {
            columns[part.Ordinal] = columns[part.Ordinal] with { IsNullable = false };
        }

        Write(id);
    }

    private void Check()
    {
        if (statement.Engine is { } engine and not "memtx")
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"storage engine \"{engine}\" is not supported", hint: "all tables are kept in memory: USING MEMTX");
        }

        if (statement.Columns.Count > MostColumns)
        {
            throw new DbException(SqlStates.TooManyColumns, $"tables can have at most {MostColumns} columns");
        }

        if (statement.Distribution is { IsGlobal: true } && statement.IsUnlogged)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "global tables cannot be UNLOGGED");
        }

        if (statement.Distribution?.Tier is { } tier && tier != context.DefaultTier)
        {
            throw new DbException(SqlStates.UndefinedObject, $"specified tier '{tier}' doesn't exist");
        }
    }

    private void AddColumn(ColumnDefinition definition)
    {
        if (columns.Exists(column => column.Name == definition.Name))
        {
            throw new DbException(SqlStates.DuplicateColumn, $"column \"{definition.Name}\" specified more than once", position: definition.Position);
        }

        ColumnDef column = Column(definition, columns.Count);
        if (IsSerial(definition.Type!))
        {
            column = WithSequence(column, SequenceOptions.None) with { IsNullable = false };
        }

        columns.Add(column);
    }

    /// <summary>The bare column of a definition.</summary>
    public static ColumnDef Column(ColumnDefinition definition, int ordinal)
    {
        TypeName written = definition.Type ?? throw new DbException(SqlStates.InvalidTableDefinition, $"column \"{definition.Name}\" has no type");
        SqlType type = Sql.TypeNames.ResolveColumn(written);
        if (type.Category == 'P' || type == SqlType.Unknown)
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"column \"{definition.Name}\" has pseudo-type {type.Name}", position: definition.Position);
        }

        _ = ColumnCodec.For(type);
        bool isUnsigned = written.Name.Name == "unsigned" && written.ArrayDimensions == 0;
        return new ColumnDef(definition.Name, type) { Ordinal = ordinal, FieldType = isUnsigned ? FieldType.Unsigned : ColumnCodec.FormatType(type) };
    }

    public static bool IsSerial(TypeName type) => type.Name.Name is "serial" or "bigserial" or "smallserial" or "serial4" or "serial8" or "serial2";

    private ColumnDef WithSequence(ColumnDef column, SequenceOptions options)
    {
        string sequenceName = context.FreeName(options.Name ?? $"{name}_{column.Name}_seq", taken);
        SequenceDef sequence = SequenceDdl.Make(nextSequence++, sequenceName, context.User.Id, options);
        sequences.Add((sequence, column.Ordinal));
        return column with { DefaultText = SequenceDdl.NextValueText(sequenceName) };
    }

    private void AddColumnConstraints(ColumnDefinition definition)
    {
        int ordinal = columns.FindIndex(column => column.Name == definition.Name);
        foreach (ColumnConstraint constraint in definition.Constraints)
        {
            switch (constraint)
            {
                case NotNullConstraint notNull:
                    columns[ordinal] = columns[ordinal] with { IsNullable = !notNull.IsNotNull && !IsSerial(definition.Type!) };
                    break;
                case DefaultConstraint value:
                    columns[ordinal] = columns[ordinal] with { DefaultText = value.Text };
                    defaults.Add((ordinal, value));
                    break;
                case IdentityConstraint identity:
                    columns[ordinal] = WithSequence(columns[ordinal], identity.Options) with
                    {
                        IsNullable = false,
                        Identity = identity.IsAlways ? IdentityKind.Always : IdentityKind.ByDefault,
                    };
                    break;
                case PrimaryKeyConstraint primary:
                    SetKey([new IndexPart(ordinal, primary.IsDescending)], constraint.Name, constraint.Position);
                    break;
                case UniqueConstraint:
                    uniques.Add((constraint.Name, [new IndexPart(ordinal, false)]));
                    break;
                case CheckConstraint check:
                    AddCheck(constraint.Name, check.Text, definition.Name);
                    break;
                default:
                    throw Unsupported(constraint is ReferencesConstraint ? "FOREIGN KEY constraints" : "generated columns", constraint.Position);
            }
        }
    }

    private static DbException Unsupported(string what, int position) => new(SqlStates.FeatureNotSupported, $"{what} are not supported", position: position);

    private void AddConstraint(TableConstraint constraint)
    {
        switch (constraint)
        {
            case TablePrimaryKey primary:
                SetKey(Parts(primary.Columns, columns), constraint.Name, constraint.Position);
                break;
            case TableUnique unique:
                uniques.Add((constraint.Name, Parts(unique.Columns, columns)));
                break;
            case TableCheck check:
                AddCheck(constraint.Name, check.Text, null);
                break;
            default:
                throw Unsupported("FOREIGN KEY constraints", constraint.Position);
        }
    }

    private void SetKey(IReadOnlyList<IndexPart> parts, string? constraintName, int position)
    {
        if (key is not null)
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"multiple primary keys for table \"{name}\" are not allowed", position: position);
        }

        key = parts;
        keyName = constraintName;
    }

    private void AddCheck(string? constraintName, string text, string? column)
    {
        string free = constraintName ?? (column is null ? $"{name}_check" : $"{name}_{column}_check");
        for (int i = 1; checks.Exists(check => check.Name == free); i++)
        {
            free = constraintName is null ? $"{name}{(column is null ? "" : "_" + column)}_check{i}"
                : throw new DbException(SqlStates.DuplicateObject, $"check constraint \"{constraintName}\" already exists");
        }

        checks.Add(new CheckDef(free, text));
    }

    /// <summary>Index parts by names of columns; 42703, 42701, 0A000.</summary>
    public static IReadOnlyList<IndexPart> Parts(IReadOnlyList<IndexItem> items, IReadOnlyList<ColumnDef> columns)
    {
        var parts = new List<IndexPart>(items.Count);
        foreach (IndexItem item in items)
        {
            if (item.Column is null)
            {
                throw new DbException(SqlStates.FeatureNotSupported, "indexes over expressions are not supported", position: item.Position);
            }

            int ordinal = columns.ToList().FindIndex(column => column.Name == item.Column && !(column.IsHidden && column.Name.Contains("dropped")));
            if (ordinal < 0)
            {
                throw new DbException(SqlStates.UndefinedColumn, $"column \"{item.Column}\" named in key does not exist", position: item.Position);
            }

            if (parts.Exists(part => part.Ordinal == ordinal))
            {
                throw new DbException(SqlStates.DuplicateColumn, $"column \"{item.Column}\" appears twice in the key", position: item.Position);
            }

            SpaceRows.PartType(columns[ordinal]);
            parts.Add(new IndexPart(ordinal, item.IsDescending));
        }

        return parts;
    }

    private void AddRowId()
    {
        var column = new ColumnDef(RowIdColumn, SqlType.Int8) { Ordinal = columns.Count, FieldType = FieldType.Unsigned, IsHidden = true, IsNullable = false };
        columns.Add(WithSequence(column, SequenceOptions.None));
        key = [new IndexPart(column.Ordinal, false)];
    }

    private void Write(uint id)
    {
        bool isUnlogged = statement.IsUnlogged || statement.IsTemporary;
        bool hasKey = columns[key![0].Ordinal].Name != RowIdColumn;
        Distribution distribution = DistributionOf();
        context.Writer.Insert(SystemSpaces.Space, SpaceRows.Space(id, name, isUnlogged, columns));
        string indexName = context.FreeName(hasKey ? keyName ?? $"{name}_pkey" : $"{name}_{RowIdColumn}_idx", taken);
        context.PutPicoTable(id, name, distribution, columns, context.User.Id, isUnlogged);
        context.PutIndex(id, 0, indexName, true, key, columns);
        uint next = 1;
        var constraints = new List<uint>();
        foreach ((string? constraintName, IReadOnlyList<IndexPart> parts) in uniques)
        {
            string unique = context.FreeName(constraintName ?? $"{name}_{string.Join('_', parts.Select(part => columns[part.Ordinal].Name))}_key", taken);
            constraints.Add(next);
            context.PutIndex(id, next++, unique, true, parts, columns);
        }

        foreach ((SequenceDef sequence, int ordinal) in sequences)
        {
            SequenceDdl.Write(context, sequence, id, ordinal);
        }

        context.PutExtras(id, new TableExtras { PrimaryKeyName = hasKey ? indexName : null, Checks = checks, UniqueConstraints = constraints });
        Validate();
    }

    private Distribution DistributionOf()
    {
        if (statement.Distribution is not { } written)
        {
            return new Distribution(DistributionKind.ShardedByColumns, [.. key!.Select(part => part.Ordinal)], context.DefaultTier);
        }

        if (written.IsGlobal)
        {
            return Distribution.Global;
        }

        var ordinals = new List<int>();
        foreach (Identifier column in written.Columns)
        {
            int ordinal = columns.FindIndex(candidate => candidate.Name == column.Name);
            if (ordinal < 0)
            {
                throw new DbException(SqlStates.UndefinedColumn, $"sharding key column {column.Name} not found", position: column.Position);
            }

            if (columns[ordinal].Type.IsArray)
            {
                throw new DbException(SqlStates.InvalidTableDefinition, $"Sharding key column {column.Name} is not of scalar type.", position: column.Position);
            }

            ordinals.Add(ordinal);
        }

        return new Distribution(DistributionKind.ShardedByColumns, ordinals, written.Tier ?? context.DefaultTier);
    }

    /// <summary>Binds defaults and checks against the table as it now is.</summary>
    private void Validate()
    {
        if (checks.Count == 0 && defaults.Count == 0)
        {
            return;
        }

        context.Reload();
        var table = (TableDef)context.Catalog.FindRelation("public", name)!;
        foreach ((int ordinal, DefaultConstraint value) in defaults)
        {
            context.Binder().BindConstantExpression(value.Value, columns[ordinal].Type);
        }

        foreach (CheckDef check in checks)
        {
            context.Binder().BindTableExpression(SqlParser.ParseExpression(check.Text), Binder.TableSource(table).Range, SqlType.Bool);
        }
    }
}
