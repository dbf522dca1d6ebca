using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>Expressions to evaluators.</summary>
internal sealed partial class PlanCompiler
{
    private const int GuardEvery = 64;
    private const int HashedListFrom = 8;

    private static readonly EvaluationContext FoldingContext = new(Types.TypeContext.Default);

    private int depth;

    private Evaluator[] Expressions(IEnumerable<BoundExpression> expressions) => [.. expressions.Select(Expression)];

    private Evaluator? Optional(BoundExpression? expression) => expression is null ? null : Expression(expression);

    private Evaluator Expression(BoundExpression expression)
    {
        StackGuardEvaluator.Ensure();
        depth++;
        Evaluator result = Make(expression);
        depth--;
        return depth > 0 && depth % GuardEvery == 0 ? new StackGuardEvaluator(result) : result;
    }

    private Evaluator Make(BoundExpression expression) => expression switch
    {
        BoundConstant constant => new ConstantEvaluator(constant.Value),
        BoundParameter parameter => new ParameterEvaluator(parameter.Index),
        BoundSlot slot => Slot(slot.Slot),
        BoundExecParameter cell => Cell(cell.Index),
        BoundLocal local => new LocalEvaluator(Local(local)),
        BoundCall call => Call(call),
        BoundComparison comparison => Comparison(comparison),
        BoundDistinctFrom distinct => new DistinctFromEvaluator(Expression(distinct.Left), Expression(distinct.Right), distinct.Negated),
        BoundCast cast => Cast(cast),
        BoundRelabel relabel => Expression(relabel.Operand),
        BoundAnd and => new AndEvaluator(Expressions(and.Operands)),
        BoundOr or => new OrEvaluator(Expressions(or.Operands)),
        BoundNot not => new NotEvaluator(Expression(not.Operand)),
        BoundIsNull test => new IsNullEvaluator(Expression(test.Operand), test.Negated),
        BoundIsBool test => new IsTruthEvaluator(
            Expression(test.Operand), test.Value switch { true => Truth.True, false => Truth.False, null => Truth.Unknown }, test.Negated),
        BoundCoalesce coalesce => new CoalesceEvaluator(Expressions(coalesce.Operands)),
        BoundGreatest greatest => new ExtremumEvaluator(Expressions(greatest.Operands), greatest.IsLeast),
        _ => MakeCompound(expression),
    };

    private Evaluator MakeCompound(BoundExpression expression) => expression switch
    {
        BoundCase choice => Case(choice),
        BoundNullIf nullIf => new NullIfEvaluator(Local(nullIf.Local), Expression(nullIf.Value), Expression(nullIf.Condition)),
        BoundInList list => InList(list),
        BoundQuantified quantified => Quantified(quantified),
        BoundArray array => new ArrayEvaluator(Expressions(array.Elements), array.IsNested, array.Type),
        BoundSubscript subscript => Subscript(subscript),
        BoundRow record => new RowEvaluator(Expressions(record.Fields)),
        BoundField field => new FieldEvaluator(Expression(field.Record), field.Field),
        SubPlanExpression subPlan => SubPlan(subPlan),
        _ => throw new InvalidOperationException($"{expression.GetType().Name} in a physical plan"),
    };

    private CellEvaluator Cell(int index)
    {
        cells = Math.Max(cells, index + 1);
        scope.Cells.Add(index);
        return new CellEvaluator(index);
    }

    private int Local(BoundLocal local)
    {
        if (!locals.TryGetValue(local, out int number))
        {
            locals.Add(local, number = locals.Count);
        }

        return number;
    }

    private Evaluator Comparison(BoundComparison comparison) =>
        ComparisonFactory.Make(comparison.Operator, Expression(comparison.Left), Expression(comparison.Right), KindOf(comparison.Left, comparison.Right));

    private static DatumKind KindOf(BoundExpression left, BoundExpression right) =>
        left.Type.Kind == right.Type.Kind ? left.Type.Kind : DatumKind.Null;

    private Evaluator Call(BoundCall call)
    {
        Evaluator[] arguments = Expressions(call.Arguments);
        ResolvedFunction function = call.Function;
        scope.IsVolatile |= function.Volatility == Volatility.Volatile;
        Evaluator result = CallOf(function, arguments);
        return function.Volatility == Volatility.Immutable && Array.TrueForAll(arguments, argument => argument.TryConstant(out _)) ? Fold(result) : result;
    }

    private Evaluator Cast(BoundCast cast)
    {
        Evaluator operand = Expression(cast.Operand);
        if (cast.Cast.Apply is null && cast.TypeModifier < 0)
        {
            return operand;
        }

        var result = new CastEvaluator(cast, operand);
        return cast.Cast.Volatility == Volatility.Immutable && operand.TryConstant(out _) ? Fold(result) : result;
    }

    /// <summary>Computes an expression of constants now; one that fails is left to fail when it is reached.</summary>
    private Evaluator Fold(Evaluator expression)
    {
        try
        {
            return new ConstantEvaluator(expression.Evaluate([], folding));
        }
        catch (DbException)
        {
            return expression;
        }
    }

    private static Evaluator CallOf(ResolvedFunction function, Evaluator[] arguments)
    {
        if (arguments.Length == 2 && Intrinsics(function.Intrinsic, arguments[0], arguments[1]) is { } intrinsic)
        {
            return intrinsic;
        }

        return (arguments.Length, function.IsStrict) switch
        {
            (1, true) when function.Unary is { } unary => new UnaryCall(unary, arguments[0]),
            (2, true) when function.Binary is { } binary => new BinaryCall(binary, arguments[0], arguments[1]),
            _ => new FunctionCall(function.Body!, function.IsStrict, arguments),
        };
    }

