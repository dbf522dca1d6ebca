using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>
/// Picodata's transactional block: DO $$ BEGIN ... END $$. Its statements run one after another in the transaction that runs; an error undoes
/// all of them with it. LET variables are seen by the statements behind them as constants.
/// </summary>
public sealed partial class SqlSession
{
    private IReadOnlyList<ResultColumn>? BlockColumns(DoStatement block)
    {
        BlockReturn? first = Flat(block.Body).OfType<BlockReturn>().FirstOrDefault();
        if (first is null)
        {
            return null;
        }

        Query query = BlockVariables.Replace(first.Query, Flat(block.Body).OfType<BlockLet>().ToDictionary(let => let.Name, _ => (Datum.Null, SqlType.Unknown)));
        return new Binder(Catalog.Catalog, Functions.FunctionTable.BuiltIn, evaluation).Bind(new QueryStatement(query)).ResultColumns;
    }

    private static IEnumerable<BlockStatement> Flat(IReadOnlyList<BlockStatement> body) =>
        body.SelectMany(statement => statement is BlockIf inner ? Flat(inner.Body) : [statement]);

    private async ValueTask<UtilityResult> RunBlockAsync(DoStatement block)
    {
        CheckOrder(block);
        var variables = new Dictionary<string, (Datum Value, SqlType Type)>(StringComparer.Ordinal);
        var rows = new List<Datum[]>();
        var result = new UtilityResult("DO", null, rows);
        result = await RunBodyAsync(block.Body, variables, result).ConfigureAwait(false);
        return result.Columns is null ? result : result with { Tag = $"SELECT {result.Rows.Count}" };
    }

    /// <summary>Section 7.6: LET and RETURN QUERY come before any DML.</summary>
    private static void CheckOrder(DoStatement block)
    {
        bool sawDml = false;
        foreach (BlockStatement statement in Flat(block.Body))
        {
            if (sawDml && statement is BlockLet or BlockReturn && sawDml)
            {
                throw new DbException(SqlStates.SyntaxError, "LET and RETURN QUERY statements must precede all DML statements");
            }

            sawDml |= statement is BlockDml;
        }
    }

    private async ValueTask<UtilityResult> RunBodyAsync(IReadOnlyList<BlockStatement> body, Dictionary<string, (Datum Value, SqlType Type)> outer, UtilityResult result)
    {
        var variables = new Dictionary<string, (Datum Value, SqlType Type)>(outer, StringComparer.Ordinal);
        foreach (BlockStatement statement in body)
        {
            switch (statement)
            {
                case BlockLet let:
                    await LetAsync(let, variables).ConfigureAwait(false);
                    break;
                case BlockReturn returned:
                    UtilityResult rows = await CollectAsync(new PlannedStatement(new QueryStatement(BlockVariables.Replace(returned.Query, variables)), [], null), []).ConfigureAwait(false);
                    result = Append(result, rows);
                    break;
                case BlockDml dml:
                    await CollectAsync(new PlannedStatement(BlockVariables.Replace(dml.Statement, variables), [], null), []).ConfigureAwait(false);
                    break;
                case BlockIf condition:
                    if (await IsTrueAsync(condition.Condition, variables).ConfigureAwait(false))
                    {
                        result = await RunBodyAsync(condition.Body, variables, result).ConfigureAwait(false);
                    }

                    break;
                case BlockRaise raise:
                    Raise(raise);
                    break;
            }
        }

        return result;
    }

    private static UtilityResult Append(UtilityResult result, UtilityResult rows)
    {
        if (result.Columns is not null && !SameTypes(result.Columns, rows.Columns!))
        {
            throw new DbException(SqlStates.DatatypeMismatch, "all RETURN QUERY statements of a block must have the same columns");
        }

        result.Rows.AddRange(rows.Rows);
        return result with { Columns = result.Columns ?? rows.Columns };
    }

    private static bool SameTypes(IReadOnlyList<ResultColumn> left, IReadOnlyList<ResultColumn> right) =>
        left.Count == right.Count && left.Zip(right).All(pair => pair.First.Type == pair.Second.Type);

    private async ValueTask LetAsync(BlockLet let, Dictionary<string, (Datum Value, SqlType Type)> variables)
    {
        if (variables.ContainsKey(let.Name))
        {
            throw new DbException(SqlStates.DuplicateObject, $"variable \"{let.Name}\" is already defined");
        }

        UtilityResult rows = await CollectAsync(new PlannedStatement(new QueryStatement(BlockVariables.Replace(let.Query, variables)), [], null), []).ConfigureAwait(false);
        if (rows.Columns!.Count != 1)
        {
            throw new DbException(SqlStates.SyntaxError, "LET takes a query of one column");
        }

        if (rows.Rows.Count > 1)
        {
            throw new DbException(SqlStates.CardinalityViolation, "query of LET returned more than one row");
        }

        variables[let.Name] = (rows.Rows.Count == 0 ? Datum.Null : rows.Rows[0][0], rows.Columns[0].Type);
    }

    private async ValueTask<bool> IsTrueAsync(Expr condition, Dictionary<string, (Datum Value, SqlType Type)> variables)
    {
        var body = new SelectBody([new SelectItem(new CaseExpr(null, [new CaseWhen(condition, new LiteralExpr(Datum.True, SqlType.Bool))], null), null)], [], null);
        var query = new Query(null, body, [], null, null, []);
        UtilityResult rows = await CollectAsync(new PlannedStatement(new QueryStatement(BlockVariables.Replace(query, variables)), [], null), []).ConfigureAwait(false);
        return rows.Rows.Count == 1 && rows.Rows[0][0] is { IsNull: false, AsBool: true };
    }

    private void Raise(BlockRaise raise)
    {
        if (raise.Level == "exception")
        {
            throw new DbException(SqlStates.RaiseException, raise.Message);
        }

        NoticeSeverity severity = raise.Level switch
        {
            "debug" => NoticeSeverity.Debug,
            "log" => NoticeSeverity.Log,
            "info" => NoticeSeverity.Info,
            "notice" => NoticeSeverity.Notice,
            "warning" => NoticeSeverity.Warning,
            _ => throw new DbException(SqlStates.SyntaxError, $"unrecognized RAISE level \"{raise.Level}\""),
        };
        AddNotice(severity, severity == NoticeSeverity.Warning ? SqlStates.Warning : SqlStates.SuccessfulCompletion, raise.Message);
    }
}
