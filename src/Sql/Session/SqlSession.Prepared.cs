using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Plans;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>PREPARE, EXECUTE, cursors, EXPLAIN, CALL: statements about statements.</summary>
public sealed partial class SqlSession
{
    private static readonly ResultColumn[] ExplainColumns = [new("QUERY PLAN", SqlType.Text)];

    private void PrepareSql(PrepareStatement prepare)
    {
        if (statements.ContainsKey(prepare.Name))
        {
            throw new DbException(SqlStates.DuplicatePreparedStatement, $"prepared statement \"{prepare.Name}\" already exists");
        }

        SqlType?[] types = [.. prepare.Types.Select(type => Sql.TypeNames.Resolve(type).Type)];
        var prepared = new PreparedStatement(prepare.Name, LastQuery, new PlannedStatement(prepare.Target, types, null))
        {
            IsFromSql = true,
            PreparedAt = evaluation.StatementTimestamp,
        };
        Analyze(prepared);
        CheckStatementCount();
        statements[prepare.Name] = prepared;
    }

    private string Deallocate(DeallocateStatement deallocate)
    {
        if (deallocate.Name is null)
        {
            statements.Clear();
            return "DEALLOCATE ALL";
        }

        FindStatement(deallocate.Name);
        statements.Remove(deallocate.Name);
        return "DEALLOCATE";
    }

    private async ValueTask<UtilityResult> ExecutePreparedAsync(ExecuteStatement execute)
    {
        PreparedStatement prepared = FindStatement(execute.Name);
        Revalidate(prepared);
        Datum[] arguments = Arguments(execute.Arguments, prepared.ParameterTypes, $"prepared statement \"{execute.Name}\"");
        return await CollectAsync(prepared.Planned, arguments).ConfigureAwait(false);
    }

    /// <summary>Values of arguments that are constant expressions.</summary>
    private Datum[] Arguments(IReadOnlyList<Expr> expressions, IReadOnlyList<SqlType> types, string what)
    {
        if (expressions.Count != types.Count)
        {
            throw new DbException(SqlStates.SyntaxError, $"wrong number of parameters for {what}", $"Expected {types.Count} parameters but got {expressions.Count}.");
        }

        var values = new Datum[types.Count];
        for (int i = 0; i < values.Length; i++)
        {
            BoundExpression bound = new Binder(Catalog.Catalog, FunctionTable.BuiltIn, evaluation).BindConstantExpression(expressions[i], types[i]);
            values[i] = Evaluate(bound);
        }

        return values;
    }

    private Datum Evaluate(BoundExpression expression)
    {
        if (expression is BoundConstant constant)
        {
            return constant.Value;
        }

        Transaction current = BeginStatement();
        ExecutablePlan plan = ExecutablePlan.Compile(new ProjectNode(new OneRowNode(), [new PlanOutput("value", expression)]));
        var context = new ExecutionContext(current, evaluation, memory);
        using RowSource rows = plan.Execute(context).Rows!;
        rows.MoveNext();
        Datum value = rows.Current[0];
        EndStatement();
        return value;
    }

    /// <summary>Runs a planned statement and takes its rows into memory.</summary>
    private async ValueTask<UtilityResult> CollectAsync(PlannedStatement planned, Datum[] parameters)
    {
        EnsureTransaction();
        ExecutionContext context = TakeContext();
        (CachedPlan plan, StatementOutcome outcome) = await StartAsync(planned, parameters, context).ConfigureAwait(false);
        var kept = new List<Datum[]>();
        using (RowSource? rows = outcome.Rows)
        {
            while (rows?.MoveNext() == true)
            {
                Datum[] row = rows.Current.ToArray();
                memory.Charge(StatementMemory.SizeOf(row));
                kept.Add(row);
            }
        }

        EndStatement();
        Release(context);
        return new UtilityResult(Tag(plan.Tag, plan.Plan.IsWrite ? outcome.AffectedRows : kept.Count), plan.Columns, kept);
    }

    // ---- cursors

