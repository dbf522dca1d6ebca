using System.Globalization;
using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Plans;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Planning and running of SELECT, INSERT, UPDATE, DELETE.</summary>
public sealed partial class SqlSession
{
    /// <summary>Bytes that may wait in the output before a flush.</summary>
    private const int FlushAt = 64 * 1024;

    private PlanCache Plans
    {
        get
        {
            if (plansOfSettings != settings.Version)
            {
                plansOfSettings = settings.Version;
                plans = engine.Plans.For($"{settings.Types.TimeZone.Name}|{settings.Types.DateOrder}|{settings.Get("search_path")}");
            }

            return plans;
        }
    }

    // ---- planning

    /// <summary>The statement's plan for the present catalog.</summary>
    private CachedPlan PlanOf(PlannedStatement planned)
    {
        CatalogState catalog = Catalog;
        if (planned.Plan is { } kept && ReferenceEquals(kept.Catalog, catalog) && !kept.IsStale(RowsOf))
        {
            return kept;
        }

        bool isShared = planned.CacheKey is not null && !hasDdl;
        if (isShared && Plans.Find(planned.CacheKey, catalog) is { } found && !ReferenceEquals(found, planned.Plan))
        {
            return planned.Plan = found;
        }

        CachedPlan plan = MakePlan(planned.Statement, planned.Declared, catalog);
        planned.Plan = plan;
        if (isShared)
        {
            Plans.Add(planned.CacheKey!, plan);
        }

        return plan;
    }

    private long RowsOf(uint space) => engine.Database.Statistics(space).Rows;

    private CachedPlan MakePlan(Statement statement, IReadOnlyList<SqlType?> declared, CatalogState catalog)
    {
        BoundStatement bound = new Binder(catalog.Catalog, FunctionTable.BuiltIn, evaluation, declared).Bind(statement);
        PlanNode root = new Planner(RowsOf).Plan(bound);
        return new CachedPlan
        {
            Bound = bound,
            Plan = ExecutablePlan.Compile(root),
            Catalog = catalog,
            Statement = statement,
            Columns = bound.ResultColumns,
            IsBrief = BriefPlans.IsBrief(root),
            Sizes = [.. bound.Accesses.Select(access => access.Relation).OfType<TableDef>().Select(table => (table.SpaceId, RowsOf(table.SpaceId)))],
            Tag = bound switch
            {
                BoundInsert => "INSERT 0 ",
                BoundUpdate => "UPDATE ",
                BoundDelete => "DELETE ",
                _ => "SELECT ",
            },
        };
    }

    // ---- running

