using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// Expressions, but for calls (Binder.Calls) and subqueries (Binder.Subqueries).
public sealed partial class Binder
{
    private BoundExpression BindExpression(Expr e, ExpressionFrame frame)
    {
        Enter(e.Position);
        BoundExpression bound = BindNode(e, frame);
        Leave();
        return bound;
    }

    private BoundExpression BindNode(Expr e, ExpressionFrame frame) => e switch
    {
        LiteralExpr x => new BoundConstant(x.Value, x.Type),
        ColumnExpr x => BindColumn(x, frame),
        ParameterExpr x => BindParameter(x),
        BinaryExpr x => BindBinary(x, frame),
        AndExpr x => new BoundAnd(BindTerms(x.Terms, frame, "AND")),
        OrExpr x => new BoundOr(BindTerms(x.Terms, frame, "OR")),
        NotExpr x => new BoundNot(CoerceBool(BindExpression(x.Operand, frame), "NOT", x.Operand.Position)),
        UnaryExpr x => BindUnary(x, frame),
        CastExpr x => BindCast(x, frame),
        FunctionCallExpr x => BindCall(x, frame),
        IsExpr x => BindIs(x, frame),
        IsDistinctExpr x => BindDistinct(x, frame),
        InListExpr x => BindInList(x, frame),
        BetweenExpr x => BindBetween(x, frame),
        LikeExpr x => BindLike(x, frame),
        CaseExpr x => BindCase(x, frame),
        RowExpr x => new BoundRow(x.Items.Select(i => ResolveUnknown(BindExpression(i, frame))).ToArray()),
        ArrayExpr x => BindArray(x, frame),
        SubscriptExpr x => BindSubscript(x, frame),
        FieldExpr x => BindField(x, frame),
        CollateExpr x => BindCollate(x, frame),
        QuantifiedExpr x => x.Query is null ? BindQuantified(x, frame) : BindQuantifiedQuery(x, frame),
        InQueryExpr x => BindInQuery(x, frame),
        ExistsExpr x => BindSubquery(SubqueryKind.Exists, x.Query, frame, x.Position),
        SubqueryExpr x => BindSubquery(SubqueryKind.Scalar, x.Query, frame, x.Position),
        ArrayQueryExpr x => BindSubquery(SubqueryKind.Array, x.Query, frame, x.Position),
        DefaultExpr => throw Error(SqlStates.SyntaxError, "DEFAULT is not allowed in this context", e.Position),
        GroupingSetExpr => throw Error(SqlStates.GroupingError, "grouping sets are only allowed in GROUP BY", e.Position),
        _ => throw Error(SqlStates.SyntaxError, "row expansion via \"*\" is not supported here", e.Position),
    };

    private BoundParameter BindParameter(ParameterExpr x)
    {
        int index = x.Number - 1;
        if (index < 0 || index >= 65535)
        {
            throw Error(SqlStates.UndefinedParameter, $"there is no parameter ${x.Number}", x.Position);
        }

        if (index >= parameters.Length)
        {
            Array.Resize(ref parameters, index + 1);
        }

        return new BoundParameter(index, parameters[index] ?? SqlType.Unknown);
    }

    private BoundExpression[] BindTerms(IReadOnlyList<Expr> terms, ExpressionFrame frame, string place)
    {
        var bound = new BoundExpression[terms.Count];
        for (int i = 0; i < bound.Length; i++)
        {
            bound[i] = CoerceBool(BindExpression(terms[i], frame), place, terms[i].Position);
        }

        return bound;
    }

