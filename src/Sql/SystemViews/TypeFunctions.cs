using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.SystemViews;

/// <summary>
/// Input, output, receive and send functions of types (array_recv, int4in, ...). Drivers look them up in pg_proc by name and
/// number; they take internal types that SQL has no values of, so a call is refused.
/// </summary>
internal static class TypeFunctions
{
    public static void Register()
    {
        foreach ((uint oid, string name, uint result, uint[] arguments) in TypeRows.TypeFunctions)
        {
            FunctionRegistration.Add(new FunctionDef
            {
                Name = name,
                Oid = oid,
                Parameters = [.. arguments.Select(argument => SqlType.ByOid(argument) ?? SqlType.Any)],
                Result = SqlType.ByOid(result) ?? SqlType.Any,
                Volatility = Volatility.Immutable,
                Body = (_, _) => throw new DbException(SqlStates.FeatureNotSupported, $"function {name} cannot be called from SQL"),
            });
        }
    }
}
