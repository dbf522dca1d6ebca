using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// INSERT, UPDATE, DELETE.
public sealed partial class Binder
{
    private TableDef WriteTarget(ObjectName name, string verb, bool reads)
    {
        Relation relation = catalog.GetRelation(name.Schema, name.Name, name.Position);
        if (relation is not TableDef table)
        {
            throw Error(SqlStates.WrongObjectType, $"cannot {verb} {(relation is ViewDef ? "view" : "relation")} \"{relation.Name}\"", name.Position);
        }

        Touch(table, reads, true);
        return table;
    }

    private BoundInsert BindInsert(InsertStatement statement, Scope? parent)
    {
        var scope = new Scope(parent);
        IReadOnlyList<BoundCte> ctes = statement.With is null ? [] : BindWith(statement.With, scope);
        TableDef table = WriteTarget(statement.Table, "insert into", statement.Returning.Count > 0 || statement.OnConflict?.Action == Parsing.ConflictAction.Update);
        BoundTableSource target = TableSource(table, statement.Alias);
        int[] columns = InsertColumns(statement, table);
        var insert = new BoundInsert
        {
            Target = target,
            Ctes = ctes,
            Conflict = statement.OnConflict is null ? null : BindConflict(statement.OnConflict, table, target),
            Checks = BindChecks(table, target.Range),
            Returning = BindReturning(statement.Returning, [target.Range], [], scope),
        };
        return statement.Source is null || statement.Source is { Body: ValuesBody, OrderBy.Count: 0, Limit: null, Offset: null, With: null }
            ? WithRows(insert, BindRows(statement, table, columns, scope))
            : BindInsertQuery(insert, statement, table, columns, scope);
    }

    private static BoundInsert WithRows(BoundInsert insert, IReadOnlyList<IReadOnlyList<BoundExpression>> rows) => new()
    {
        Target = insert.Target, Ctes = insert.Ctes, Conflict = insert.Conflict, Checks = insert.Checks, Returning = insert.Returning, Rows = rows,
    };

    private int[] InsertColumns(InsertStatement statement, TableDef table)
    {
        if (statement.Columns.Count == 0)
        {
            return Enumerable.Range(0, table.Columns.Count).Where(i => !table.Columns[i].IsHidden).ToArray();
        }

        var columns = new int[statement.Columns.Count];
        for (int i = 0; i < columns.Length; i++)
        {
            columns[i] = TargetColumn(table, statement.Columns[i]);
            if (Array.IndexOf(columns, columns[i], 0, i) >= 0)
            {
                throw Error(SqlStates.DuplicateColumn, $"column \"{statement.Columns[i]}\" specified more than once", statement.Columns[i].Position);
            }
        }

        return columns;
    }

    private static int TargetColumn(TableDef table, Identifier name)
    {
        int ordinal = table.FindColumn(name.Name);
        if (ordinal < 0)
        {
            throw Error(SqlStates.UndefinedColumn, $"column \"{name}\" of relation \"{table.Name}\" does not exist", name.Position);
        }

        return table.Columns[ordinal].IsHidden
            ? throw Error(SqlStates.FeatureNotSupported, $"system column \"{name}\" cannot be written", name.Position)
            : ordinal;
    }

    private BoundExpression[][] BindRows(InsertStatement statement, TableDef table, int[] columns, Scope scope)
    {
        if (statement.Source is null)
        {
            return [Defaults(table)];
        }

        var values = (ValuesBody)statement.Source.Body;
        var frame = new ExpressionFrame(scope, "VALUES");
        var rows = new BoundExpression[values.Rows.Count][];
        for (int r = 0; r < rows.Length; r++)
        {
            IReadOnlyList<Expr> items = values.Rows[r];
            CheckCounts(statement, items.Count, columns.Length, items.Count > columns.Length ? items[columns.Length].Position : statement.Position);
            if (items.Count != values.Rows[0].Count)
            {
                throw Error(SqlStates.SyntaxError, "VALUES lists must all be the same length", items.Count > 0 ? items[0].Position : values.Position);
            }

            BoundExpression[] row = rows[r] = Defaults(table);
            for (int i = 0; i < items.Count; i++)
            {
                BindInsertValue(statement, table.Columns[columns[i]], items[i], frame, ref row[columns[i]]);
            }
        }

        return rows;
    }