    private BoundExpression BindColumn(ColumnExpr x, ExpressionFrame frame)
    {
        string name = x.Parts[^1];
        if (x.Parts.Count == 1)
        {
            for (Scope? scope = frame.Scope; scope is not null; scope = scope.Parent)
            {
                if (scope.FindColumn(name, x.Position) is { } found)
                {
                    return Positioned(found.Value, x.Position);
                }
            }

            if (FindRange(frame.Scope, name) is { } row)
            {
                return WholeRow(row);
            }

            return name == "tableoid" && frame.Scope.Ranges is [var only] && TableOid(only) is { } own
                ? own
                : throw Error(SqlStates.UndefinedColumn, $"column \"{name}\" does not exist", x.Position);
        }

        string alias = x.Parts[^2];
        BoundRange range = FindRange(frame.Scope, alias)
            ?? throw Error(SqlStates.UndefinedTable, $"missing FROM-clause entry for table \"{alias}\"", x.Position);
        for (int i = 0; i < range.Columns.Count; i++)
        {
            if (range.Columns[i].Name == name)
            {
                return new BoundColumn(range, i, range.Columns[i].Type) { Position = x.Position };
            }
        }

        return name == "tableoid" && TableOid(range) is { } oid
            ? oid
            : throw Error(SqlStates.UndefinedColumn, $"column {alias}.{name} does not exist", x.Position);
    }

    /// <summary>The system column tableoid: the same for all rows of a table.</summary>
    private static BoundConstant? TableOid(BoundRange range) =>
        range.Columns.FirstOrDefault(c => c.TableOid != 0) is { } column ? new BoundConstant(Datum.Int(column.TableOid), SqlType.Oid_) : null;

    private static BoundExpression Positioned(BoundExpression e, int position) => e is BoundColumn column ? column with { Position = position } : e;

    private static BoundRange? FindRange(Scope start, string alias)
    {
        for (Scope? scope = start; scope is not null; scope = scope.Parent)
        {
            if (scope.FindRange(alias) is { } range)
            {
                return range;
            }
        }

        return null;
    }

    private static BoundExpression WholeRow(BoundRange range)
    {
        // A function with one scalar column is its value, as PostgreSQL has it: select g from generate_series(1, 3) g.
        var fields = new List<BoundExpression>();
        var names = new List<string>();
        for (int i = 0; i < range.Columns.Count; i++)
        {
            if (!range.Columns[i].IsHidden)
            {
                fields.Add(new BoundColumn(range, i, range.Columns[i].Type));
                names.Add(range.Columns[i].Name);
            }
        }

        return new BoundRow(fields, names);
    }

    private BoundExpression BindUnary(UnaryExpr x, ExpressionFrame frame)
    {
        BoundExpression operand = BindExpression(x.Operand, frame);
        ResolvedFunction function = AtPosition(() => OperatorTable.ResolvePrefix(x.Operator, operand.Type), x.Position);
        operand = CoerceTo(operand, function.ArgumentTypes[0], -1, CastContext.Implicit, x.Operand.Position);
        return FoldCall(new BoundCall(function, [operand], function.ResultType) { Operator = x.Operator });
    }

    private BoundExpression BindBinary(BinaryExpr x, ExpressionFrame frame)
    {
        BoundExpression left = BindOperand(x.Left, frame), right = BindOperand(x.Right, frame);
        return MakeOperator(x.Operator, left, right, x.Position, x.Left.Position, x.Right.Position);
    }

    /// <summary>
    /// As <see cref="BindExpression"/>, but the fields of a written row stay without a type where they have none, so that each can take that of its partner in a comparison.
    /// </summary>
    private BoundExpression BindOperand(Expr e, ExpressionFrame frame) =>
        e is RowExpr row ? new BoundRow(row.Items.Select(i => BindExpression(i, frame)).ToArray()) : BindExpression(e, frame);

    /// <summary>A row that no other row gave types to: what has none is text.</summary>
    private BoundExpression Settled(BoundExpression e) =>
        e is BoundRow row && row.Fields.Any(f => f.Type == SqlType.Unknown) ? row with { Fields = row.Fields.Select(ResolveUnknown).ToArray() } : e;

    /// <summary>True when values of both types are compared by one order without conversion.</summary>
    private static bool SameOrder(SqlType left, SqlType right) =>
        left == right ? left != SqlType.Unknown && left != SqlType.Json
        : left.Kind == right.Kind && (left.Kind is DatumKind.Int or DatumKind.Double || (left.Category == 'S' && right.Category == 'S'));

    private static ComparisonOperator? ComparisonOf(string name) => name switch
    {
        "=" => ComparisonOperator.Equal,
        "<>" or "!=" => ComparisonOperator.NotEqual,
        "<" => ComparisonOperator.Less,
        "<=" => ComparisonOperator.LessOrEqual,
        ">" => ComparisonOperator.Greater,
        ">=" => ComparisonOperator.GreaterOrEqual,
        _ => null,
    };