    private static Evaluator? Intrinsics(Intrinsic intrinsic, Evaluator left, Evaluator right) => intrinsic switch
    {
        Intrinsic.IntAdd => new IntArithmetic<AddRule>(left, right),
        Intrinsic.IntSubtract => new IntArithmetic<SubtractRule>(left, right),
        Intrinsic.IntMultiply => new IntArithmetic<MultiplyRule>(left, right),
        >= Intrinsic.IntEqual and <= Intrinsic.IntGreaterOrEqual => ComparisonFactory.Make((ComparisonOperator)(intrinsic - Intrinsic.IntEqual), left, right, DatumKind.Int),
        >= Intrinsic.DoubleEqual and <= Intrinsic.DoubleGreaterOrEqual =>
            ComparisonFactory.Make((ComparisonOperator)(intrinsic - Intrinsic.DoubleEqual), left, right, DatumKind.Double),
        >= Intrinsic.TextEqual and <= Intrinsic.TextGreaterOrEqual => ComparisonFactory.Make((ComparisonOperator)(intrinsic - Intrinsic.TextEqual), left, right, DatumKind.Text),
        _ => null,
    };

    private Evaluator Case(BoundCase choice)
    {
        Evaluator body = new CaseEvaluator(
            [.. choice.Whens.Select(when => (Expression(when.Condition), Expression(when.Result)))], Optional(choice.Else));
        return choice.Operand is null || choice.Local is null ? body : new LetEvaluator(Local(choice.Local), Expression(choice.Operand), body);
    }

    private Evaluator InList(BoundInList list)
    {
        Evaluator operand = Expression(list.Operand);
        Evaluator[] items = Expressions(list.Items);
        bool hashed = items.Length >= HashedListFrom && list.Operand.Type.Kind != DatumKind.Record;
        var values = new Datum[items.Length];
        for (int i = 0; i < items.Length && hashed; i++)
        {
            hashed = items[i].TryConstant(out values[i]) && (values[i].IsNull || values[i].Kind == list.Operand.Type.Kind);
        }

        return hashed ? new InSetEvaluator(operand, new ValueSet(values), list.Negated) : new InListEvaluator(operand, items, list.Negated);
    }

    private Evaluator Quantified(BoundQuantified quantified)
    {
        Evaluator left = Expression(quantified.Left);
        Evaluator array = Expression(quantified.Array);
        SqlType? element = quantified.Array.Type.Element;
        if (!quantified.IsAll && quantified.Comparison == ComparisonOperator.Equal && element is not null
            && element.Kind == quantified.Left.Type.Kind && element.Kind != DatumKind.Record)
        {
            return new ArrayMembershipEvaluator(left, array, NextState());
        }

        return new QuantifiedEvaluator(
            left, Local(quantified.LeftLocal), array, Local(quantified.ElementLocal), Expression(quantified.Condition), quantified.IsAll);
    }

    private Evaluator Subscript(BoundSubscript subscript)
    {
        Evaluator array = Expression(subscript.Array);
        if (subscript.Indexes.All(index => !index.IsSlice))
        {
            return new SubscriptEvaluator(array, [.. subscript.Indexes.Select(index => Expression(index.Upper!))]);
        }

        return new SliceEvaluator(array, [.. subscript.Indexes.Select(index =>
            (index.IsSlice ? Optional(index.Lower) : new ConstantEvaluator(Datum.Int(1)), Optional(index.Upper)))]);
    }

    private CellBinding[] Bindings(IReadOnlyList<OuterBinding> bindings)
    {
        foreach (OuterBinding binding in bindings)
        {
            cells = Math.Max(cells, binding.Cell + 1);
        }

        return [.. bindings.Select(binding => new CellBinding(binding.Cell, Expression(binding.Value)))];
    }

    private Evaluator SubPlan(SubPlanExpression subPlan)
    {
        CellBinding[] bindings = Bindings(subPlan.Bindings);
        CompiledNode plan = Inner(subPlan.Plan, subPlan.Bindings);
        switch (subPlan.Kind)
        {
            case SubqueryKind.Scalar:
            case SubqueryKind.Row:
                return new ScalarSubPlan(plan, bindings, NextState(), subPlan.Kind == SubqueryKind.Row);
            case SubqueryKind.Exists:
                return new ExistsSubPlan(plan, bindings, NextState());
            case SubqueryKind.Array:
                return new ArraySubPlan(plan, bindings, NextState(), subPlan.Type);
            default:
                bool isAll = subPlan.Kind == SubqueryKind.All;
                bool byEquality = subPlan.Comparison == (isAll ? ComparisonOperator.NotEqual : ComparisonOperator.Equal) && SameKinds(subPlan);
                var comparison = new QuantifiedSubPlan.Comparison(
                    Expressions(subPlan.Left), [.. subPlan.Columns.Select(Local)], Expression(subPlan.Condition!), isAll, byEquality);
                return new QuantifiedSubPlan(plan, bindings, NextState(), comparison);
        }
    }

    private static bool SameKinds(SubPlanExpression subPlan)
    {
        for (int i = 0; i < subPlan.Left.Count; i++)
        {
            DatumKind kind = subPlan.Left[i].Type.Kind;
            if (kind != subPlan.Plan.Columns[i].Type.Kind || kind == DatumKind.Record)
            {
                return false;
            }
        }

        return true;
    }
}