    private static void CheckCounts(InsertStatement statement, int given, int wanted, int position)
    {
        if (given > wanted)
        {
            throw Error(SqlStates.SyntaxError, "INSERT has more expressions than target columns", position);
        }

        if (given < wanted && statement.Columns.Count > 0)
        {
            throw Error(SqlStates.SyntaxError, "INSERT has more target columns than expressions", statement.Columns[given].Position);
        }
    }

    private void BindInsertValue(InsertStatement statement, ColumnDef column, Expr value, ExpressionFrame frame, ref BoundExpression slot)
    {
        if (value is DefaultExpr || UsesDefault(statement, column, value.Position))
        {
            return;
        }

        slot = CoerceAssignment(BindExpression(value, frame), column, value.Position);
    }

    /// <summary>True when OVERRIDING USER VALUE makes an identity column ignore what was given; 428C9 for GENERATED ALWAYS.</summary>
    private static bool UsesDefault(InsertStatement statement, ColumnDef column, int position)
    {
        if (column.Identity == IdentityKind.None)
        {
            return false;
        }

        if (statement.OverridingSystem == false)
        {
            return true;
        }

        return column.Identity == IdentityKind.Always && statement.OverridingSystem != true
            ? throw new DbException(
                "428C9", $"cannot insert a non-DEFAULT value into column \"{column.Name}\"",
                $"Column \"{column.Name}\" is an identity column defined as GENERATED ALWAYS.", "Use OVERRIDING SYSTEM VALUE to override.", position)
            : false;
    }

    private BoundExpression[] Defaults(TableDef table)
    {
        BoundExpression[] defaults = table.DefaultCache ??= MakeDefaults(table);
        return [.. defaults];
    }

    private BoundExpression[] MakeDefaults(TableDef table)
    {
        var defaults = new BoundExpression[table.Columns.Count];
        for (int i = 0; i < defaults.Length; i++)
        {
            ColumnDef column = table.Columns[i];
            defaults[i] = column.DefaultText is null
                ? BoundConstant.NullOf(column.Type)
                : BindConstantExpression(SqlParser.ParseExpression(column.DefaultText), column.Type, column.TypeModifier);
        }

        return defaults;
    }

    private BoundInsert BindInsertQuery(BoundInsert insert, InsertStatement statement, TableDef table, int[] columns, Scope scope)
    {
        BoundQuery query = BindQuery(statement.Source!, scope, false);
        IReadOnlyList<ResultColumn> outputs = query.ResultColumns;
        CheckCounts(statement, outputs.Count, columns.Length, statement.Source!.Position);
        SqlType[] types = outputs.Select((c, i) => c.Type == SqlType.Unknown ? table.Columns[columns[i]].Type : c.Type).ToArray();
        query = CoerceOutputs(query, types, statement.Source.Position, CastContext.Assignment);
        var range = new BoundRange("*SELECT*", query.ResultColumns.Select(c => new RangeColumn(c.Name, c.Type)).ToArray());
        BoundExpression[] values = Defaults(table);
        for (int i = 0; i < types.Length; i++)
        {
            ColumnDef column = table.Columns[columns[i]];
            if (!UsesDefault(statement, column, statement.Source.Position))
            {
                values[columns[i]] = CoerceAssignment(new BoundColumn(range, i, types[i]), column, statement.Source.Position);
            }
        }

        return new BoundInsert
        {
            Target = insert.Target, Ctes = insert.Ctes, Conflict = insert.Conflict, Checks = insert.Checks, Returning = insert.Returning,
            Source = query, SourceRange = range, Values = values,
        };
    }

    private BoundCheck[] BindChecks(TableDef table, BoundRange range) =>
        table.Checks.Count == 0
            ? []
            : table.Checks.Select(c => new BoundCheck(c.Name, BindTableExpression(SqlParser.ParseExpression(c.Text), range, SqlType.Bool))).ToArray();

