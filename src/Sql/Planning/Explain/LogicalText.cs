using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// The LOGICAL facet: the bound statement as an indented tree of relational operators, each expression with its type. Subqueries inside of
/// expressions are numbered $0, $1, ... and printed below; so are WITH items.
/// </summary>
internal sealed class LogicalText
{
    private readonly List<string> lines = [];
    private readonly List<(int Number, BoundQuery Query)> subqueries = [];

    public static List<string> Lines(BoundStatement statement)
    {
        var text = new LogicalText();
        text.Statement(statement, 0);
        for (int i = 0; i < text.subqueries.Count; i++)
        {
            text.lines.Add($"subquery ${text.subqueries[i].Number}:");
            text.Query(text.subqueries[i].Query, 0);
        }

        return text.lines;
    }

    private void Line(int depth, string text) => lines.Add(new string(' ', depth * 4) + text);

    private int Number(BoundQuery query)
    {
        int place = subqueries.FindIndex(s => ReferenceEquals(s.Query, query));
        if (place < 0)
        {
            place = subqueries.Count;
            subqueries.Add((place, query));
        }

        return place;
    }

    private void Statement(BoundStatement statement, int depth)
    {
        switch (statement)
        {
            case BoundQuery query:
                Query(query, depth);
                break;
            case BoundInsert insert:
                Insert(insert, depth);
                break;
            case BoundUpdate update:
                Line(depth, $"update {Name(update.Target.Table.Name)} ({string.Join(", ", update.Assignments.Select(a => $"{Name(update.Target.Table.Columns[a.Ordinal].Name)} = {Of(a.Value)}"))})");
                Where(update.Where, ref depth);
                Line(depth + 1, Scan(update.Target.Table.Name, update.Target.Range));
                Optional(update.From, depth + 1);
                break;
            case BoundDelete delete:
                Line(depth, $"delete from {Name(delete.Target.Table.Name)}");
                Where(delete.Where, ref depth);
                Line(depth + 1, Scan(delete.Target.Table.Name, delete.Target.Range));
                Optional(delete.Using, depth + 1);
                break;
        }
    }

    private void Where(BoundExpression? where, ref int depth)
    {
        if (where is not null)
        {
            Line(++depth, $"selection ({Of(where)})");
        }
    }

    private void Optional(BoundSource? source, int depth)
    {
        if (source is not null)
        {
            Source(source, depth);
        }
    }

    private void Insert(BoundInsert insert, int depth)
    {
        string action = insert.Conflict?.Action switch
        {
            ConflictAction.Nothing => "nothing",
            ConflictAction.Replace => "replace",
            ConflictAction.Update => "update",
            _ => "fail",
        };
        Line(depth, $"insert into {Name(insert.Target.Table.Name)} on conflict: {action}");
        if (insert.Rows is null)
        {
            Query(insert.Source!, depth + 1);
            return;
        }

        Line(depth + 1, "values");
        foreach (IReadOnlyList<BoundExpression> row in insert.Rows)
        {
            Line(depth + 2, $"value ROW({List(row)})");
        }
    }

    private void Query(BoundQuery query, int depth)
    {
        if (query.Limit is not null)
        {
            Line(depth++, query.Limit is BoundConstant { Value: { Kind: DatumKind.Int } count } ? $"limit {count.AsInt}" : $"limit {Of(query.Limit)}");
        }

        if (query.Offset is not null)
        {
            Line(depth++, query.Offset is BoundConstant { Value: { Kind: DatumKind.Int } count } ? $"offset {count.AsInt}" : $"offset {Of(query.Offset)}");
        }

        if (query.OrderBy.Count > 0)
        {
            Line(depth++, $"order by ({string.Join(", ", query.OrderBy.Select(o => SortKey(query.Body, o)))})");
        }

        Body(query.Body, depth);
    }

    private string SortKey(BoundBody body, BoundTargetSort sort)
    {
        BoundTarget target = body.Targets[sort.Target];
        string key = body is BoundSelect && target.IsHidden ? Of(target.Expression) : Name(target.Column.Name);
        string nulls = sort.NullsFirst == !sort.Descending ? "" : sort.NullsFirst ? " nulls first" : " nulls last";
        return key + (sort.Descending ? " desc" : "") + nulls;
    }

    private void Body(BoundBody body, int depth)
    {
        switch (body)
        {
            case BoundSelect select:
                Select(select, depth);
                break;
            case BoundValues values:
                Line(depth, "values");
                foreach (IReadOnlyList<BoundExpression> row in values.Rows)
                {
                    Line(depth + 1, $"value ROW({List(row)})");
                }

                break;
            case BoundSetOperation operation:
                Line(depth, operation.Operator.ToString().ToLowerInvariant() + (operation.IsAll ? " all" : ""));
                Query(operation.Left, depth + 1);
                Query(operation.Right, depth + 1);
                break;
        }
    }

