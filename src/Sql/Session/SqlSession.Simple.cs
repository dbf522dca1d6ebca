using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>The simple protocol: one string, one implicit transaction unless it says otherwise.</summary>
public sealed partial class SqlSession
{
    /// <summary>Longer texts are not even looked at on a thread that serves many sessions.</summary>
    private const int BriefText = 8192;

    /// <inheritdoc/>
    public async ValueTask SimpleQueryAsync(string sql, ISessionOutput output, CancellationToken cancel)
    {
        BeginWork(sql);
        try
        {
            if (sql.Length > BriefText || running is not null)
            {
                await PoolThread.Reach;
            }

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

            await WaitDurableLastAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw await AfterErrorAsync(error, sql).ConfigureAwait(false);
        }
        finally
        {
            EndWork();
            TellClient(output);
        }
    }

    /// <summary>
    /// As <see cref="AfterError"/>, for calls that may have shown rows or read some for a message: N1 holds for errors too. When that wait
    /// fails, its error is the one to be told.
    /// </summary>
    private async ValueTask<Exception> AfterErrorAsync(Exception error, string? sql)
    {
        long lsn = shownLsn;
        try
        {
            lsn = Math.Max(lsn, transaction?.RestsOnLsn ?? 0);
            await engine.Database.WaitDurableAsync(lsn, CancellationToken.None).ConfigureAwait(false);
        }
        catch (DbException lost)
        {
            return AfterError(lost, null);
        }

        return AfterError(error, sql);
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
        if (script is not [TransactionStatement])
        {
            await PoolThread.Reach;
        }

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
            isLast = i == script.Count - 1;
            string tag = await RunStatementAsync(statement, sql, output).ConfigureAwait(false);
            if (isLast && !inBlock && transaction is not null)
            {
                CommitTransaction();
            }

            if (isLast && !inBlock)
            {
                await WaitDurableLastAsync().ConfigureAwait(false);
            }

            TellClientNotices(output);
            output.CommandComplete(tag);
        }
    }

    /// <summary>Nothing but the answer follows the statement in its message.</summary>
    private bool isLast;

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
        if (hasDdl || !normalizer.TryNormalize(sql))
        {
            return false;
        }

        PlannedStatement? planned = KeptPlan();
        if (planned is null)
        {
            await PoolThread.Reach;
            planned = NormalizedPlan();
        }

        if (planned is null || !TryTakeLiterals(planned.Plan!, out Datum[] parameters))
        {
            return false;
        }

        string tag = await RunPlannedAsync(planned, parameters, output).ConfigureAwait(false);
        if (!inBlock && transaction is not null)
        {
            CommitTransaction();
            await WaitDurableLastAsync().ConfigureAwait(false);
        }

        TellClientNotices(output);
        output.CommandComplete(tag);
        return true;
    }

    private PlannedStatement? KeptPlan() => Plans.Find(normalizer.Key, Catalog) is { } found && !found.IsStale(RowsOf)
        ? new PlannedStatement(found.Statement, [], null) { Plan = found }
        : null;

    private PlannedStatement? NormalizedPlan()
    {
        CatalogState catalog = Catalog;
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
