using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>The simple protocol: one string, one implicit transaction unless it says otherwise.</summary>
public sealed partial class SqlSession
{
    /// <inheritdoc/>
    public async ValueTask SimpleQueryAsync(string sql, ISessionOutput output, CancellationToken cancel)
    {
        BeginWork(sql);
        try
        {
            statements.Remove("");
            ClosePortal("");
            if (isFailed || !await TryRunNormalizedAsync(sql, output).ConfigureAwait(false))
            {
                await RunScriptAsync(sql, output).ConfigureAwait(false);
            }

            if (!inBlock && transaction is not null)
            {
                CommitTransaction();
            }

            await WaitDurableAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw AfterError(error, sql);
        }
        finally
        {
            EndWork();
            TellClient(output);
        }
    }

    /// <summary>Puts the transaction into the state that follows an error; gives what is to be thrown.</summary>
    private Exception AfterError(Exception error, string? sql)
    {
        Exception told = Told(error, sql);
        isParsing = false;
        AbortTransaction();
        return told;
    }

    private async ValueTask RunScriptAsync(string sql, ISessionOutput output)
    {
        isParsing = true;
        IReadOnlyList<Statement> script = SqlParser.ParseScript(sql);
        isParsing = false;
        for (int i = 0; i < script.Count; i++)
        {
            Statement statement = script[i];
            if (statement is EmptyStatement)
            {
                output.EmptyQuery();
                return;
            }

            CheckNotFailed(statement);
            isAlone = script.Count == 1;
            string tag = await RunStatementAsync(statement, sql, output).ConfigureAwait(false);
            bool isLast = i == script.Count - 1;
            if (isLast && !inBlock && transaction is not null)
            {
                CommitTransaction();
                await WaitDurableAsync().ConfigureAwait(false);
            }

            TellClientNotices(output);
            output.CommandComplete(tag);
        }
    }

    /// <summary>The statement is the only one of its message and of the implicit transaction.</summary>
    private bool isAlone;

    private async ValueTask<string> RunStatementAsync(Statement statement, string sql, ISessionOutput output)
    {
        if (IsData(statement))
        {
            CheckNoParameters(statement);
            return await RunPlannedAsync(new PlannedStatement(statement, [], null), [], output).ConfigureAwait(false);
        }

        if (statement is CopyStatement copy)
        {
            return await RunCopyAsync(copy, output).ConfigureAwait(false);
        }

        UtilityResult result = await RunUtilityAsync(statement, sql, [], output).ConfigureAwait(false);
        WriteRows(result, output);
        return result.Tag;
    }

    private static void WriteRows(UtilityResult result, ISessionOutput output)
    {
        if (result.Columns is null)
        {
            return;
        }

        output.RowDescription(result.Columns);
        foreach (Datum[] row in result.Rows)
        {
            output.Row(row);
        }
    }

    internal static bool IsData(Statement statement) => statement is QueryStatement { Query.Body: not SelectBody { Into: not null } } or InsertStatement or UpdateStatement or DeleteStatement;

    private static void CheckNoParameters(Statement statement)
    {
        if (statement.ParameterCount > 0)
        {
            throw new DbException(SqlStates.UndefinedParameter, "there is no parameter $1");
        }
    }

    /// <summary>
    /// The short way: a statement whose text differs from an earlier one's in its literals only is run with the earlier one's plan. False when
    /// the text has to be parsed; nothing was done then.
    /// </summary>
    private async ValueTask<bool> TryRunNormalizedAsync(string sql, ISessionOutput output)
    {
        if (hasDdl || !normalizer.TryNormalize(sql) || NormalizedPlan() is not { } planned || !TryTakeLiterals(planned.Plan!, out Datum[] parameters))
        {
            return false;
        }

        string tag = await RunPlannedAsync(planned, parameters, output).ConfigureAwait(false);
        if (!inBlock && transaction is not null)
        {
            CommitTransaction();
            await WaitDurableAsync().ConfigureAwait(false);
        }

        TellClientNotices(output);
        output.CommandComplete(tag);
        return true;
    }

    private PlannedStatement? NormalizedPlan()
    {
        CatalogState catalog = Catalog;
        if (Plans.Find(normalizer.Key, catalog) is { } found && !found.IsStale(RowsOf))
        {
            return new PlannedStatement(found.Statement, [], null) { Plan = found };
        }

        var types = new SqlType?[normalizer.Literals.Count];
        for (int i = 0; i < types.Length; i++)
        {
            SqlType type = normalizer.Literals[i].Type;
            types[i] = type == SqlType.Unknown ? null : type;
        }

        string key = normalizer.Key.ToString();
        try
        {
            Statement statement = SqlParser.ParseStatement(normalizer.Text.ToString());
            CachedPlan plan = MakePlan(statement, types, catalog);
            Plans.Add(key, plan);
            return new PlannedStatement(statement, types, null) { Plan = plan };
        }
        catch (DbException)
        {
            return null; // the text as it is gives the error, with its position
        }
    }

    /// <summary>Gives the literals the types that the plan wants; false when one does not fit (the text as it is tells why).</summary>
    private bool TryTakeLiterals(CachedPlan plan, out Datum[] parameters)
    {
        IReadOnlyList<ExtractedLiteral> literals = normalizer.Literals;
        parameters = new Datum[literals.Count];
        for (int i = 0; i < parameters.Length; i++)
        {
            ExtractedLiteral literal = literals[i];
            SqlType wanted = plan.ParameterTypes[i];
            if (literal.Type != SqlType.Unknown || wanted.Kind == DatumKind.Text)
            {
                parameters[i] = literal.Value;
                continue;
            }

            try
            {
                parameters[i] = TypeCodec.For(wanted).ParseText(literal.Value.AsText, settings.Types);
            }
            catch (DbException)
            {
                return false;
            }
        }

        return true;
    }
}