    /// <summary>left op right with casts; rows are compared field by field.</summary>
    private BoundExpression MakeOperator(string name, BoundExpression left, BoundExpression right, int position, int leftPosition = 0, int rightPosition = 0)
    {
        ComparisonOperator? comparison = ComparisonOf(name);
        if (comparison is { } op && left is BoundRow leftRow && right is BoundRow rightRow)
        {
            return CompareRows(op, leftRow, rightRow, position);
        }

        (left, right) = (Settled(left), Settled(right));

        if (comparison is { } simple && left.Type == right.Type && (left.Type.Kind == DatumKind.Int || left.Type.Category == 'S'))
        {
            return new BoundComparison(simple, left, right);
        }

        ResolvedFunction function = SameTyped(name, left.Type, right.Type) ?? AtPosition(() => OperatorTable.Resolve(name, left.Type, right.Type), position);
        left = CoerceTo(left, function.ArgumentTypes[0], -1, CastContext.Implicit, leftPosition > 0 ? leftPosition : position);
        right = CoerceTo(right, function.ArgumentTypes[1], -1, CastContext.Implicit, rightPosition > 0 ? rightPosition : position);
        if (comparison is { } same && SameOrder(left.Type, right.Type) && (left.Type != SqlType.Jsonb || same <= ComparisonOperator.NotEqual))
        {
            return new BoundComparison(same, left, right);
        }

        return FoldCall(new BoundCall(function, [left, right], function.ResultType) { Operator = name });
    }

    /// <summary>An untyped side is first taken to be of the other side's type.</summary>
    private static ResolvedFunction? SameTyped(string name, SqlType left, SqlType right)
    {
        if ((left == SqlType.Unknown) == (right == SqlType.Unknown))
        {
            return null;
        }

        SqlType type = left == SqlType.Unknown ? right : left;
        ResolvedFunction? function = OperatorTable.TryResolve(name, type, type);
        return function is not null && function.ArgumentTypes[0] == type && function.ArgumentTypes[1] == type ? function : null;
    }

    /// <summary>Runs a look-up whose errors get the position of the token.</summary>
    private static T AtPosition<T>(Func<T> look, int position)
    {
        try
        {
            return look();
        }
        catch (DbException error) when (error.Position == 0 && position > 0)
        {
            throw new DbException(error.SqlState, error.Message, error.Detail, error.Hint, position, error);
        }
    }

    private BoundExpression CompareRows(ComparisonOperator op, BoundRow left, BoundRow right, int position)
    {
        if (left.Fields.Count != right.Fields.Count)
        {
            throw Error(SqlStates.SyntaxError, "unequal number of entries in row expressions", position);
        }

        var pairs = new BoundExpression[left.Fields.Count];
        var leftFields = new BoundExpression[pairs.Length];
        var rightFields = new BoundExpression[pairs.Length];
        for (int i = 0; i < pairs.Length; i++)
        {
            pairs[i] = MakeOperator("=", left.Fields[i], right.Fields[i], position);
            (leftFields[i], rightFields[i]) = pairs[i] is BoundComparison c ? (c.Left, c.Right) : (ResolveUnknown(left.Fields[i]), ResolveUnknown(right.Fields[i]));
        }

        return op switch
        {
            ComparisonOperator.Equal => new BoundAnd(pairs),
            ComparisonOperator.NotEqual => new BoundNot(new BoundAnd(pairs)),
            _ => new BoundComparison(op, new BoundRow(leftFields), new BoundRow(rightFields)),
        };
    }

    private BoundExpression BindCast(CastExpr x, ExpressionFrame frame)
    {
        (SqlType type, int modifier) = TypeNames.Resolve(x.Type);
        BoundExpression operand = x.Operand is ArrayExpr array && type.IsArray
            ? BindArray(array, frame, type)
            : BindExpression(x.Operand, frame);
        return CoerceTo(operand, type, modifier, CastContext.Explicit, x.Position);
    }