    private async ValueTask<string> DeclareAsync(DeclareCursorStatement declare, string sql)
    {
        if (!declare.IsHold)
        {
            NeedBlock("DECLARE CURSOR");
        }

        if (portals.ContainsKey(declare.Name))
        {
            throw new DbException(SqlStates.DuplicateCursor, $"cursor \"{declare.Name}\" already exists");
        }

        if (declare.Query is not QueryStatement)
        {
            throw new DbException(SqlStates.InvalidObjectDefinition, "DECLARE CURSOR must not contain data-modifying statements", position: declare.Query.Position);
        }

        CheckNoParameters(declare.Query);
        var planned = new PlannedStatement(declare.Query, [], null);
        UtilityResult result = await CollectAsync(planned, []).ConfigureAwait(false);
        var prepared = new PreparedStatement("", sql, planned) { Columns = result.Columns };
        portals[declare.Name] = new Portal(declare.Name, prepared, [], declare.IsBinary ? [1] : [])
        {
            IsCursor = true,
            IsHold = declare.IsHold,
            IsBinary = declare.IsBinary,
            IsScroll = declare.IsScroll,
            CreatedAt = evaluation.StatementTimestamp,
            Kept = result.Rows,
            State = PortalState.Running,
        };
        return "DECLARE CURSOR";
    }

    private string CloseCursor(CloseCursorStatement close)
    {
        if (close.Cursor is null)
        {
            CloseAllPortals(true);
            return "CLOSE CURSOR ALL";
        }

        if (!portals.ContainsKey(close.Cursor))
        {
            throw new DbException(SqlStates.InvalidCursorName, $"cursor \"{close.Cursor}\" does not exist");
        }

        ClosePortal(close.Cursor);
        return "CLOSE CURSOR";
    }

    private UtilityResult Fetch(FetchStatement fetch)
    {
        Portal cursor = portals.GetValueOrDefault(fetch.Cursor)
            ?? throw new DbException(SqlStates.InvalidCursorName, $"cursor \"{fetch.Cursor}\" does not exist");
        if (ReferenceEquals(running, cursor))
        {
            SettleRunning();
        }

        List<Datum[]> rows = cursor.Kept ?? [];
        if (cursor.IsScroll == false && CursorMove.IsBackward(fetch))
        {
            throw new DbException(SqlStates.ObjectNotInPrerequisiteState, "cursor can only scan forward", hint: "Declare it with SCROLL option to enable backward scan.");
        }

        (List<Datum[]> found, int at) = CursorMove.Run(fetch, rows, cursor.At);
        cursor.At = at;
        return fetch.IsMove
            ? UtilityResult.Of($"MOVE {found.Count}")
            : new UtilityResult($"FETCH {found.Count}", cursor.Columns, found);
    }

    // ---- EXPLAIN

