using System.Runtime.CompilerServices;
using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.Execution;

/// <summary>One of the checked integer operations as a type.</summary>
internal interface IIntRule
{
    /// <summary>The result; false on overflow.</summary>
    static abstract bool TryApply(long left, long right, out long result);
}

internal readonly struct AddRule : IIntRule
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = unchecked(left + right);
        return ((left ^ result) & (right ^ result)) >= 0;
    }
}

internal readonly struct SubtractRule : IIntRule
{
    public static bool TryApply(long left, long right, out long result)
    {
        result = unchecked(left - right);
        return ((left ^ right) & (left ^ result)) >= 0;
    }
}

internal readonly struct MultiplyRule : IIntRule
{
    public static bool TryApply(long left, long right, out long result)
    {
        long high = Math.BigMul(left, right, out result);
        return high == result >> 63;
    }
}

/// <summary>int8 arithmetic; 22003 on overflow.</summary>
internal sealed class IntArithmetic<TRule>(Evaluator left, Evaluator right) : Evaluator
    where TRule : struct, IIntRule
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        bool isNull = false;
        long result = EvaluateInt(row, context, ref isNull);
        return isNull ? Datum.Null : Datum.Int(result);
    }

    public override long EvaluateInt(Datum[] row, ExecutionContext context, ref bool isNull)
    {
        bool missing = false;
        long first = left.EvaluateInt(row, context, ref missing);
        long second = right.EvaluateInt(row, context, ref missing);
        if (missing)
        {
            isNull = true;
            return 0;
        }

        return TRule.TryApply(first, second, out long result) ? result : throw OutOfRange();
    }

    private static DbException OutOfRange() => new(SqlStates.NumericValueOutOfRange, "bigint out of range");
}

/// <summary>A strict function of one argument without context.</summary>
internal sealed class UnaryCall(Func<Datum, Datum> body, Evaluator argument) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum value = argument.Evaluate(row, context);
        return value.IsNull ? Datum.Null : body(value);
    }
}

/// <summary>A strict function of two arguments without context.</summary>
internal sealed class BinaryCall(Func<Datum, Datum, Datum> body, Evaluator left, Evaluator right) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum first = left.Evaluate(row, context);
        Datum second = right.Evaluate(row, context);
        return first.IsNull || second.IsNull ? Datum.Null : body(first, second);
    }
}

/// <summary>Room for a few arguments on the stack.</summary>
[InlineArray(Capacity)]
internal struct ArgumentBuffer
{
    public const int Capacity = 6;

    private Datum first;
}

/// <summary>Any function: arguments are evaluated in order; strict ones are not called with a NULL.</summary>
internal sealed class FunctionCall(ScalarBody body, bool isStrict, Evaluator[] arguments) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        if (arguments.Length <= ArgumentBuffer.Capacity)
        {
            ArgumentBuffer buffer = default;
            return Call(((Span<Datum>)buffer)[..arguments.Length], row, context);
        }

        return Call(new Datum[arguments.Length], row, context);
    }

    private Datum Call(Span<Datum> values, Datum[] row, ExecutionContext context)
    {
        bool missing = false;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = arguments[i].Evaluate(row, context);
            missing |= values[i].IsNull;
        }

        return missing && isStrict ? Datum.Null : body(values, context.Evaluation);
    }
}

/// <summary>A cast, then the target's modifier.</summary>
internal sealed class CastEvaluator(BoundCast cast, Evaluator operand) : Evaluator
{
    private readonly Func<Datum, EvaluationContext, Datum>? apply = cast.Cast.Apply;
    private readonly SqlType type = cast.Type;
    private readonly int modifier = cast.TypeModifier;
    private readonly bool isExplicit = cast.IsExplicit;

    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum value = operand.Evaluate(row, context);
        if (value.IsNull)
        {
            return value;
        }

        if (apply is not null)
        {
            value = apply(value, context.Evaluation);
        }

        return modifier < 0 || value.IsNull ? value : CastTable.ApplyModifier(type, modifier, value, isExplicit);
    }
}
