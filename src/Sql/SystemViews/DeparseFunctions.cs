using Picodata.Core;
using Picodata.Sql.Functions;
using static Picodata.Sql.SystemViews.FunctionRegistration;

namespace Picodata.Sql.SystemViews;

/// <summary>The pg_get_* family: definitions as text.</summary>
internal static class DeparseFunctions
{
    private static readonly SqlType O = SqlType.Oid_;
    private static readonly SqlType T = SqlType.Text;
    private static readonly SqlType B = SqlType.Bool;
    private static readonly SqlType I = SqlType.Int8;

    public static void Register()
    {
        Add("format_type", T, [O, I], (arguments, _) => arguments[0].IsNull
            ? Datum.Null
            : Datum.Text(TypeModifier.Format(arguments.Oid(0), arguments[1].IsNull ? null : (int)arguments[1].AsInt)), Volatility.Stable, strict: false);
        AddOverloads("pg_get_expr", T, [[SqlType.PgNodeTree, O], [SqlType.PgNodeTree, O, B], [T, O], [T, O, B]], (arguments, _) => Datum.Text(arguments[0].AsText));
        AddOverloads("pg_get_constraintdef", T, [[O], [O, B]], (arguments, context) => TextOrNull(Constraint(context.System().Catalog, arguments.Oid(0))));
        AddOverloads("pg_get_indexdef", T, [[O], [O, I, B]], (arguments, context) =>
            TextOrNull(Index(context.System().Catalog, arguments.Oid(0), arguments.Length > 1 ? (int)arguments[1].AsInt : 0)));
        AddOverloads("pg_get_viewdef", T, [[O], [O, B], [O, I]], (arguments, context) => TextOrNull(View(context.System().Catalog.FindRelation(arguments.Oid(0)))));
        AddOverloads("pg_get_viewdef", T, [[T], [T, B]], (arguments, context) =>
        {
            CatalogSnapshot catalog = context.System().Catalog;
            return TextOrNull(new CatalogNames(catalog).FindRelation(arguments[0].AsText) is uint oid ? View(catalog.FindRelation(oid)) : null);
        });
        Routines();
        AddOverloads("pg_get_ruledef", T, [[O], [O, B]], (_, _) => Datum.Null);
        AddOverloads("pg_get_triggerdef", T, [[O], [O, B]], (_, _) => Datum.Null);
        Add("pg_get_partkeydef", T, [O], (_, _) => Datum.Null);
        Add("pg_get_statisticsobjdef", T, [O], (_, _) => Datum.Null);
        Add("pg_get_statisticsobjdef_columns", T, [O], (_, _) => Datum.Null);
        Add("pg_get_function_sqlbody", T, [O], (_, _) => Datum.Null);
    }

    private static void Routines()
    {
        Add("pg_get_functiondef", T, [O], (arguments, context) =>
            TextOrNull(FindRoutine(context, arguments.Oid(0)) is RoutineDef routine ? Deparser.Routine(routine) : null));
        foreach (string name in (string[])["pg_get_function_arguments", "pg_get_function_identity_arguments"])
        {
            Add(name, T, [O], (arguments, context) =>
            {
                uint oid = arguments.Oid(0);
                if (FindRoutine(context, oid) is RoutineDef routine)
                {
                    return Datum.Text(Deparser.Arguments(routine));
                }

                return TextOrNull(FindFunction(oid) is FunctionDef function ? Arguments(function) : null);
            });
        }

        Add("pg_get_function_result", T, [O], (arguments, _) => TextOrNull(FindFunction(arguments.Oid(0)) is FunctionDef function
            ? (function.Kind == FunctionKind.Set ? "SETOF " : "") + function.Result.DisplayName
            : null));
    }

    private static string Arguments(FunctionDef function)
    {
        IEnumerable<string> fixedOnes = function.Parameters.Select(type => type.DisplayName);
        return string.Join(", ", function.Variadic is null ? fixedOnes : fixedOnes.Append($"VARIADIC {function.Variadic.DisplayName}[]"));
    }

    private static RoutineDef? FindRoutine(EvaluationContext context, uint oid) => context.System().Catalog.Routines.FirstOrDefault(routine => routine.Oid == oid);

    private static FunctionDef? FindFunction(uint oid) => FunctionTable.BuiltIn.All.FirstOrDefault(function => function.Oid == oid && !function.IsOperator);

    private static string? View(Relation? relation) => relation is ViewDef view ? " " + view.Text.Trim().TrimEnd(';') + ";" : null;

    private static string? Index(CatalogSnapshot catalog, uint oid, int part)
    {
        if (catalog.FindIndex(oid) is not (TableDef table, TableIndex index))
        {
            return null;
        }

        return part == 0 ? Deparser.Index(table, index) : part <= index.Parts.Count ? Deparser.Part(table, index, part - 1) : "";
    }

    private static string? Constraint(CatalogSnapshot catalog, uint oid)
    {
        foreach (TableDef table in catalog.Relations.OfType<TableDef>())
        {
            foreach (TableIndex index in table.Indexes)
            {
                if (CatalogOids.IndexConstraint(index.Oid) == oid)
                {
                    return Deparser.Constraint(table, index);
                }
            }

            for (int i = 0; i < table.Checks.Count; i++)
            {
                if (CatalogOids.CheckConstraint(table.Oid, i) == oid)
                {
                    return Deparser.Check(table.Checks[i]);
                }
            }
        }

        return null;
    }
}