    private BoundExpression BindIs(IsExpr x, ExpressionFrame frame)
    {
        BoundExpression operand = BindExpression(x.Operand, frame);
        if (x.Test == IsTest.Null)
        {
            return new BoundIsNull(ResolveUnknown(operand), x.IsNegated);
        }

        string word = x.Test.ToString().ToUpperInvariant();
        operand = CoerceBool(operand, x.IsNegated ? $"IS NOT {word}" : $"IS {word}", x.Operand.Position);
        return new BoundIsBool(operand, x.Test switch { IsTest.True => true, IsTest.False => false, _ => null }, x.IsNegated);
    }

    private BoundDistinctFrom BindDistinct(IsDistinctExpr x, ExpressionFrame frame)
    {
        BoundExpression left = BindExpression(x.Left, frame), right = BindExpression(x.Right, frame);
        return MakeOperator("=", left, right, x.Position) switch
        {
            BoundComparison c => new BoundDistinctFrom(c.Left, c.Right, x.IsNegated),
            _ => new BoundDistinctFrom(ResolveUnknown(left), ResolveUnknown(right), x.IsNegated),
        };
    }

    private BoundExpression BindInList(InListExpr x, ExpressionFrame frame)
    {
        BoundExpression operand = BindOperand(x.Operand, frame);
        BoundExpression[] items = x.Items.Select(i => BindOperand(i, frame)).ToArray();
        if (operand is BoundRow || items.Any(i => i is BoundRow))
        {
            return Alternatives(operand, items, x);
        }

        if (items.Length == 1)
        {
            return MakeOperator(x.IsNegated ? "<>" : "=", operand, items[0], x.Position, x.Operand.Position, x.Items[0].Position);
        }

        SqlType? common = CommonInType(operand, items);
        if (common is null || !OperatorTable.IsOrdered(common))
        {
            return Alternatives(operand, items, x);
        }

        return new BoundInList(CoerceTo(operand, common, -1, CastContext.Implicit, x.Position), CoerceAll(items, common, x.Position), x.IsNegated);
    }

    private static SqlType? CommonInType(BoundExpression operand, BoundExpression[] items)
    {
        SqlType type = operand.Type;
        foreach (BoundExpression item in items)
        {
            if (item.Type == type || item.Type == SqlType.Unknown || (SameOrder(type, item.Type) && CastTable.Find(item.Type, type, CastContext.Implicit) is not null))
            {
                continue;
            }

            if (SameOrder(type, item.Type) && CastTable.Find(type, item.Type, CastContext.Implicit) is not null)
            {
                type = item.Type;
                continue;
            }

            ResolvedFunction? equal = OperatorTable.TryResolve("=", type, item.Type);
            if (equal is null || equal.ArgumentTypes[0] != equal.ArgumentTypes[1])
            {
                return null;
            }

            type = equal.ArgumentTypes[0];
        }

        return type == SqlType.Unknown ? SqlType.Text : type;
    }

    private BoundExpression Alternatives(BoundExpression operand, BoundExpression[] items, InListExpr x)
    {
        BoundExpression[] equals = items.Select(i => MakeOperator("=", operand, i, x.Position)).ToArray();
        BoundExpression any = equals.Length == 1 ? equals[0] : new BoundOr(equals);
        return x.IsNegated ? new BoundNot(any) : any;
    }

    private BoundExpression BindBetween(BetweenExpr x, ExpressionFrame frame)
    {
        BoundExpression operand = BindExpression(x.Operand, frame);
        BoundExpression low = BindExpression(x.Low, frame), high = BindExpression(x.High, frame);
        BoundExpression within = Within(operand, low, high, x.Position);
        if (x.IsSymmetric)
        {
            within = new BoundOr([within, Within(operand, high, low, x.Position)]);
        }

        return x.IsNegated ? new BoundNot(within) : within;
    }

    private BoundAnd Within(BoundExpression operand, BoundExpression low, BoundExpression high, int position) =>
        new([MakeOperator(">=", operand, low, position), MakeOperator("<=", operand, high, position)]);