    private void Select(BoundSelect select, int depth)
    {
        if (select.IsDistinct)
        {
            Line(depth++, "distinct");
        }

        Line(depth++, $"projection ({string.Join(", ", select.Targets.Where(t => !t.IsHidden).Select(t => $"{Of(t.Expression)} -> {Name(t.Column.Name)}"))})");
        if (select.Having is not null)
        {
            Line(depth++, $"having ({Of(select.Having)})");
        }

        if (select.IsGrouped && select.GroupBy.Count > 0)
        {
            Line(depth++, $"group by ({List(select.GroupBy)})");
        }

        if (select.Where is not null)
        {
            Line(depth++, $"selection ({Of(select.Where)})");
        }

        Optional(select.From, depth);
    }

    private void Source(BoundSource source, int depth)
    {
        switch (source)
        {
            case BoundJoin join:
                string kind = join.Kind is JoinKind.Inner or JoinKind.Cross ? "" : join.Kind.ToString().ToLowerInvariant() + " ";
                Line(depth, $"{kind}join on ({(join.Condition is null ? "true::bool" : Of(join.Condition))})");
                Source(join.Left, depth + 1);
                Source(join.Right, depth + 1);
                break;
            case BoundTableSource table:
                Line(depth, Scan(table.Table.Name, table.Range));
                break;
            case BoundVirtualSource table:
                Line(depth, Scan(table.Table.Name, table.Range));
                break;
            case BoundSubquerySource subquery:
                Line(depth, subquery.Range.Alias.Length == 0 ? "scan" : $"scan {Name(subquery.Range.Alias)}");
                Query(subquery.Query, depth + 1);
                break;
            case BoundCteSource { Cte.Query: BoundQuery query } cte:
                Line(depth, $"scan cte {Name(cte.Range.Alias)}(${Number(query)})");
                break;
            case BoundFunctionSource function:
                Line(depth, $"scan {(function.Function is null ? Of(function.Scalar!) : $"{function.Function.Name}({List(function.Arguments)})")}");
                break;
            case BoundLeaf leaf:
                Line(depth, $"scan {Name(leaf.Range.Alias)}");
                break;
        }
    }

    private static string Scan(string table, BoundRange range) => range.Alias == table ? $"scan {Name(table)}" : $"scan {Name(table)} {Name(range.Alias)}";

    private string List(IEnumerable<BoundExpression> items) => string.Join(", ", items.Select(Of));

    private string Of(BoundExpression e) => e switch
    {
        BoundConstant c => $"{Literal(c.Value)}::{TypeOf(c.Type)}",
        BoundParameter p => $"${p.Index + 1}::{TypeOf(p.Type)}",
        BoundColumn c => $"{(c.Range.Alias.Length == 0 ? "" : Name(c.Range.Alias) + ".")}{Name(c.Name)}::{TypeOf(c.Type)}",
        BoundComparison c => $"{Operand(c.Left)} {Symbol(c.Operator)} {Operand(c.Right)}",
        BoundAnd and => string.Join(" and ", and.Operands.Select(Operand)),
        BoundOr or => string.Join(" or ", or.Operands.Select(Operand)),
        BoundNot not => $"not {Operand(not.Operand)}",
        BoundIsNull test => $"{Operand(test.Operand)} is {(test.Negated ? "not " : "")}null",
        BoundIsBool test => $"{Operand(test.Operand)} is {(test.Negated ? "not " : "")}{test.Value switch { true => "true", false => "false", _ => "unknown" }}",
        BoundInList list => $"{Operand(list.Operand)} {(list.Negated ? "not " : "")}in ROW({List(list.Items)})",
        BoundCast cast => $"{Operand(cast.Operand)}::{TypeOf(cast.Type)}",
        BoundRelabel relabel => Of(relabel.Operand),
        BoundCall { Operator: not null, Arguments.Count: 2 } call => $"{Operand(call.Arguments[0])} {Operator(call.Operator!)} {Operand(call.Arguments[1])}",
        BoundCall { Operator: not null, Arguments.Count: 1 } call => $"{call.Operator}{Operand(call.Arguments[0])}",
        BoundCall call => $"{call.Function.Name}({List(call.Arguments)})::{TypeOf(call.Type)}",
        _ => Compound(e),
    };

