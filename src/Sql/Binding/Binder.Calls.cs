using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// Calls: scalar functions, the forms that look like functions, aggregates, window functions, set-returning functions.
public sealed partial class Binder
{
    private BoundExpression BindCall(FunctionCallExpr x, ExpressionFrame frame)
    {
        string name = x.Name.Name;
        if (x.Name.Schema is { } schema && !CatalogSnapshot.SchemaExists(schema))
        {
            throw Error(SqlStates.InvalidSchemaName, $"schema \"{schema}\" does not exist", x.Position);
        }

        if (x.Name.Schema is null && x.Over is null && BindForm(x, name, frame) is { } form)
        {
            return form;
        }

        if (x.IsVariadic || x.ArgumentNames is not null)
        {
            throw Error(SqlStates.FeatureNotSupported, "VARIADIC and named arguments are not supported", x.Position);
        }

        bool hadAggregates = frame.HasAggregates, hadWindows = frame.HasWindows;
        frame.HasAggregates = frame.HasWindows = false;
        BoundExpression[] arguments = BindArguments(x, frame);
        bool isNested = frame.HasAggregates || frame.HasWindows;
        string inner = frame.HasWindows ? "aggregate function calls cannot contain window function calls" : "aggregate function calls cannot be nested";
        frame.HasAggregates |= hadAggregates;
        frame.HasWindows |= hadWindows;
        SqlType[] types = Array.ConvertAll(arguments, a => a.Type);
        ResolvedFunction? function = functions.TryResolve(name, types);
        if (function is null && arguments.Length == 1 && !functions.Exists(name) && CastByName(name) is { } type)
        {
            return CoerceTo(arguments[0], type, -1, CastContext.Explicit, x.Position);
        }

        function ??= AtPosition(() => functions.Resolve(name, types), x.Position);
        arguments = CoerceArguments(function, arguments, x.Position);
        if (x.Over is not null)
        {
            return BindWindowCall(x, function, arguments, frame);
        }

        if (isNested && function.Kind == FunctionKind.Aggregate)
        {
            throw Error(SqlStates.GroupingError, inner, x.Position);
        }

        return function.Kind switch
        {
            FunctionKind.Aggregate => MakeAggregate(x, function, arguments, frame),
            FunctionKind.Window => throw Error(SqlStates.WindowingError, $"window function {name} requires an OVER clause", x.Position),
            FunctionKind.Set => MakeSet(function, arguments, frame, x.Position),
            _ => MakeScalar(x, function, arguments),
        };
    }

    private static SqlType? CastByName(string name) => SqlType.All.FirstOrDefault(t => t.Name == name && !t.IsArray);

    private BoundExpression MakeScalar(FunctionCallExpr x, ResolvedFunction function, BoundExpression[] arguments)
    {
        if (x.IsDistinct || x.OrderBy.Count > 0 || x.Filter is not null || x.IsStar)
        {
            throw Error(SqlStates.WrongObjectType, $"{function.Name} is not an aggregate function", x.Position);
        }

        return FoldCall(new BoundCall(function, arguments, function.ResultType));
    }

    private static BoundSetReturning MakeSet(ResolvedFunction function, BoundExpression[] arguments, ExpressionFrame frame, int position)
    {
        if (!frame.AllowSets)
        {
            throw Error(SqlStates.FeatureNotSupported, $"set-returning functions are not allowed in {frame.Place}", position);
        }

        frame.HasSets = true;
        SqlType type = function.Columns.Count > 1 ? SqlType.Record : function.Columns[0].Type;
        return new BoundSetReturning(function, arguments, function.Definition.Columns is null ? function.ResultType : type);
    }

    private BoundExpression[] BindArguments(FunctionCallExpr x, ExpressionFrame frame)
    {
        if (x.IsStar)
        {
            return [];
        }

        var arguments = new BoundExpression[x.Arguments.Count];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = x.Arguments[i] is StarExpr { Qualifier: [.., var alias] } star
                ? WholeRow(FindRange(frame.Scope, alias) ?? throw Error(SqlStates.UndefinedTable, $"missing FROM-clause entry for table \"{alias}\"", star.Position))
                : BindExpression(x.Arguments[i], frame);
        }