    private BoundExpression BindLike(LikeExpr x, ExpressionFrame frame)
    {
        BoundExpression operand = BindExpression(x.Operand, frame), pattern = BindExpression(x.Pattern, frame);
        BoundExpression? escape = x.Escape is null ? null : BindExpression(x.Escape, frame);
        BoundExpression match;
        if (x.Kind == LikeKind.SimilarTo)
        {
            BoundExpression regex = MakeCall("similar_to_escape", escape is null ? [pattern] : [pattern, escape], x.Position);
            match = MakeOperator("~", operand, regex, x.Position);
        }
        else
        {
            if (escape is not null)
            {
                pattern = MakeCall("like_escape", [pattern, escape], x.Position);
            }

            match = MakeOperator(x.Kind == LikeKind.Like ? "~~" : "~~*", operand, pattern, x.Position);
        }

        return x.IsNegated ? new BoundNot(match) : match;
    }

    private BoundExpression BindCollate(CollateExpr x, ExpressionFrame frame)
    {
        if (x.Collation.Name is not ("default" or "C" or "POSIX" or "ucs_basic" or "unicode" or "en_US" or "C.UTF-8"))
        {
            throw Error(SqlStates.UndefinedObject, $"collation \"{x.Collation}\" for encoding \"UTF8\" does not exist", x.Position);
        }

        return ResolveUnknown(BindExpression(x.Operand, frame));
    }

    private BoundExpression BindCase(CaseExpr x, ExpressionFrame frame)
    {
        BoundExpression? operand = x.Operand is null ? null : ResolveUnknown(BindExpression(x.Operand, frame));
        BoundLocal? local = operand is null ? null : new BoundLocal(operand.Type);
        var conditions = new BoundExpression[x.Whens.Count];
        var results = new List<BoundExpression>();
        for (int i = 0; i < conditions.Length; i++)
        {
            BoundExpression when = BindExpression(x.Whens[i].When, frame);
            conditions[i] = local is null
                ? CoerceBool(when, "CASE/WHEN", x.Whens[i].When.Position)
                : MakeOperator("=", local, when, x.Whens[i].When.Position);
            results.Add(BindExpression(x.Whens[i].Then, frame));
        }

        if (x.Else is not null)
        {
            results.Add(BindExpression(x.Else, frame));
        }

        SqlType type = CommonType(results, "CASE", x.Position);
        BoundExpression[] values = CoerceAll(results, type, x.Position);
        BoundWhen[] whens = conditions.Select((c, i) => new BoundWhen(c, values[i])).ToArray();
        return new BoundCase(operand, local, whens, x.Else is null ? null : values[^1], type);
    }