    private BoundConflict BindConflict(Parsing.ConflictClause clause, TableDef table, BoundTableSource target)
    {
        TableIndex? arbiter = clause.Constraint is not null
            ? table.Indexes.FirstOrDefault(i => i.IsUnique && (i.Name == clause.Constraint || (i.IsPrimary && table.PrimaryKeyName == clause.Constraint)))
                ?? throw Error(SqlStates.UndefinedObject, $"constraint \"{clause.Constraint}\" for table \"{table.Name}\" does not exist", clause.Position)
            : clause.Target.Count == 0 ? null : FindArbiter(clause, table);
        if (clause.Action != Parsing.ConflictAction.Update)
        {
            return new BoundConflict { Action = clause.Action switch { Parsing.ConflictAction.Nothing => ConflictAction.Nothing, Parsing.ConflictAction.Replace => ConflictAction.Replace, _ => ConflictAction.Fail }, Arbiter = arbiter };
        }

        if (arbiter is null)
        {
            throw Error(
                SqlStates.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name", clause.Position,
                "For example, ON CONFLICT (column_name).");
        }

        var excluded = new BoundRange("excluded", target.Range.Columns);
        var scope = new Scope(null);
        scope.Add(target.Range, clause.Position);
        scope.Add(excluded, clause.Position);
        BoundExpression? where = clause.Where is null
            ? null
            : CoerceBool(BindExpression(clause.Where, new ExpressionFrame(scope, "WHERE")), "WHERE", clause.Where.Position);
        return new BoundConflict
        {
            Action = ConflictAction.Update, Arbiter = arbiter, Assignments = BindAssignments(clause.Set, table, scope), Where = where, Excluded = excluded,
        };
    }

