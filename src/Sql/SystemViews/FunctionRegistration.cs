using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.SystemViews;

/// <summary>Puts pg_catalog's functions into the function table. A signature that is there already stays as it is.</summary>
internal static class FunctionRegistration
{
    private static readonly List<FunctionDef> Collected = [];

    public static void Add(string name, SqlType result, SqlType[] parameters, ScalarBody body, Volatility volatility = Volatility.Stable, bool strict = true) =>
        Add(new FunctionDef { Name = name, Parameters = parameters, Result = result, Body = body, Volatility = volatility, IsStrict = strict });

    /// <summary>The same body for several parameter lists; the body sees as many arguments as were given.</summary>
    public static void AddOverloads(string name, SqlType result, SqlType[][] overloads, ScalarBody body, Volatility volatility = Volatility.Stable)
    {
        foreach (SqlType[] parameters in overloads)
        {
            Add(name, result, parameters, body, volatility);
        }
    }

    public static void AddSet(string name, SqlType[] parameters, (string Name, SqlType Type)[] columns, SetBody body) =>
        Add(new FunctionDef
        {
            Name = name,
            Kind = FunctionKind.Set,
            Parameters = parameters,
            Result = columns.Length == 1 ? columns[0].Type : SqlType.Record,
            Columns = columns.Length == 1 ? null : columns,
            Set = body,
            Volatility = Volatility.Stable,
        });

    public static void Add(FunctionDef function) => Collected.Add(function);

    /// <summary>Puts what was collected into the function table.</summary>
    public static void Finish()
    {
        HashSet<string> present = [.. FunctionTable.BuiltIn.All.Where(function => !function.IsOperator).Select(Signature)];
        FunctionTable.BuiltIn.AddAll(Collected.Where(function => present.Add(Signature(function))).ToArray());
        Collected.Clear();
    }

    private static string Signature(FunctionDef function) =>
        FunctionTable.Signature(function.Name, function.Variadic is null ? function.Parameters : [.. function.Parameters, function.Variadic, SqlType.Void]);

    /// <summary>What the session lets catalog functions look at.</summary>
    public static ISystemAccess System(this EvaluationContext context) => context.Feature<ISystemAccess>();

    public static Datum TextOrNull(string? text) => text is null ? Datum.Null : Datum.Text(text);

    /// <summary>The n-th argument as an oid.</summary>
    public static uint Oid(this ReadOnlySpan<Datum> arguments, int index) => (uint)arguments[index].AsInt;
}