    private BoundExpression BindArray(ArrayExpr x, ExpressionFrame frame, SqlType? wanted = null)
    {
        if (x.Items.Count == 0)
        {
            return wanted is null
                ? throw Error(SqlStates.IndeterminateDatatype, "cannot determine type of empty array", x.Position, "Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                : new BoundArray([], false, wanted);
        }

        BoundExpression[] items = x.Items.Select(i => i is ArrayExpr nested ? BindArray(nested, frame, wanted) : BindExpression(i, frame)).ToArray();
        bool isNested = items.Any(i => i.Type.IsArray);
        SqlType element = wanted is null ? CommonType(items, "ARRAY", x.Position) : isNested ? wanted : wanted.Element!;
        BoundExpression[] values = items
            .Select(i => CoerceTo(i, element, -1, wanted is null ? CastContext.Implicit : CastContext.Explicit, x.Position)).ToArray();
        SqlType type = isNested ? element : SqlType.ArrayOf(element);
        return new BoundArray(values, isNested, type);
    }

    private BoundExpression BindSubscript(SubscriptExpr x, ExpressionFrame frame)
    {
        var indexes = new List<BoundIndex>();
        Expr inner = x;
        while (inner is SubscriptExpr subscript)
        {
            indexes.Insert(0, new BoundIndex(subscript.IsSlice, subscript.IsSlice ? Subscript(subscript.Index, frame) : null, Subscript(subscript.IsSlice ? subscript.Upper : subscript.Index, frame)));
            inner = subscript.Operand;
        }

        BoundExpression array = ResolveUnknown(BindExpression(inner, frame));
        if (array.Type == SqlType.Jsonb || array.Type == SqlType.Json)
        {
            throw Error(SqlStates.DatatypeMismatch, "json values are read by the operators -> and ->>, not by subscripts", x.Position);
        }

        if (!array.Type.IsArray)
        {
            throw Error(SqlStates.DatatypeMismatch, $"cannot subscript type {TypeNames.Display(array.Type)} because it does not support subscripting", x.Position);
        }

        bool isSlice = indexes.Any(i => i.IsSlice);
        return new BoundSubscript(array, indexes, isSlice ? array.Type : array.Type.Element!);
    }

    private BoundExpression? Subscript(Expr? e, ExpressionFrame frame) =>
        e is null ? null : CoerceTo(BindExpression(e, frame), SqlType.Int8, -1, CastContext.Assignment, e.Position);

    private BoundExpression BindField(FieldExpr x, ExpressionFrame frame)
    {
        BoundExpression record = BindExpression(x.Operand, frame);
        IReadOnlyList<(string Name, SqlType Type)> fields = FieldsOf(record)
            ?? throw Error(SqlStates.WrongObjectType, $"column notation .{x.Name} applied to type {TypeNames.Display(record.Type)}, which is not a composite type", x.Position);
        for (int i = 0; i < fields.Count; i++)
        {
            if (fields[i].Name == x.Name)
            {
                return record is BoundRow row ? row.Fields[i] : new BoundField(record, i, fields[i].Type);
            }
        }

        throw Error(SqlStates.UndefinedColumn, $"column \"{x.Name}\" not found in data type record", x.Position);
    }

    private static IReadOnlyList<(string Name, SqlType Type)>? FieldsOf(BoundExpression record) => record switch
    {
        BoundRow { Names: { } names } row => row.Fields.Select((f, i) => (names[i], f.Type)).ToArray(),
        BoundRow row => row.Fields.Select((f, i) => ($"f{i + 1}", f.Type)).ToArray(),
        BoundSetReturning { Type: var type } set when type == SqlType.Record => set.Function.Columns,
        BoundCall { Type: var type, Function: { Definition.Columns: { } columns } } when type == SqlType.Record => columns,
        BoundColumn column when column.Type == SqlType.Record => RecordColumns(column),
        _ => null,
    };

    /// <summary>Fields of a record column of a subquery: found by looking at what the subquery computes for it.</summary>
    private static IReadOnlyList<(string Name, SqlType Type)>? RecordColumns(BoundColumn column) =>
        column.Range.RecordSource?.Invoke(column.Column) is { } source ? FieldsOf(source) : null;

    private BoundExpression BindQuantified(QuantifiedExpr x, ExpressionFrame frame)
    {
        BoundExpression left = BindExpression(x.Left, frame);
        BoundExpression array = x.Array is ArrayExpr { Items.Count: 0 } empty
            ? BindArray(empty, frame, SqlType.ArrayOf(left.Type == SqlType.Unknown ? SqlType.Text : left.Type))
            : BindExpression(x.Array!, frame);
        if (array.Type == SqlType.Unknown)
        {
            SqlType element = left.Type == SqlType.Unknown ? SqlType.Text : left.Type;
            array = CoerceTo(array, SqlType.ArrayOf(element), -1, CastContext.Implicit, x.Position);
        }

        if (!array.Type.IsArray)
        {
            throw Error(SqlStates.WrongObjectType, "op ANY/ALL (array) requires array on right side", x.Position);
        }

        SqlType items = array.Type.Element!;
        ResolvedFunction function = AtPosition(() => OperatorTable.Resolve(x.Operator, left.Type, items), x.Position);
        left = CoerceTo(left, function.ArgumentTypes[0], -1, CastContext.Implicit, x.Position);
        var leftLocal = new BoundLocal(left.Type);
        var elementLocal = new BoundLocal(items);
        BoundExpression condition = CoerceBool(MakeOperator(x.Operator, leftLocal, elementLocal, x.Position), "ANY", x.Position);
        ComparisonOperator? comparison = condition is BoundComparison { Left: BoundLocal l, Right: BoundLocal r } c && l == leftLocal && r == elementLocal
            ? c.Operator
            : null;
        return new BoundQuantified(left, leftLocal, array, elementLocal, condition, x.IsAll, comparison);
    }
}
