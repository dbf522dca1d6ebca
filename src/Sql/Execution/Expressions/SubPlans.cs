using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>A binding ready to run.</summary>
internal readonly record struct CellBinding(int Cell, Evaluator Value)
{
    public static void Apply(CellBinding[] bindings, Datum[] row, ExecutionContext context)
    {
        foreach (CellBinding binding in bindings)
        {
            context.Cells[binding.Cell] = binding.Value.Evaluate(row, context);
        }
    }
}

/// <summary>What a subplan expression keeps during one execution.</summary>
internal sealed class SubPlanState
{
    /// <summary>The inner plan, opened once and rescanned.</summary>
    public RowSource? Source { get; set; }

    /// <summary>Results by the values of the cells that the inner plan reads.</summary>
    public Dictionary<Datum[], Datum>? Results { get; set; }

    /// <summary>Any, All without outer cells: the inner rows.</summary>
    public SubPlanRows? Rows { get; set; }
}

/// <summary>Base of subplans: opening, bindings, results that are kept.</summary>
internal abstract class SubPlanEvaluator(CompiledNode plan, CellBinding[] bindings, int state) : Evaluator
{
    private const int MostKeptResults = 1 << 16;

    protected CompiledNode Plan { get; } = plan;

    protected SubPlanState State(ExecutionContext context) => (SubPlanState)(context.States[state] ??= new SubPlanState());

    /// <summary>Runs the inner plan from its start.</summary>
    protected RowSource Run(SubPlanState kept, ExecutionContext context)
    {
        if (kept.Source is null)
        {
            kept.Source = Plan.Open(context);
            context.DisposeAtEnd(kept.Source);
        }
        else
        {
            kept.Source.Rescan();
        }

        return kept.Source;
    }

    protected void Bind(Datum[] row, ExecutionContext context) => CellBinding.Apply(bindings, row, context);

    /// <summary>The result for the present cells, computed or kept from before.</summary>
    protected Datum Cached(Datum[] row, ExecutionContext context)
    {
        Bind(row, context);
        SubPlanState kept = State(context);
        if (Plan.DependsOnRound || (Plan.IsVolatile && !Plan.IsFixed))
        {
            return Result(Run(kept, context), context);
        }

        var key = new Datum[Plan.FreeCells.Length];
        for (int i = 0; i < key.Length; i++)
        {
            key[i] = context.Cells[Plan.FreeCells[i]];
        }

        kept.Results ??= new Dictionary<Datum[], Datum>(RowEquality.Instance);
        if (!kept.Results.TryGetValue(key, out Datum result))
        {
            result = Result(Run(kept, context), context);
            if (kept.Results.Count < MostKeptResults)
            {
                context.Memory.Charge(StatementMemory.SizeOf(key) + StatementMemory.SizeOf([result]) + 32);
                kept.Results.Add(key, result);
            }
        }

        return result;
    }

    /// <summary>Makes the value of the inner rows.</summary>
    protected virtual Datum Result(RowSource rows, ExecutionContext context) => throw new InvalidOperationException();
}

/// <summary>The only column of the only row, or (as a record) the only row.</summary>
internal sealed class ScalarSubPlan(CompiledNode plan, CellBinding[] bindings, int state, bool wholeRow) : SubPlanEvaluator(plan, bindings, state)
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => Cached(row, context);

    protected override Datum Result(RowSource rows, ExecutionContext context)
    {
        if (!rows.MoveNext())
        {
            return Datum.Null;
        }

        Datum result = wholeRow ? Datum.Record(rows.Current.ToArray()) : rows.Current[0];
        if (rows.MoveNext())
        {
            throw new DbException(SqlStates.CardinalityViolation, "more than one row returned by a subquery used as an expression");
        }

        return result;
    }
}

/// <summary>EXISTS.</summary>
internal sealed class ExistsSubPlan(CompiledNode plan, CellBinding[] bindings, int state) : SubPlanEvaluator(plan, bindings, state)
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => Cached(row, context);

    protected override Datum Result(RowSource rows, ExecutionContext context) => Datum.Bool(rows.MoveNext());
}

/// <summary>ARRAY(query).</summary>
internal sealed class ArraySubPlan(CompiledNode plan, CellBinding[] bindings, int state, SqlType type) : SubPlanEvaluator(plan, bindings, state)
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => Cached(row, context);

    protected override Datum Result(RowSource rows, ExecutionContext context)
    {
        var elements = new List<Datum>();
        bool nested = false;
        while (rows.MoveNext())
        {
            context.CheckCancelled();
            Datum value = rows.Current[0];
            context.Memory.Charge(StatementMemory.SizeOf([value]));
            nested |= value.Kind == DatumKind.Array;
            elements.Add(value);
        }

        SqlType elementType = type.Element!;
        return Datum.Array(nested ? ArrayEvaluator.Nest([.. elements], elementType) : DatumArray.Of(elementType, [.. elements]));
    }
}