    private async ValueTask<UtilityResult> ExplainAsync(ExplainStatement explain, string sql, Datum[] parameters)
    {
        PlannedStatement planned = ExplainTarget(explain.Target);
        if (!IsData(planned.Statement))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "EXPLAIN of this statement is not supported", position: explain.Position);
        }

        SqlType?[] declared = planned.Declared.Length > 0 ? planned.Declared : new SqlType?[planned.Statement.ParameterCount];
        long start = engine.Time.GetTimestamp();
        CachedPlan plan = MakePlan(planned.Statement, declared, Catalog);
        double planning = engine.Time.GetElapsedTime(start).TotalMilliseconds;
        PlanStatistics? statistics = null;
        double running = 0;
        if (explain.Has("analyze"))
        {
            statistics = new PlanStatistics(engine.Time);
            start = engine.Time.GetTimestamp();
            await MeasureAsync(plan, parameters, statistics).ConfigureAwait(false);
            running = engine.Time.GetElapsedTime(start).TotalMilliseconds;
        }

        Statement target = explain.Target;
        int from = Math.Clamp(target.Position - 1, 0, sql.Length);
        var explained = new ExplainSettings(engine.Options.BucketCount, long.Parse(settings.Get("sql_vdbe_opcode_max"), System.Globalization.CultureInfo.InvariantCulture), long.Parse(settings.Get("sql_motion_row_max"), System.Globalization.CultureInfo.InvariantCulture), sql[from..].TrimEnd(';', ' ', '\n'));
        var lines = new List<string>(ExplainText.Lines(explain, plan.Bound, plan.Plan.Root, statistics, explained));
        if (statistics is not null && !explain.Facets.Any(facet => facet is { Name: "format", Value: "json" }) && explain.Facets.All(facet => facet.Name != "timing" || explain.Has("timing")))
        {
            lines.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Planning Time: {planning:F3} ms"));
            lines.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Execution Time: {running:F3} ms"));
        }

        return new UtilityResult("EXPLAIN", ExplainColumns, lines.ConvertAll(line => new[] { Datum.Text(line) }));
    }

    private PlannedStatement ExplainTarget(Statement target) => target switch
    {
        ExecuteStatement execute => FindStatement(execute.Name).Planned,
        DeclareCursorStatement declare => new PlannedStatement(declare.Query, [], null),
        CreateTableStatement { AsQuery: { } query } => new PlannedStatement(new QueryStatement(query), [], null),
        _ => new PlannedStatement(target, [], null),
    };

    private async ValueTask MeasureAsync(CachedPlan plan, Datum[] parameters, PlanStatistics statistics)
    {
        while (true)
        {
            Transaction current = BeginStatement();
            CheckAccess(plan);
            var context = new ExecutionContext(current, evaluation, memory)
            {
                Parameters = parameters,
                Statistics = statistics,
                Virtual = VirtualContext(plan.Catalog, current),
            };
            StatementOutcome outcome = plan.Plan.Execute(context);
            if (outcome.Wait is null)
            {
                using RowSource? rows = outcome.Rows;
                while (rows?.MoveNext() == true)
                {
                    // only counted
                }

                EndStatement();
                return;
            }

            RollbackStatement();
            await WaitLockAsync(outcome.Wait).ConfigureAwait(false);
        }
    }

    // ---- CALL, CREATE TABLE AS

    private async ValueTask<string> CallAsync(CallStatement call, Datum[] parameters)
    {
        RoutineDef routine = Catalog.Catalog.FindRoutine(call.Name.Name)
            ?? throw new DbException(SqlStates.UndefinedFunction, $"procedure {call.Name.Name} does not exist", position: call.Position);
        AccessControl.RequireRoutine(Catalog.Users, user.Id, "execute", routine.Id, routine.Name, routine.Owner);
        if (call.Arguments.Count != routine.Parameters.Count)
        {
            throw new DbException(SqlStates.UndefinedFunction, $"expected {routine.Parameters.Count} parameter(s) on call to procedure {routine.Name}, got {call.Arguments.Count}", position: call.Position);
        }

        var values = new Datum[routine.Parameters.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = call.Arguments[i] is ParameterExpr parameter
                ? ConvertParameter(parameters[parameter.Number - 1], routine.Parameters[i])
                : Evaluate(new Binder(Catalog.Catalog, FunctionTable.BuiltIn, evaluation).BindConstantExpression(call.Arguments[i], routine.Parameters[i]));
        }

        var planned = new PlannedStatement(SqlParser.ParseStatement(routine.Body), [.. routine.Parameters], $"{routine.Body}\u0003{string.Join(',', routine.Parameters)}");
        await CollectAsync(planned, values).ConfigureAwait(false);
        return "CALL";
    }

    /// <summary>Parameters of utility statements arrive as text when the client did not say a type.</summary>
    private Datum ConvertParameter(in Datum value, SqlType type) =>
        value.Kind == DatumKind.Text && type.Kind != DatumKind.Text ? TypeCodec.For(type).ParseText(value.AsText, settings.Types) : value;

    private async ValueTask<string> CreateTableAsAsync(CreateTableStatement create, Query query)
    {
        IReadOnlyList<ResultColumn> columns = new Binder(Catalog.Catalog, FunctionTable.BuiltIn, evaluation).Bind(new QueryStatement(query)).ResultColumns!;
        if (create.IfNotExists && Catalog.Catalog.FindRelation("public", create.Name.Name) is not null)
        {
            AddNotice(NoticeSeverity.Notice, SqlStates.DuplicateTable, $"relation \"{create.Name.Name}\" already exists, skipping");
            return "CREATE TABLE AS";
        }

        var definitions = new List<ColumnDefinition>();
        for (int i = 0; i < columns.Count; i++)
        {
            SqlType type = columns[i].Type;
            var written = new TypeName(new ObjectName([type.IsArray ? type.Element!.Name : type.Name]), [], type.IsArray ? 1 : 0);
            definitions.Add(new ColumnDefinition(i < create.Columns.Count ? create.Columns[i].Name : columns[i].Name, written, []));
        }

        await RunDdlAsync(context => CreateTable(context, create with { AsQuery = null, Columns = definitions })).ConfigureAwait(false);
        if (create.WithNoData)
        {
            return "CREATE TABLE AS";
        }

        UtilityResult inserted = await CollectAsync(new PlannedStatement(new InsertStatement(create.Name, null, [], query), [], null), []).ConfigureAwait(false);
        return "SELECT " + inserted.Tag["INSERT 0 ".Length..];
    }
}
