using Picodata.Core;

namespace Picodata.Sql.Execution;

internal sealed class AndEvaluator(Evaluator[] operands) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Truth result = Truth.True;
        foreach (Evaluator operand in operands)
        {
            Truth truth = operand.Test(row, context);
            if (truth == Truth.False)
            {
                return Truth.False;
            }

            if (truth == Truth.Unknown)
            {
                result = Truth.Unknown;
            }
        }

        return result;
    }
}

internal sealed class OrEvaluator(Evaluator[] operands) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Truth result = Truth.False;
        foreach (Evaluator operand in operands)
        {
            Truth truth = operand.Test(row, context);
            if (truth == Truth.True)
            {
                return Truth.True;
            }

            if (truth == Truth.Unknown)
            {
                result = Truth.Unknown;
            }
        }

        return result;
    }
}

internal sealed class NotEvaluator(Evaluator operand) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context) => operand.Test(row, context) switch
    {
        Truth.True => Truth.False,
        Truth.False => Truth.True,
        _ => Truth.Unknown,
    };
}

/// <summary>IS [NOT] NULL. A row value is NULL when all its fields are, and NOT NULL when none is.</summary>
internal sealed class IsNullEvaluator(Evaluator operand, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum value = operand.Evaluate(row, context);
        bool holds = value.Kind == DatumKind.Record
            ? Array.TrueForAll(value.AsRecord, field => field.IsNull != negated)
            : value.IsNull != negated;
        return holds ? Truth.True : Truth.False;
    }
}

/// <summary>IS [NOT] TRUE, FALSE, UNKNOWN.</summary>
internal sealed class IsTruthEvaluator(Evaluator operand, Truth wanted, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context) =>
        operand.Test(row, context) == wanted != negated ? Truth.True : Truth.False;
}

/// <summary>CASE: branches in order, only the one that is taken.</summary>
internal sealed class CaseEvaluator((Evaluator Condition, Evaluator Result)[] branches, Evaluator? otherwise) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        foreach ((Evaluator condition, Evaluator result) in branches)
        {
            if (condition.Holds(row, context))
            {
                return result.Evaluate(row, context);
            }
        }

        return otherwise is null ? Datum.Null : otherwise.Evaluate(row, context);
    }
}

/// <summary>Computes a value into a local, then the body.</summary>
internal sealed class LetEvaluator(int local, Evaluator value, Evaluator body) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        context.Locals[local] = value.Evaluate(row, context);
        return body.Evaluate(row, context);
    }
}

/// <summary>NULL when the condition holds, else the local.</summary>
internal sealed class NullIfEvaluator(int local, Evaluator value, Evaluator condition) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum result = value.Evaluate(row, context);
        context.Locals[local] = result;
        return condition.Holds(row, context) ? Datum.Null : result;
    }
}

internal sealed class CoalesceEvaluator(Evaluator[] operands) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        foreach (Evaluator operand in operands)
        {
            Datum value = operand.Evaluate(row, context);
            if (!value.IsNull)
            {
                return value;
            }
        }

        return Datum.Null;
    }
}

/// <summary>GREATEST and LEAST.</summary>
internal sealed class ExtremumEvaluator(Evaluator[] operands, bool isLeast) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum best = Datum.Null;
        foreach (Evaluator operand in operands)
        {
            Datum value = operand.Evaluate(row, context);
            if (!value.IsNull && (best.IsNull || (isLeast ? DatumComparer.Compare(value, best) < 0 : DatumComparer.Compare(value, best) > 0)))
            {
                best = value;
            }
        }

        return best;
    }
}
