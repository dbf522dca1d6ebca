using System.Runtime.CompilerServices;
using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>
/// A compiled expression. Immutable and without state of its own, so that all executions share it; what varies is in the
/// row and in the <see cref="ExecutionContext"/>.
///
/// The three ways of asking give the same answer: <see cref="Evaluate"/> for any value, <see cref="Test"/> for conditions,
/// <see cref="EvaluateInt"/> where the value is held in bits (int, bool, date, time, timestamp). Each class writes out the ones that it can
/// do faster than through the others.
/// </summary>
internal abstract class Evaluator
{
    /// <summary>The value over a row.</summary>
    public abstract Datum Evaluate(Datum[] row, ExecutionContext context);

    /// <summary>A boolean's truth.</summary>
    public virtual Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum value = Evaluate(row, context);
        return value.IsNull ? Truth.Unknown : value.AsBool ? Truth.True : Truth.False;
    }

    /// <summary>The bits of a value; <paramref name="isNull"/> is set (never cleared) when it is NULL.</summary>
    public virtual long EvaluateInt(Datum[] row, ExecutionContext context, ref bool isNull)
    {
        Datum value = Evaluate(row, context);
        isNull |= value.IsNull;
        return value.AsInt;
    }

    /// <summary>The value, when it is the same for every row and every execution.</summary>
    public virtual bool TryConstant(out Datum value)
    {
        value = default;
        return false;
    }

    /// <summary>True when the condition is true, not when it is false or unknown.</summary>
    public bool Holds(Datum[] row, ExecutionContext context) => Test(row, context) == Truth.True;
}

/// <summary>Three-valued truth.</summary>
internal enum Truth : sbyte { False = 0, True = 1, Unknown = -1 }

/// <summary>Base of conditions, which are computed as truths.</summary>
internal abstract class ConditionEvaluator : Evaluator
{
    public sealed override Datum Evaluate(Datum[] row, ExecutionContext context) => Test(row, context) switch
    {
        Truth.True => Datum.True,
        Truth.False => Datum.False,
        _ => Datum.Null,
    };

    public abstract override Truth Test(Datum[] row, ExecutionContext context);
}

internal sealed class ConstantEvaluator(Datum value) : Evaluator
{
    private readonly Datum value = value;

    public override Datum Evaluate(Datum[] row, ExecutionContext context) => value;

    public override long EvaluateInt(Datum[] row, ExecutionContext context, ref bool isNull)
    {
        isNull |= value.IsNull;
        return value.AsInt;
    }

    public override bool TryConstant(out Datum constant)
    {
        constant = value;
        return true;
    }
}

internal sealed class ParameterEvaluator(int index) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => Value(context);

    public override long EvaluateInt(Datum[] row, ExecutionContext context, ref bool isNull)
    {
        ref readonly Datum value = ref Value(context);
        isNull |= value.IsNull;
        return value.AsInt;
    }

    private ref readonly Datum Value(ExecutionContext context)
    {
        Datum[] parameters = context.Parameters;
        if ((uint)index >= (uint)parameters.Length)
        {
            throw new DbException(SqlStates.UndefinedParameter, $"there is no parameter ${index + 1}");
        }

        return ref parameters[index];
    }
}

internal sealed class SlotEvaluator(int slot) : Evaluator
{
    public int Slot => slot;

    public override Datum Evaluate(Datum[] row, ExecutionContext context) => row[slot];

    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        ref readonly Datum value = ref row[slot];
        return value.IsNull ? Truth.Unknown : value.AsBool ? Truth.True : Truth.False;
    }

    public override long EvaluateInt(Datum[] row, ExecutionContext context, ref bool isNull)
    {
        ref readonly Datum value = ref row[slot];
        isNull |= value.IsNull;
        return value.AsInt;
    }
}

internal sealed class CellEvaluator(int cell) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => context.Cells[cell];
}

internal sealed class LocalEvaluator(int local) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context) => context.Locals[local];
}

/// <summary>Stands at intervals in deep expressions and turns a stack that is about to overflow into 54001.</summary>
internal sealed class StackGuardEvaluator(Evaluator inner) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Ensure();
        return inner.Evaluate(row, context);
    }

    public static void Ensure()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded", hint: "write the expression with less nesting");
        }
    }
}
