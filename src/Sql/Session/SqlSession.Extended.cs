using System.Globalization;
using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>The extended protocol: Parse, Bind, Execute, Sync.</summary>
public sealed partial class SqlSession
{
    /// <inheritdoc/>
    public ValueTask<IPreparedStatement> ParseAsync(string name, string sql, IReadOnlyList<uint> parameterOids, CancellationToken cancel)
    {
        string key = parameterOids.Count == 0 ? sql : $"{sql}\u0002{string.Join(',', parameterOids)}";
        bool isKept = !hasDdl && Plans.Find(key, Catalog) is not null;
        return isKept || Thread.CurrentThread.IsThreadPoolThread
            ? ValueTask.FromResult<IPreparedStatement>(Parse(name, sql, parameterOids, key))
            : ParseLaterAsync(name, sql, parameterOids, key);
    }

    /// <summary>To parse and to plan may take long.</summary>
    private async ValueTask<IPreparedStatement> ParseLaterAsync(string name, string sql, IReadOnlyList<uint> parameterOids, string key)
    {
        await PoolThread.Reach;
        return Parse(name, sql, parameterOids, key);
    }

    private PreparedStatement Parse(string name, string sql, IReadOnlyList<uint> parameterOids, string key)
    {
        BeginWork(null);
        try
        {
            return Prepare(name, sql, parameterOids, key);
        }
        catch (Exception error)
        {
            throw AfterError(error, sql);
        }
        finally
        {
            EndWork();
        }
    }

    private PreparedStatement Prepare(string name, string sql, IReadOnlyList<uint> oids, string key)
    {
        if (name.Length > 0 && statements.ContainsKey(name))
        {
            throw new DbException(SqlStates.DuplicatePreparedStatement, $"prepared statement \"{name}\" already exists");
        }

        CachedPlan? cached = hasDdl ? null : Plans.Find(key, Catalog);
        isParsing = true;
        Statement statement = cached?.Statement ?? SqlParser.ParseStatement(sql);
        isParsing = false;
        CheckNotFailed(statement);
        var planned = new PlannedStatement(statement, Declared(oids, statement), IsData(statement) ? key : null) { Plan = cached };
        var prepared = new PreparedStatement(name, sql, planned) { PreparedAt = evaluation.StatementTimestamp };
        Analyze(prepared);
        CheckStatementCount();
        statements[name] = prepared;
        return prepared;
    }

    private void CheckStatementCount()
    {
        const int mostStatements = 100_000;
        if (statements.Count >= mostStatements)
        {
            throw new DbException(SqlStates.ConfigurationLimitExceeded, $"a session may have at most {mostStatements} prepared statements");
        }
    }

    private static SqlType?[] Declared(IReadOnlyList<uint> oids, Statement statement)
    {
        var types = new SqlType?[Math.Max(oids.Count, 0)];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = oids[i] is 0 or 705 ? null : SqlType.ByOid(oids[i])
                ?? throw new DbException(SqlStates.UndefinedObject, $"type with OID {oids[i].ToString(CultureInfo.InvariantCulture)} does not exist", position: statement.Position);
        }