/// <summary>
/// Rows of an uncorrelated subplan, kept for many comparisons. Equality is answered from a hash table; rows with NULLs are
/// kept apart, because they make an answer unknown.
/// </summary>
internal sealed class SubPlanRows
{
    private readonly ValueSet? single;
    private readonly HashSet<Datum[]>? complete;
    private readonly List<Datum[]> incomplete = [];

    public SubPlanRows(RowSource source, bool byEquality, ExecutionContext context)
    {
        while (source.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = source.Current.ToArray();
            context.Memory.Charge(StatementMemory.SizeOf(row) + 16);
            All.Add(row);
        }

        if (byEquality && source.Width == 1)
        {
            single = new ValueSet([.. All.Select(row => row[0])]);
        }
        else if (byEquality)
        {
            complete = new HashSet<Datum[]>(RowEquality.Instance);
            foreach (Datum[] row in All)
            {
                if (RowEquality.HasNull(row))
                {
                    incomplete.Add(row);
                }
                else
                {
                    complete.Add(row);
                }
            }
        }
    }

    public List<Datum[]> All { get; } = [];

    /// <summary><c>left = ANY (rows)</c>; only when made for equality.</summary>
    public Truth AnyEqual(Datum[] left)
    {
        if (single is not null)
        {
            return single.Any(left[0]);
        }

        bool leftComplete = !RowEquality.HasNull(left);
        if (leftComplete && complete!.Contains(left))
        {
            return Truth.True;
        }

        foreach (Datum[] row in leftComplete ? incomplete : All)
        {
            if (RecordComparison.Compare(ComparisonOperator.Equal, left, row) != Truth.False)
            {
                return Truth.Unknown;
            }
        }

        return Truth.False;
    }
}

/// <summary>left op ANY|ALL (query).</summary>
internal sealed class QuantifiedSubPlan(CompiledNode plan, CellBinding[] bindings, int state, QuantifiedSubPlan.Comparison comparison)
    : SubPlanEvaluator(plan, bindings, state)
{
    /// <param name="Left">Left side, one per column.</param>
    /// <param name="Locals">Locals of the inner row's columns.</param>
    /// <param name="Condition">Comparison of one row.</param>
    /// <param name="IsAll">ALL instead of ANY.</param>
    /// <param name="ByEquality">The comparison is = (of ANY) or &lt;&gt; (of ALL) over all columns.</param>
    internal sealed record Comparison(Evaluator[] Left, int[] Locals, Evaluator Condition, bool IsAll, bool ByEquality);

    public override Datum Evaluate(Datum[] row, ExecutionContext context) => Test(row, context) switch
    {
        Truth.True => Datum.True,
        Truth.False => Datum.False,
        _ => Datum.Null,
    };

    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Bind(row, context);
        SubPlanState kept = State(context);
        if (!Plan.IsFixed)
        {
            return Walk(Run(kept, context), row, context);
        }

        kept.Rows ??= new SubPlanRows(Run(kept, context), comparison.ByEquality, context);
        return comparison.ByEquality ? ByEquality(kept.Rows, row, context) : Walk(kept.Rows, row, context);
    }

    private Truth ByEquality(SubPlanRows rows, Datum[] row, ExecutionContext context)
    {
        var left = new Datum[comparison.Left.Length];
        for (int i = 0; i < left.Length; i++)
        {
            left[i] = comparison.Left[i].Evaluate(row, context);
        }

        Truth any = rows.AnyEqual(left);
        return !comparison.IsAll || any == Truth.Unknown ? any : any == Truth.True ? Truth.False : Truth.True;
    }

    private Truth Walk(RowSource rows, Datum[] row, ExecutionContext context)
    {
        bool unknown = false;
        while (rows.MoveNext())
        {
            if (Decides(rows.Current, row, context, ref unknown))
            {
                return comparison.IsAll ? Truth.False : Truth.True;
            }
        }

        return unknown ? Truth.Unknown : comparison.IsAll ? Truth.True : Truth.False;
    }

    private Truth Walk(SubPlanRows rows, Datum[] row, ExecutionContext context)
    {
        bool unknown = false;
        foreach (Datum[] inner in rows.All)
        {
            if (Decides(inner, row, context, ref unknown))
            {
                return comparison.IsAll ? Truth.False : Truth.True;
            }
        }

        return unknown ? Truth.Unknown : comparison.IsAll ? Truth.True : Truth.False;
    }

    private bool Decides(ReadOnlySpan<Datum> inner, Datum[] row, ExecutionContext context, ref bool unknown)
    {
        context.CheckCancelled();
        for (int i = 0; i < comparison.Locals.Length; i++)
        {
            context.Locals[comparison.Locals[i]] = inner[i];
        }

        Truth truth = comparison.Condition.Test(row, context);
        unknown |= truth == Truth.Unknown;
        return truth == (comparison.IsAll ? Truth.False : Truth.True);
    }
}
