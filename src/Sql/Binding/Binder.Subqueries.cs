using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// Subqueries inside of expressions.
public sealed partial class Binder
{
    private BoundExpression BindSubquery(SubqueryKind kind, Query syntax, ExpressionFrame frame, int position)
    {
        BoundQuery query = BindQuery(syntax, frame.Scope, true);
        IReadOnlyList<ResultColumn> columns = query.ResultColumns;
        if (kind != SubqueryKind.Exists && columns.Count != 1)
        {
            throw Error(SqlStates.SyntaxError, "subquery must return only one column", position);
        }

        SqlType type = kind switch
        {
            SubqueryKind.Exists => SqlType.Bool,
            SubqueryKind.Array => columns[0].Type.IsArray ? columns[0].Type : SqlType.ArrayOf(columns[0].Type),
            _ => columns[0].Type,
        };
        return new BoundSubquery(kind, query, [], [], null, null, type);
    }

    private BoundExpression BindInQuery(InQueryExpr x, ExpressionFrame frame)
    {
        BoundExpression any = Quantify(x.Operand, "=", false, x.Query, frame, x.Position);
        return x.IsNegated ? new BoundNot(any) : any;
    }

    private BoundExpression BindQuantifiedQuery(QuantifiedExpr x, ExpressionFrame frame) =>
        Quantify(x.Left, x.Operator, x.IsAll, x.Query!, frame, x.Position);

    private BoundSubquery Quantify(Expr operand, string op, bool isAll, Query syntax, ExpressionFrame frame, int position)
    {
        BoundExpression bound = BindOperand(operand, frame);
        BoundQuery query = BindQuery(syntax, frame.Scope, true);
        IReadOnlyList<BoundExpression> left = bound is BoundRow row ? row.Fields : [bound];
        IReadOnlyList<ResultColumn> columns = query.ResultColumns;
        if (left.Count != columns.Count)
        {
            throw Error(SqlStates.SyntaxError, columns.Count > left.Count ? "subquery has too many columns" : "subquery has too few columns", position);
        }

        var locals = new BoundLocal[columns.Count];
        var conditions = new BoundExpression[columns.Count];
        var lefts = new BoundExpression[columns.Count];
        bool plain = ComparisonOf(op) is not null;
        for (int i = 0; i < locals.Length; i++)
        {
            locals[i] = new BoundLocal(columns[i].Type);
            lefts[i] = left[i].Type == SqlType.Unknown ? CoerceTo(left[i], columns[i].Type, -1, CastContext.Implicit, position) : left[i];
            string step = left.Count > 1 && op == "<>" ? "=" : op;
            conditions[i] = CoerceBool(MakeOperator(step, lefts[i], locals[i], position), "ANY", position);
            plain &= conditions[i] is BoundComparison { Right: BoundLocal } c && c.Left.Equals(lefts[i]);
        }

        if (left.Count > 1 && op is not ("=" or "<>"))
        {
            var ordered = new BoundComparison(ComparisonOf(op)!.Value, new BoundRow(lefts), new BoundRow(locals));
            return new BoundSubquery(isAll ? SubqueryKind.All : SubqueryKind.Any, query, lefts, locals, ordered, null, SqlType.Bool);
        }

        BoundExpression condition = conditions.Length == 1 ? conditions[0] : new BoundAnd(conditions);
        if (left.Count > 1 && op == "<>")
        {
            condition = new BoundNot(condition);
            plain = false;
        }

        return new BoundSubquery(isAll ? SubqueryKind.All : SubqueryKind.Any, query, lefts, locals, condition, plain ? ComparisonOf(op) : null, SqlType.Bool);
    }
}