    private static TableIndex FindArbiter(Parsing.ConflictClause clause, TableDef table)
    {
        var wanted = new HashSet<int>();
        foreach (Expr column in clause.Target)
        {
            string? name = column is ColumnExpr { Parts: [.., var last] } ? last : null;
            int ordinal = name is null ? -1 : table.FindColumn(name);
            wanted.Add(ordinal >= 0 ? ordinal : throw Error(SqlStates.UndefinedColumn, $"column \"{name}\" does not exist", column.Position));
        }

        return table.Indexes.FirstOrDefault(i => i.IsUnique && wanted.SetEquals(i.Parts.Select(p => p.Ordinal)))
            ?? throw Error(SqlStates.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification", clause.Position);
    }

    private List<BoundAssignment> BindAssignments(IReadOnlyList<Assignment> set, TableDef table, Scope scope)
    {
        var result = new List<BoundAssignment>();
        foreach (Assignment assignment in set)
        {
            if (!assignment.IsMultiple)
            {
                AddAssignment(result, table, assignment.Columns[0], e => BindAssigned(e, assignment.Value, scope));
                continue;
            }

            BindMultiple(result, assignment, table, scope);
        }

        return result;
    }

    private BoundExpression BindAssigned(ColumnDef column, Expr value, Scope scope) => value is DefaultExpr
        ? column.DefaultText is null
            ? BoundConstant.NullOf(column.Type)
            : BindConstantExpression(SqlParser.ParseExpression(column.DefaultText), column.Type, column.TypeModifier)
        : CoerceAssignment(BindExpression(value, new ExpressionFrame(scope, "UPDATE")), column, value.Position);

    private static void AddAssignment(List<BoundAssignment> result, TableDef table, Identifier name, Func<ColumnDef, BoundExpression> value)
    {
        int ordinal = TargetColumn(table, name);
        if (result.Exists(a => a.Ordinal == ordinal))
        {
            throw Error(SqlStates.SyntaxError, $"multiple assignments to same column \"{name}\"", name.Position);
        }

        result.Add(new BoundAssignment(ordinal, value(table.Columns[ordinal])));
    }

    private void BindMultiple(List<BoundAssignment> result, Assignment assignment, TableDef table, Scope scope)
    {
        int count = assignment.Columns.Count;
        if (assignment.Value is RowExpr row)
        {
            if (row.Items.Count != count)
            {
                throw Error(SqlStates.SyntaxError, "number of columns does not match number of values", assignment.Position);
            }

            for (int i = 0; i < count; i++)
            {
                Expr item = row.Items[i];
                AddAssignment(result, table, assignment.Columns[i], c => BindAssigned(c, item, scope));
            }

            return;
        }

        if (assignment.Value is not SubqueryExpr subquery)
        {
            throw Error(SqlStates.FeatureNotSupported, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression", assignment.Position);
        }

        BoundQuery query = BindQuery(subquery.Query, scope, true);
        IReadOnlyList<ResultColumn> outputs = query.ResultColumns;
        if (outputs.Count != count)
        {
            throw Error(SqlStates.SyntaxError, "number of columns does not match number of values", assignment.Position);
        }

        var record = new BoundSubquery(SubqueryKind.Row, query, [], [], null, null, SqlType.Record);
        for (int i = 0; i < count; i++)
        {
            var field = new BoundField(record, i, outputs[i].Type);
            AddAssignment(result, table, assignment.Columns[i], c => CoerceAssignment(field, c, assignment.Position));
        }
    }

    private BoundUpdate BindUpdate(UpdateStatement statement, Scope? parent)
    {
        if (statement.CurrentOf is not null)
        {
            throw Error(SqlStates.FeatureNotSupported, "WHERE CURRENT OF is not supported", statement.Position);
        }

        var outer = new Scope(parent);
        IReadOnlyList<BoundCte> ctes = statement.With is null ? [] : BindWith(statement.With, outer);
        TableDef table = WriteTarget(statement.Table, "update", true);
        BoundTableSource target = TableSource(table, statement.Alias, FindIndexedBy(table, statement.IndexedBy, statement.Position));
        var scope = new Scope(outer);
        scope.Add(target.Range, statement.Position);
        BoundSource? from = BindFrom(statement.From, scope);
        return new BoundUpdate
        {
            Target = target,
            Ctes = ctes,
            From = from,
            Assignments = BindAssignments(statement.Set, table, scope),
            Where = BindWriteWhere(statement.Where, scope),
            Checks = BindChecks(table, target.Range),
            Returning = BindReturning(statement.Returning, scope.Ranges, scope.Columns, outer),
        };
    }

    private BoundExpression? BindWriteWhere(Expr? where, Scope scope) =>
        where is null ? null : CoerceBool(BindExpression(where, new ExpressionFrame(scope, "WHERE")), "WHERE", where.Position);

    private BoundDelete BindDelete(DeleteStatement statement, Scope? parent)
    {
        if (statement.CurrentOf is not null)
        {
            throw Error(SqlStates.FeatureNotSupported, "WHERE CURRENT OF is not supported", statement.Position);
        }

        var outer = new Scope(parent);
        IReadOnlyList<BoundCte> ctes = statement.With is null ? [] : BindWith(statement.With, outer);
        TableDef table = WriteTarget(statement.Table, "delete from", true);
        BoundTableSource target = TableSource(table, statement.Alias, FindIndexedBy(table, statement.IndexedBy, statement.Position));
        var scope = new Scope(outer);
        scope.Add(target.Range, statement.Position);
        BoundSource? source = BindFrom(statement.Using, scope);
        return new BoundDelete
        {
            Target = target,
            Ctes = ctes,
            Using = source,
            Where = BindWriteWhere(statement.Where, scope),
            Returning = BindReturning(statement.Returning, scope.Ranges, scope.Columns, outer),
        };
    }

    private List<BoundTarget>? BindReturning(IReadOnlyList<SelectItem> items, IReadOnlyList<BoundRange> ranges, IReadOnlyList<ScopeColumn> columns, Scope outer)
    {
        if (items.Count == 0)
        {
            return null;
        }

        var scope = new Scope(outer);
        if (columns.Count == 0)
        {
            scope.Add(ranges[0], 0);
        }
        else
        {
            scope.Ranges.AddRange(ranges);
            scope.Columns.AddRange(columns);
        }

        return BindTargets(items, new ExpressionFrame(scope, "RETURNING"), true);
    }
}