    private string Compound(BoundExpression e) => e switch
    {
        BoundAggregate a => $"{a.Function.Name}({(a.IsDistinct ? "distinct " : "")}{(a.Arguments.Count == 0 ? "*" : List(a.Arguments))})::{TypeOf(a.Type)}",
        BoundWindowCall w => $"{(w.Function ?? w.Aggregate)!.Name}({List(w.Arguments)}) over (partition by ({List(w.Window.PartitionBy)}) order by ({string.Join(", ", w.Window.OrderBy.Select(k => Of(k.Expression) + (k.Descending ? " desc" : "")))}))::{TypeOf(w.Type)}",
        BoundSetReturning s => $"{s.Function.Name}({List(s.Arguments)})",
        BoundCase c => $"case{(c.Operand is null ? "" : " " + Of(c.Operand))}{string.Concat(c.Whens.Select(w => $" when {Of(w.Condition)} then {Of(w.Result)}"))}{(c.Else is null ? "" : " else " + Of(c.Else))} end",
        BoundCoalesce c => $"coalesce({List(c.Operands)})::{TypeOf(c.Type)}",
        BoundGreatest g => $"{(g.IsLeast ? "least" : "greatest")}({List(g.Operands)})::{TypeOf(g.Type)}",
        BoundNullIf n => $"nullif({Of(n.Value)}, {Of(n.Condition)})",
        BoundDistinctFrom d => $"{Operand(d.Left)} is {(d.Negated ? "not " : "")}distinct from {Operand(d.Right)}",
        BoundRow row => $"ROW({List(row.Fields)})",
        BoundArray array => $"ARRAY[{List(array.Elements)}]",
        BoundField field => $"({Of(field.Record)}).f{field.Field + 1}",
        BoundSubscript s => $"{Operand(s.Array)}[{string.Join("][", s.Indexes.Select(i => i.Upper is null ? ":" : Of(i.Upper)))}]",
        BoundQuantified q => $"{Operand(q.Left)} {(q.Comparison is { } op ? Symbol(op) : "op")} {(q.IsAll ? "all" : "any")} ({Of(q.Array)})",
        BoundSubquery { Kind: SubqueryKind.Exists } s => $"exists ROW(${Number(s.Query)})",
        BoundSubquery { Kind: SubqueryKind.Any or SubqueryKind.All } s =>
            $"ROW({List(s.Left)}) {(s.Kind == SubqueryKind.Any && s.Comparison == ComparisonOperator.Equal ? "in" : $"{(s.Comparison is { } c ? Symbol(c) : "op")} {(s.Kind == SubqueryKind.Any ? "any" : "all")}")} ROW(${Number(s.Query)})",
        BoundSubquery s => $"ROW(${Number(s.Query)})",
        BoundLocal local => $"value::{TypeOf(local.Type)}",
        _ => e.GetType().Name,
    };

    private string Operand(BoundExpression e)
    {
        string text = Of(e);
        return e is BoundAnd or BoundOr or BoundNot or BoundComparison or BoundCall { Operator: not null } or BoundInList or BoundIsNull or BoundIsBool ? $"({text})" : text;
    }

    private static string Operator(string symbol) => symbol switch { "~~" => "like", "~~*" => "ilike", "!~~" => "not like", "!~~*" => "not ilike", _ => symbol };

    private static string Symbol(ComparisonOperator op) => op switch
    {
        ComparisonOperator.Equal => "=",
        ComparisonOperator.NotEqual => "<>",
        ComparisonOperator.Less => "<",
        ComparisonOperator.LessOrEqual => "<=",
        ComparisonOperator.Greater => ">",
        _ => ">=",
    };

    private static string Literal(in Datum value) => value.Kind switch
    {
        DatumKind.Null => "null",
        DatumKind.Bool => value.AsBool ? "true" : "false",
        DatumKind.Int => value.AsInt.ToString(CultureInfo.InvariantCulture),
        DatumKind.Double => value.AsDouble.ToString("R", CultureInfo.InvariantCulture),
        DatumKind.Numeric => value.ToString(),
        DatumKind.Text => $"'{value.AsText.Replace("'", "''", StringComparison.Ordinal)}'",
        _ => $"'{value}'",
    };

    /// <summary>Picodata's names of types.</summary>
    private static string TypeOf(SqlType type) => type.IsArray && type.Name.StartsWith('_') ? TypeOf(type.Element!) + "[]" : type.Name switch
    {
        "int8" or "int4" or "int2" => "int",
        "float8" or "float4" => "double",
        "numeric" => "decimal",
        "text" or "varchar" or "bpchar" => "string",
        "timestamptz" => "datetime",
        _ => type.Name,
    };

    /// <summary>A name, in quotes only when it needs them.</summary>
    private static string Name(string name) =>
        name.Length > 0 && (char.IsLower(name[0]) || name[0] == '_') && name.All(c => char.IsLower(c) || char.IsDigit(c) || c == '_')
            ? name
            : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