        return arguments;
    }

    private BoundExpression[] CoerceArguments(ResolvedFunction function, BoundExpression[] arguments, int position)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            SqlType wanted = function.ArgumentTypes[i];
            arguments[i] = wanted == SqlType.Any || wanted == SqlType.AnyElement
                ? ResolveUnknown(arguments[i])
                : CoerceTo(arguments[i], wanted, -1, CastContext.Implicit, position);
        }

        return arguments;
    }

    /// <summary>A call by name with bound arguments, as the binder itself needs it.</summary>
    private BoundExpression MakeCall(string name, BoundExpression[] arguments, int position)
    {
        ResolvedFunction function = AtPosition(() => functions.Resolve(name, Array.ConvertAll(arguments, a => a.Type)), position);
        return FoldCall(new BoundCall(function, CoerceArguments(function, arguments, position), function.ResultType));
    }

    /// <summary>An immutable function of constants is computed here, unless it fails: then the error belongs to the run.</summary>
    private BoundExpression FoldCall(BoundCall call)
    {
        if (call.Function.Volatility != Volatility.Immutable || call.Type == SqlType.Record || call.Function.Body is null)
        {
            return call;
        }

        var values = new Datum[call.Arguments.Count];
        for (int i = 0; i < values.Length; i++)
        {
            if (call.Arguments[i] is not BoundConstant constant)
            {
                return call;
            }

            values[i] = constant.Value;
        }

        try
        {
            return new BoundConstant(call.Function.Invoke(values, context), call.Type);
        }
        catch (DbException)
        {
            return call;
        }
    }

    private BoundExpression? BindForm(FunctionCallExpr x, string name, ExpressionFrame frame)
    {
        switch (name)
        {
            case "coalesce":
            {
                (BoundExpression[] items, SqlType type) = BindCommon(x, frame, "COALESCE");
                return items.Length == 1 ? items[0] : new BoundCoalesce(items, type);
            }

            case "greatest" or "least":
            {
                (BoundExpression[] items, SqlType type) = BindCommon(x, frame, name.ToUpperInvariant());
                return new BoundGreatest(items, name == "least", type);
            }

            case "nullif" when x.Arguments.Count == 2:
                return BindNullIf(x, frame);
            default:
                return null;
        }
    }

    private (BoundExpression[] Items, SqlType Type) BindCommon(FunctionCallExpr x, ExpressionFrame frame, string construct)
    {
        BoundExpression[] items = BindArguments(x, frame);
        if (items.Length == 0)
        {
            throw Error(SqlStates.SyntaxError, $"{construct} needs at least one argument", x.Position);
        }

        SqlType type = CommonType(items, construct, x.Position);
        return (CoerceAll(items, type, x.Position), type);
    }

    private BoundNullIf BindNullIf(FunctionCallExpr x, ExpressionFrame frame)
    {
        BoundExpression value = BindExpression(x.Arguments[0], frame), other = BindExpression(x.Arguments[1], frame);
        if (value.Type == SqlType.Unknown)
        {
            value = CoerceTo(value, other.Type == SqlType.Unknown ? SqlType.Text : other.Type, -1, CastContext.Implicit, x.Position);
        }

        var local = new BoundLocal(value.Type);
        return new BoundNullIf(value, local, MakeOperator("=", local, other, x.Position));
    }

    private BoundAggregate MakeAggregate(FunctionCallExpr x, ResolvedFunction function, BoundExpression[] arguments, ExpressionFrame frame)
    {
        if (!frame.AllowAggregates)
        {
            throw Error(SqlStates.GroupingError, $"aggregate functions are not allowed in {frame.Place}", x.Position);
        }

        frame.HasAggregates = true;
        IReadOnlyList<BoundSortKey> order = BindSortKeys(x.OrderBy, frame);
        BoundExpression? filter = x.Filter is null ? null : CoerceBool(BindExpression(x.Filter, frame), "FILTER", x.Filter.Position);
        if (x.IsDistinct && arguments.Length > 0 && !OperatorTable.IsOrdered(arguments[0].Type))
        {
            throw Error(SqlStates.UndefinedFunction, $"could not identify an equality operator for type {TypeNames.Display(arguments[0].Type)}", x.Position);
        }

        return new BoundAggregate(function, arguments, x.IsDistinct, order, filter, function.ResultType);
    }

    private BoundSortKey[] BindSortKeys(IReadOnlyList<OrderItem> items, ExpressionFrame frame)
    {
        var keys = new BoundSortKey[items.Count];
        for (int i = 0; i < keys.Length; i++)
        {
            BoundExpression key = ResolveUnknown(BindExpression(items[i].Expr, frame));
            RequireOrdered(key.Type, items[i].Expr.Position);
            bool descending = IsDescending(items[i]);
            keys[i] = new BoundSortKey(key, descending, NullsFirst(items[i], descending));
        }

        return keys;
    }

    private static bool IsDescending(OrderItem item) => item.IsDescending || item.Operator is ">" or ">=";

    /// <summary>NULL sorts lowest unless the user says where it goes.</summary>
    private static bool NullsFirst(OrderItem item, bool descending) => item.Nulls switch
    {
        NullsOrder.First => true,
        NullsOrder.Last => false,
        _ => !descending,
    };

    private static void RequireOrdered(SqlType type, int position, string need = "ordering")
    {
        if (type != SqlType.Record && !OperatorTable.IsOrdered(type))
        {
            throw Error(SqlStates.UndefinedFunction, $"could not identify an {need} operator for type {TypeNames.Display(type)}", position);
        }
    }

    private BoundWindowCall BindWindowCall(FunctionCallExpr x, ResolvedFunction function, BoundExpression[] arguments, ExpressionFrame frame)
    {
        if (!frame.AllowWindows)
        {
            throw Error(SqlStates.WindowingError, $"window functions are not allowed in {frame.Place}", x.Position);
        }

        bool isAggregate = function.Kind == FunctionKind.Aggregate;
        if (!isAggregate && function.Kind != FunctionKind.Window)
        {
            throw Error(SqlStates.WrongObjectType, $"OVER specified, but {function.Name} is not a window function nor an aggregate function", x.Position);
        }

        if (x.IsDistinct)
        {
            throw Error(SqlStates.FeatureNotSupported, "DISTINCT is not implemented for window functions", x.Position);
        }

        frame.HasWindows = true;
        BoundExpression? filter = null;
        if (x.Filter is not null)
        {
            filter = isAggregate
                ? CoerceBool(BindExpression(x.Filter, frame), "FILTER", x.Filter.Position)
                : throw Error(SqlStates.FeatureNotSupported, "FILTER is not implemented for non-aggregate window functions", x.Position);
        }

        BoundWindow window = BindWindow(x.Over!, frame);
        return new BoundWindowCall(isAggregate ? null : function, isAggregate ? function : null, arguments, filter, window, function.ResultType);
    }

    private BoundWindow BindWindow(WindowSpec spec, ExpressionFrame frame)
    {
        spec = Inherit(spec, frame);
        var inner = new ExpressionFrame(frame.Scope, "window definitions") { AllowAggregates = frame.AllowAggregates, Windows = frame.Windows };
        BoundExpression[] partition = spec.PartitionBy.Select(e => ResolveUnknown(BindExpression(e, inner))).ToArray();
        BoundSortKey[] order = BindSortKeys(spec.OrderBy, inner);
        frame.HasAggregates |= inner.HasAggregates;
        WindowFrame? f = spec.Frame;
        if (f is null)
        {
            return new BoundWindow(partition, order, FrameMode.Range, new BoundFrameBound(FrameBoundKind.UnboundedPreceding, null), new BoundFrameBound(FrameBoundKind.CurrentRow, null), FrameExclusion.None);
        }

        FrameMode mode = f.Unit switch { FrameUnit.Rows => FrameMode.Rows, FrameUnit.Groups => FrameMode.Groups, _ => FrameMode.Range };
        CheckFrame(f, mode, order);
        return new BoundWindow(partition, order, mode, BindBound(f.Start, mode, order, inner), BindBound(f.End, mode, order, inner), (FrameExclusion)(int)f.Exclusion);
    }

    private static void CheckFrame(WindowFrame f, FrameMode mode, BoundSortKey[] order)
    {
        if (f.Start.Kind == Parsing.FrameBoundKind.UnboundedFollowing || f.End.Kind == Parsing.FrameBoundKind.UnboundedPreceding || f.Start.Kind > f.End.Kind)
        {
            throw Error(SqlStates.WindowingError, $"frame starting from {Words(f.Start.Kind)} cannot end with {Words(f.End.Kind)}", f.Position);
        }

        bool hasOffset = f.Start.Offset is not null || f.End.Offset is not null;
        if (mode == FrameMode.Range && hasOffset && order.Length != 1)
        {
            throw Error(SqlStates.WindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", f.Position);
        }

        if (mode == FrameMode.Groups && order.Length == 0)
        {
            throw Error(SqlStates.WindowingError, "GROUPS mode requires an ORDER BY clause", f.Position);
        }
    }

    private static string Words(Parsing.FrameBoundKind kind) => kind switch
    {
        Parsing.FrameBoundKind.UnboundedPreceding => "UNBOUNDED PRECEDING",
        Parsing.FrameBoundKind.Preceding => "PRECEDING",
        Parsing.FrameBoundKind.CurrentRow => "current row",
        Parsing.FrameBoundKind.Following => "FOLLOWING",
        _ => "UNBOUNDED FOLLOWING",
    };

    private BoundFrameBound BindBound(FrameBound bound, FrameMode mode, BoundSortKey[] order, ExpressionFrame frame)
    {
        if (bound.Offset is null)
        {
            return new BoundFrameBound((FrameBoundKind)(int)bound.Kind, null);
        }

        SqlType type = SqlType.Int8;
        if (mode == FrameMode.Range)
        {
            SqlType key = order[0].Expression.Type;
            type = key.Category == 'D' ? SqlType.Interval : key;
        }

        BoundExpression offset = CoerceTo(BindExpression(bound.Offset, frame), type, -1, CastContext.Assignment, bound.Offset.Position);
        return new BoundFrameBound((FrameBoundKind)(int)bound.Kind, offset);
    }

    /// <summary>Fills in what a window takes over from a named one.</summary>
    private static WindowSpec Inherit(WindowSpec spec, ExpressionFrame frame)
    {
        string? name = spec.Name ?? spec.BaseName;
        if (name is null)
        {
            return spec;
        }

        if (frame.Windows is null || !frame.Windows.TryGetValue(name, out WindowSpec? named))
        {
            throw Error(SqlStates.UndefinedObject, $"window \"{name}\" does not exist", spec.Position);
        }

        named = Inherit(named, frame);
        if (spec.Name is not null)
        {
            return named;
        }

        if (spec.PartitionBy.Count > 0)
        {
            throw Error(SqlStates.WindowingError, $"cannot override PARTITION BY clause of window \"{name}\"", spec.Position);
        }

        if (spec.OrderBy.Count > 0 && named.OrderBy.Count > 0)
        {
            throw Error(SqlStates.WindowingError, $"cannot override ORDER BY clause of window \"{name}\"", spec.Position);
        }

        return spec with { BaseName = null, PartitionBy = named.PartitionBy, OrderBy = named.OrderBy.Count > 0 ? named.OrderBy : spec.OrderBy };
    }
}