        return types;
    }

    /// <summary>Finds out the statement's parameters and columns.</summary>
    private void Analyze(PreparedStatement prepared)
    {
        PlannedStatement planned = prepared.Planned;
        if (IsData(planned.Statement))
        {
            CachedPlan plan = PlanOf(planned);
            prepared.ParameterTypes = plan.ParameterTypes;
            prepared.Columns = plan.Columns;
            planned.Declared = [.. plan.ParameterTypes];
            return;
        }

        prepared.ParameterTypes = [.. Enumerable.Range(0, planned.Statement.ParameterCount).Select(i => (i < planned.Declared.Length ? planned.Declared[i] : null) ?? SqlType.Text)];
        prepared.Columns = UtilityColumns(planned.Statement);
    }

    /// <inheritdoc/>
    public ValueTask<IPortal> BindAsync(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> resultFormats, CancellationToken cancel) =>
        Thread.CurrentThread.IsThreadPoolThread || IsBriefToBind(statementName)
            ? ValueTask.FromResult<IPortal>(BindNow(portalName, statementName, parameters, resultFormats))
            : BindLaterAsync(portalName, statementName, parameters, resultFormats);

    private async ValueTask<IPortal> BindLaterAsync(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> resultFormats)
    {
        await PoolThread.Reach;
        return BindNow(portalName, statementName, parameters, resultFormats);
    }

    /// <summary>The statement will hardly have to be planned anew, and would be planned quickly.</summary>
    private bool IsBriefToBind(string statementName) => running is null
        && statements.TryGetValue(statementName, out PreparedStatement? prepared)
        && (prepared.Planned.Plan is { } plan ? plan.IsBrief && ReferenceEquals(plan.Catalog, Catalog) : !IsData(prepared.Planned.Statement));

    private Portal BindNow(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> resultFormats)
    {
        BeginWork(null);
        try
        {
            return Bind(portalName, statementName, parameters, resultFormats);
        }
        catch (Exception error)
        {
            throw AfterError(error, null);
        }
        finally
        {
            EndWork();
        }
    }

    private Portal Bind(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> formats)
    {
        PreparedStatement prepared = FindStatement(statementName);
        CheckNotFailed(prepared.Planned.Statement);
        if (parameters.Count != prepared.ParameterTypes.Count)
        {
            throw new DbException(SqlStates.ProtocolViolation, $"bind message supplies {parameters.Count} parameters, but prepared statement \"{statementName}\" requires {prepared.ParameterTypes.Count}");
        }

        if (portalName.Length > 0 && portals.ContainsKey(portalName))
        {
            throw new DbException(SqlStates.DuplicateCursor, $"portal \"{portalName}\" already exists");
        }

        ClosePortal(portalName);
        Revalidate(prepared);
        var portal = new Portal(portalName, prepared, parameters as Datum[] ?? [.. parameters], formats);
        portals[portalName] = portal;
        return portal;
    }

    /// <summary>N4: plans again after DDL; 0A000 when the columns are others now.</summary>
    private void Revalidate(PreparedStatement prepared)
    {
        if (!IsData(prepared.Planned.Statement))
        {
            return;
        }

        CachedPlan plan = PlanOf(prepared.Planned);
        if (!ReferenceEquals(plan.Columns, prepared.Columns) && !SameColumns(plan.Columns, prepared.Columns))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "cached plan must not change result type");
        }

        prepared.Columns = plan.Columns;
    }

    private static bool SameColumns(IReadOnlyList<ResultColumn>? left, IReadOnlyList<ResultColumn>? right)
    {
        if (left is null || right is null || left.Count != right.Count)
        {
            return left is null && right is null;
        }

        for (int i = 0; i < left.Count; i++)
        {
            if (left[i].Name != right[i].Name || left[i].Type != right[i].Type)
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public async ValueTask ExecuteAsync(IPortal portal, int maxRows, ISessionOutput output, CancellationToken cancel)
    {
        var own = (Portal)portal;
        BeginWork(own.Statement.Text);
        try
        {
            if (own.State != PortalState.New || running is not null)
            {
                await PoolThread.Reach;
            }

            await ExecuteAsync(own, maxRows <= 0 ? int.MaxValue : maxRows, output).ConfigureAwait(false);
            TellClientNotices(output);
            await WaitShownAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw await AfterErrorAsync(error, own.Statement.Text).ConfigureAwait(false);
        }
        finally
        {
            EndWork();
        }
    }

    /// <summary>N1 for Execute: what was shown may be sent when it returns. Commits are waited for by Sync.</summary>
    private async ValueTask WaitShownAsync()
    {
        long lsn = Math.Max(shownLsn, transaction?.ReadLsn ?? 0);
        if (!engine.Database.MayAnswer(lsn))
        {
            await engine.Database.WaitDurableAsync(lsn, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async ValueTask ExecuteAsync(Portal portal, int maxRows, ISessionOutput output)
    {
        Statement statement = portal.Statement.Planned.Statement;
        if (statement is EmptyStatement)
        {
            output.EmptyQuery();
            return;
        }

        CheckNotFailed(statement);
        if (portal.State == PortalState.New)
        {
            if (statement is CopyStatement copy)
            {
                await PoolThread.Reach;
                portal.State = PortalState.Done;
                isAlone = false;
                string tag = await RunCopyAsync(copy, output).ConfigureAwait(false);
                TellClientNotices(output);
                output.CommandComplete(tag);
                return;
            }

            await StartPortalAsync(portal, output).ConfigureAwait(false);
        }
        else if (portal.State == PortalState.Done && portal.Columns is null)
        {
            throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"portal \"{portal.Name}\" cannot be run");
        }

        await GiveRowsAsync(portal, maxRows, output).ConfigureAwait(false);
    }

    private async ValueTask StartPortalAsync(Portal portal, ISessionOutput output)
    {
        PlannedStatement planned = portal.Statement.Planned;
        portal.State = PortalState.Running;
        if (!IsData(planned.Statement))
        {
            if (planned.Statement is not TransactionStatement)
            {
                await PoolThread.Reach;
            }

            isAlone = transaction is null && !inBlock;
            isLast = true;
            UtilityResult result = await RunUtilityAsync(planned.Statement, portal.Statement.Text, portal.Parameters, output).ConfigureAwait(false);
            portal.Tag = result.Tag;
            portal.Kept = result.Columns is null ? null : result.Rows;
            return;
        }

        EnsureTransaction();
        ExecutionContext context = TakeContext();
        (CachedPlan plan, StatementOutcome outcome) = await StartAsync(planned, portal.Parameters, context).ConfigureAwait(false);
        portal.Tag = plan.Tag;
        portal.Affected = outcome.AffectedRows;
        portal.Source = outcome.Rows;
        portal.Context = context;
        if (outcome.Rows is null)
        {
            EndStatement();
            Release(context);
            portal.Context = null;
        }
        else
        {
            running = portal;
        }
    }

    private async ValueTask GiveRowsAsync(Portal portal, int maxRows, ISessionOutput output)
    {
        int sent = 0;
        if (portal.Kept is { } kept)
        {
            while (sent < maxRows && portal.At < kept.Count)
            {
                output.Row(kept[portal.At++]);
                sent++;
            }
        }
        else if (portal.Source is { } source)
        {
            while (sent < maxRows && source.MoveNext())
            {
                output.Row(source.Current);
                sent++;
                if (output.PendingBytes > FlushAt)
                {
                    await FlushAsync(output).ConfigureAwait(false);
                }
            }
        }

        // PostgreSQL suspends also when the limit is the exact number of rows that were left
        if (sent == maxRows && portal.State == PortalState.Running && portal.Columns is not null)
        {
            output.PortalSuspended();
            return;
        }

        bool isWrite = portal.Tag is "INSERT 0 " or "UPDATE " or "DELETE ";
        string tag = portal.Tag.EndsWith(' ') ? Tag(portal.Tag, isWrite ? portal.Affected : sent) : portal.Tag;
        Finish(portal);
        TellClientNotices(output);
        output.CommandComplete(tag);
    }

    /// <summary>The portal has given its last row.</summary>
    private void Finish(Portal portal)
    {
        portal.State = PortalState.Done;
        if (ReferenceEquals(running, portal))
        {
            running = null;
            portal.Source?.Dispose();
            EndStatement();
            if (portal.Context is { } context)
            {
                Release(context);
            }
        }

        portal.Source = null;
        portal.Context = null;
    }

    /// <summary>N2: takes the rest of the running portal's rows into memory, so that another statement can begin.</summary>
    private void SettleRunning()
    {
        if (running is not { } portal)
        {
            return;
        }

        var rest = new List<Datum[]>();
        while (portal.Source!.MoveNext())
        {
            Datum[] row = portal.Source.Current.ToArray();
            memory.Charge(StatementMemory.SizeOf(row));
            rest.Add(row);
        }

        portal.Source.Dispose();
        portal.Source = null;
        portal.Kept = rest;
        portal.At = 0;
        running = null;
        EndStatement();
        portal.Context?.End();
        portal.Context = null;
    }

    private void Close(Portal portal)
    {
        if (ReferenceEquals(running, portal))
        {
            running = null;
            portal.Source?.Dispose();
            portal.Context?.End();
            EndStatement();
        }
    }

    private void CloseAllPortals(bool holdToo)
    {
        if (portals.Count == 0)
        {
            return;
        }

        foreach (Portal portal in portals.Values.ToArray())
        {
            if (holdToo || !portal.IsHold || portal.Kept is null)
            {
                ClosePortal(portal.Name);
            }
        }
    }

    /// <summary>Cursors WITH HOLD outlive the transaction; their rows are in memory already.</summary>
    private void KeepHoldCursors()
    {
        foreach (Portal portal in portals.Values)
        {
            if (!portal.IsHold)
            {
                portal.State = PortalState.Done;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask SyncAsync(ISessionOutput output, CancellationToken cancel)
    {
        try
        {
            if (!inBlock)
            {
                if (transaction is not null || settings.Mark > 0 || portals.Count > 0)
                {
                    await BeforeCommitAsync().ConfigureAwait(false);
                    CommitTransaction();
                }
            }

            await WaitDurableLastAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            throw await AfterErrorAsync(error, null).ConfigureAwait(false);
        }
        finally
        {
            TellClient(output);
        }
    }
}