    /// <summary>
    /// Starts a statement: plans it, runs its writes, waits for locks and runs it again as often as needed. Leaves the storage's statement
    /// open: the caller pulls the rows and calls <see cref="EndStatement"/>.
    /// </summary>
    private async ValueTask<(CachedPlan Plan, StatementOutcome Outcome)> StartAsync(PlannedStatement planned, Datum[] parameters, ExecutionContext context)
    {
        while (true)
        {
            Transaction current = BeginStatement();
            CachedPlan plan = PlanOf(planned);
            if (!plan.IsBrief)
            {
                await PoolThread.Reach;
            }

            CheckAccess(plan);
            if (LockTables(current, plan) is { } change)
            {
                RollbackStatement();
                await WaitLockAsync(change).ConfigureAwait(false);
                continue;
            }

            context.Transaction = current;
            context.Parameters = parameters;
            context.Virtual = NeedsVirtual(plan) ? VirtualContext(plan.Catalog, current) : null;
            StatementOutcome outcome = plan.Plan.Execute(context);
            if (outcome.Wait is null)
            {
                return (plan, outcome);
            }

            RollbackStatement();
            await WaitLockAsync(outcome.Wait).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Takes the locks that keep DDL away from the plan's tables until the transaction ends, and then makes sure that the plan was
    /// made for the tables as they are: from here on they stay so. Null when all is well, else what to wait for before the
    /// statement is planned anew.
    /// </summary>
    private Task? LockTables(Transaction current, CachedPlan plan)
    {
        IReadOnlyList<RelationAccess> accesses = plan.Bound.Accesses;
        for (int i = 0; i < accesses.Count; i++)
        {
            if (accesses[i].Relation is not TableDef table)
            {
                continue;
            }

            if (current.Schema.Space(table.SpaceId) is null)
            {
                return Task.CompletedTask;
            }

            WriteResult result = current.LockTable(table.SpaceId, accesses[i].Writes ? TableLockMode.Write : TableLockMode.Shared);
            if (result.Outcome == WriteOutcome.MustWait)
            {
                return result.Wait;
            }
        }

        return ReferenceEquals(plan.Catalog, Catalog) ? null : Task.CompletedTask;
    }

    private static bool NeedsVirtual(CachedPlan plan) => plan.Bound.Accesses.Count > 0;

    private VirtualScanContext VirtualContext(CatalogState catalog, Transaction current) => new()
    {
        Catalog = catalog.Catalog,
        Transaction = current,
        Session = this,
        UserName = user.Name,
        DatabaseName = options.Database,
        Cancel = work.Token,
    };

    /// <summary>A context to run one statement with; given back by <see cref="Release"/>.</summary>
    private ExecutionContext TakeContext()
    {
        ExecutionContext context = reusedContext ?? new ExecutionContext(EnsureTransaction(), evaluation, memory);
        reusedContext = null;
        context.Statistics = null;
        return context;
    }

    private void Release(ExecutionContext context)
    {
        context.End();
        reusedContext = context;
    }

    /// <summary>Runs a statement of a simple query and writes its rows. Gives the completion tag.</summary>
    private async ValueTask<string> RunPlannedAsync(PlannedStatement planned, Datum[] parameters, ISessionOutput output)
    {
        EnsureTransaction();
        ExecutionContext context = TakeContext();
        (CachedPlan plan, StatementOutcome outcome) = await StartAsync(planned, parameters, context).ConfigureAwait(false);
        long count = outcome.AffectedRows;
        if (plan.Columns is not null)
        {
            TellClientNotices(output);
            output.RowDescription(plan.Columns);
        }

        if (outcome.Rows is { } rows)
        {
            using (rows)
            {
                long sent = 0;
                while (rows.MoveNext())
                {
                    output.Row(rows.Current);
                    sent++;
                    if (output.PendingBytes > FlushAt)
                    {
                        await FlushAsync(output).ConfigureAwait(false);
                    }
                }

                if (!plan.Plan.IsWrite)
                {
                    count = sent;
                }
            }
        }

        EndStatement();
        Release(context);
        return Tag(plan.Tag, count);
    }

    private async ValueTask FlushAsync(ISessionOutput output)
    {
        long lsn = Math.Max(shownLsn, transaction?.ReadLsn ?? 0);
        if (!engine.Database.MayAnswer(lsn))
        {
            await engine.Database.WaitDurableAsync(lsn, work.Token).ConfigureAwait(false);
        }

        await output.FlushAsync(work.Token).ConfigureAwait(false);
        await PoolThread.Reach;
    }

    private void TellClientNotices(ISessionOutput output)
    {
        if (notices.Count > 0)
        {
            foreach (Notice notice in notices)
            {
                output.Notice(notice);
            }

            notices.Clear();
        }
    }

    private static string Tag(string prefix, long count) => (prefix, count) switch
    {
        ("SELECT ", 1) => "SELECT 1",
        ("UPDATE ", 1) => "UPDATE 1",
        ("INSERT 0 ", 1) => "INSERT 0 1",
        ("DELETE ", 1) => "DELETE 1",
        _ => prefix + count.ToString(CultureInfo.InvariantCulture),
    };

    // ---- rights

    private void CheckAccess(CachedPlan plan)
    {
        IReadOnlyList<RelationAccess> accesses = plan.Bound.Accesses;
        for (int i = 0; i < accesses.Count; i++)
        {
            RelationAccess access = accesses[i];
            if (access.Writes)
            {
                CheckWritable(access.Relation, plan.Tag);
            }

            if (user.Id != UserCatalog.Admin && !access.IsThroughView)
            {
                CheckRights(plan.Catalog.Users, access);
            }
        }
    }

    private void CheckWritable(Relation relation, string tag)
    {
        if (isReadOnly)
        {
            throw new DbException(SqlStates.ReadOnlySqlTransaction, $"cannot execute {tag.Split(' ')[0]} in a read-only transaction");
        }

        if (relation is TableDef { IsSystem: true } && relation.Name is not ("_pico_replicaset" or "_pico_tier"))
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"Write access to table '{relation.Name}' is denied for all users");
        }
    }

    private void CheckRights(UserCatalog users, RelationAccess access)
    {
        if (access.Relation is VirtualTableDef || access.Relation.Owner == user.Id)
        {
            return;
        }

        if (access.Reads && !HasTableRight(users, user.Id, access.Relation, "read"))
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"Read access to space '{access.Relation.Name}' is denied for user '{user.Name}'");
        }

        if (access.Writes && !HasTableRight(users, user.Id, access.Relation, "write"))
        {
            throw new DbException(SqlStates.InsufficientPrivilege, $"Write access to space '{access.Relation.Name}' is denied for user '{user.Name}'");
        }
    }

    internal static bool HasTableRight(UserCatalog users, uint userId, Relation relation, string privilege) =>
        users.Holds(userId, privilege, "table", ObjectId(relation));

    /// <summary>Object id of a relation in <c>_pico_privilege</c>: the space's id, else the oid.</summary>
    internal static long ObjectId(Relation relation) => relation is TableDef table ? table.SpaceId : relation.Oid;
}
