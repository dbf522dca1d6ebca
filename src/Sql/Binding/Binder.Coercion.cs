using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Types;

namespace Picodata.Sql;

// Conversions: untyped literals and parameters take the type of their context, everything else gets a cast.
public sealed partial class Binder
{
    /// <summary>Brings an expression to a type, or 42804/42846 when the context does not allow it.</summary>
    private BoundExpression CoerceTo(BoundExpression e, SqlType target, int modifier, CastContext how, int position, string? failure = null)
    {
        if (e.Type == SqlType.Unknown && e is not BoundConstant and not BoundParameter)
        {
            e = Retype(e, SqlType.Text);
        }

        switch (e)
        {
            case BoundConstant { Type: var type } constant when type == SqlType.Unknown:
                return CoerceLiteral(constant, target, modifier, how, position);
            case BoundParameter { Type: var type } parameter when type == SqlType.Unknown:
                return CoerceParameter(parameter, target, modifier, how, position);
        }

        if (e.Type == target && modifier < 0)
        {
            return e;
        }

        if (e is BoundArray { Elements.Count: 0, Type: var empty } && target.IsArray && empty != target)
        {
            return new BoundArray([], false, target);
        }

        return Convert(e, target, modifier, how, position, failure);
    }

    private BoundExpression Convert(BoundExpression e, SqlType target, int modifier, CastContext how, int position, string? failure)
    {
        if (e is BoundRow row && target == SqlType.Record)
        {
            return row;
        }

        Cast? cast = CastTable.Find(e.Type, target, how);
        if (cast is null)
        {
            string from = TypeNames.Display(e.Type), to = TypeNames.Display(target);
            throw failure is null
                ? Error(SqlStates.CannotCoerce, $"cannot cast type {from} to {to}", position)
                : Error(SqlStates.DatatypeMismatch, failure, position, "You will need to rewrite or cast the expression.");
        }

        if (cast.Apply is null && modifier < 0)
        {
            return e.Type == target ? e : new BoundRelabel(e, target);
        }

        return Fold(new BoundCast(e, target, cast, modifier, how == CastContext.Explicit));
    }

    /// <summary>A cast of a constant is done here when its result can never change.</summary>
    private BoundExpression Fold(BoundCast cast)
    {
        if (cast.Operand is not BoundConstant constant || cast.Cast.Volatility != Volatility.Immutable)
        {
            return cast;
        }

        if (constant.Value.IsNull)
        {
            return new BoundConstant(Datum.Null, cast.Type);
        }

        try
        {
            Datum value = cast.Cast.Convert(constant.Value, context);
            return new BoundConstant(CastTable.ApplyModifier(cast.Type, cast.TypeModifier, value, cast.IsExplicit), cast.Type);
        }
        catch (DbException)
        {
            // Such a cast may stand in a branch that is never taken: its error belongs to the run of the statement.
            return cast;
        }
    }

    private BoundExpression CoerceLiteral(BoundConstant literal, SqlType target, int modifier, CastContext how, int position)
    {
        if (target == SqlType.Unknown || target == SqlType.Any || target == SqlType.AnyElement || target == SqlType.AnyCompatible)
        {
            target = SqlType.Text;
        }

        if (literal.Value.IsNull)
        {
            return new BoundConstant(Datum.Null, target);
        }

        try
        {
            Datum value = TypeCodec.For(target).ParseText(literal.Value.AsText, context.Types);
            if (modifier >= 0)
            {
                value = CastTable.ApplyModifier(target, modifier, value, how == CastContext.Explicit);
            }

            return new BoundConstant(value, target);
        }
        catch (DbException error) when (error.Position == 0 && position > 0)
        {
            throw new DbException(error.SqlState, error.Message, error.Detail, error.Hint, position, error);
        }
    }

    private BoundExpression CoerceParameter(BoundParameter parameter, SqlType target, int modifier, CastContext how, int position)
    {
        if (target == SqlType.Unknown || target == SqlType.Any || target == SqlType.AnyElement || target == SqlType.AnyCompatible)
        {
            target = SqlType.Text;
        }

        SqlType? known = parameters[parameter.Index];
        if (known is null)
        {
            parameters[parameter.Index] = known = target;
        }

        var typed = new BoundParameter(parameter.Index, known);
        if (known == target)
        {
            return modifier >= 0 ? Convert(typed, target, modifier, how, position, null) : typed;
        }

        if (CastTable.Find(known, target, how) is null)
        {
            throw Error(
                "42P08",
                $"inconsistent types {known.Name} and {target.Name} deduced for parameter ${parameter.Index + 1}",
                position,
                $"consider using transitive type casts through a common type, e.g. ${parameter.Index + 1}::{known.Name}::{target.Name}");
        }

        return Convert(typed, target, modifier, how, position, null);
    }

    /// <summary>What is still untyped becomes text.</summary>
    private BoundExpression ResolveUnknown(BoundExpression e) =>
        e.Type == SqlType.Unknown ? CoerceTo(e, SqlType.Text, -1, CastContext.Implicit, 0) : e;

    private static BoundExpression Retype(BoundExpression e, SqlType type) =>
        e is BoundColumn ? new BoundRelabel(e, type) : e with { Type = type };

    /// <summary>A condition: WHERE, HAVING, ON, operands of AND.</summary>
    private BoundExpression CoerceBool(BoundExpression e, string place, int position)
    {
        if (e.Type == SqlType.Bool)
        {
            return e;
        }

        return e.Type == SqlType.Unknown
            ? CoerceTo(e, SqlType.Bool, -1, CastContext.Implicit, position)
            : throw Error(SqlStates.DatatypeMismatch, $"argument of {place} must be type boolean, not type {TypeNames.Display(e.Type)}", position);
    }

    /// <summary>A value for a table's column: assignment casts, and a message that names the column.</summary>
    private BoundExpression CoerceAssignment(BoundExpression e, ColumnDef column, int position)
    {
        string failure = $"column \"{column.Name}\" is of type {TypeNames.Display(column.Type)} but expression is of type {TypeNames.Display(e.Type)}";
        return CoerceTo(e, column.Type, column.TypeModifier, CastContext.Assignment, position, failure);
    }

    private SqlType CommonType(IReadOnlyList<BoundExpression> items, string construct, int position)
    {
        SqlType first = items[0].Type;
        bool same = first != SqlType.Unknown;
        for (int i = 1; same && i < items.Count; i++)
        {
            same = items[i].Type == first;
        }

        if (same)
        {
            return first;
        }

        try
        {
            return CastTable.CommonType(items.Select(i => i.Type).ToArray(), construct);
        }
        catch (DbException error) when (error.Position == 0 && position > 0)
        {
            throw new DbException(error.SqlState, error.Message, error.Detail, error.Hint, position, error);
        }
    }

    private BoundExpression[] CoerceAll(IReadOnlyList<BoundExpression> items, SqlType type, int position)
    {
        var result = new BoundExpression[items.Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = CoerceTo(items[i], type, -1, CastContext.Implicit, position);
        }

        return result;
    }
}
