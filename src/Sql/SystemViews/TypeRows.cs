using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.SystemViews;

/// <summary>pg_type, pg_proc, pg_collation, pg_am, pg_language, pg_opclass, pg_opfamily.</summary>
internal static class TypeRows
{
    private static readonly Dictionary<uint, string[]> BuiltIn = PgTypeShapes.Types
        .Split('\n').Select(line => line.Split(' ')).ToDictionary(fields => uint.Parse(fields[0]));

    private static readonly (uint Oid, string Name, uint Result, uint[] Arguments)[] TypeFunctionList = PgTypeShapes.Functions
        .Split('\n').Select(line => line.Split(' '))
        .Select(fields => (uint.Parse(fields[0]), fields[1], uint.Parse(fields[2]), fields[3..].Select(uint.Parse).ToArray())).ToArray();

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_type"] = Types;
        rows["pg_proc"] = Functions;
        rows["pg_collation"] = Collations;
        rows["pg_am"] = AccessMethods;
        rows["pg_language"] = Languages;
        rows["pg_opclass"] = OperatorClasses;
        rows["pg_opfamily"] = OperatorFamilies;
    }

    /// <summary>Input, output, receive and send functions of the types: oid, name, result, arguments.</summary>
    public static IReadOnlyList<(uint Oid, string Name, uint Result, uint[] Arguments)> TypeFunctions => TypeFunctionList;

    /// <summary>attbyval, attalign and attstorage of columns of a type.</summary>
    public static (bool ByValue, string Align, string Storage) Physical(SqlType type) =>
        BuiltIn.TryGetValue(type.Oid, out string[]? fields) ? (fields[3] == "t", fields[16], fields[17]) : (false, "i", "x");

    private static IEnumerable<Datum[]> Types(SystemScan scan)
    {
        foreach (string[] fields in BuiltIn.Values)
        {
            yield return BuiltInType(scan, fields);
        }

        foreach (Relation relation in scan.Tables().Concat<Relation>(scan.Views()))
        {
            yield return RowType(scan, relation);
        }
    }

    private static Datum[] BuiltInType(SystemScan scan, string[] fields)
    {
        string[] numbers = ["typelem", "typarray", "typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typsubscript"];
        RowBuilder row = scan.Row()
            .Set("oid", long.Parse(fields[0]))
            .Set("typname", fields[1])
            .Set("typnamespace", CatalogOids.PgCatalog)
            .Set("typowner", CatalogOids.Role(1))
            .Set("typlen", long.Parse(fields[2]))
            .Set("typbyval", fields[3] == "t")
            .Set("typtype", fields[4])
            .Set("typcategory", fields[5])
            .Set("typispreferred", fields[6] == "t")
            .Set("typisdefined", true)
            .Set("typdelim", ",")
            .Set("typalign", fields[16])
            .Set("typstorage", fields[17])
            .Set("typcollation", long.Parse(fields[18]))
            .Set("typtypmod", -1);
        for (int i = 0; i < numbers.Length; i++)
        {
            row.Set(numbers[i], long.Parse(fields[7 + i]));
        }

        return row.Done();
    }

    private static Datum[] RowType(SystemScan scan, Relation relation) => scan.Row()
        .Set("oid", CatalogOids.RowType(relation.Oid))
        .Set("typname", relation.Name)
        .Set("typnamespace", SystemScan.NamespaceOf(relation))
        .Set("typowner", CatalogOids.Role(relation.Owner))
        .Set("typlen", -1)
        .Set("typtype", "c")
        .Set("typcategory", "C")
        .Set("typisdefined", true)
        .Set("typdelim", ",")
        .Set("typrelid", relation.Oid)
        .Set("typinput", 2290)
        .Set("typoutput", 2291)
        .Set("typreceive", 2402)
        .Set("typsend", 2403)
        .Set("typalign", "d")
        .Set("typstorage", "x")
        .Set("typtypmod", -1)
        .Done();

    private static IEnumerable<Datum[]> Functions(SystemScan scan)
    {
        foreach (FunctionDef function in FunctionTable.BuiltIn.All.Where(function => !function.IsOperator))
        {
            yield return Function(scan, function);
        }

        foreach (RoutineDef routine in scan.Catalog.Routines)
        {
            yield return Routine(scan, routine);
        }
    }

    private static Datum[] Function(SystemScan scan, FunctionDef function)
    {
        IEnumerable<SqlType> parameters = function.Variadic is null ? function.Parameters : function.Parameters.Append(function.Variadic);
        return scan.Row()
            .Set("oid", function.Oid)
            .Set("proname", function.Name)
            .Set("pronamespace", CatalogOids.PgCatalog)
            .Set("proowner", CatalogOids.Role(1))
            .Set("prolang", 12)
            .Set("procost", 1.0)
            .Set("prorows", function.Kind == FunctionKind.Set ? 1000.0 : 0.0)
            .Set("provariadic", function.Variadic?.Oid ?? 0)
            .Set("prokind", function.Kind switch { FunctionKind.Aggregate => "a", FunctionKind.Window => "w", _ => "f" })
            .Set("proisstrict", function.IsStrict)
            .Set("proretset", function.Kind == FunctionKind.Set)
            .Set("provolatile", function.Volatility switch { Volatility.Immutable => "i", Volatility.Stable => "s", _ => "v" })
            .Set("proparallel", "s")
            .Set("pronargs", parameters.Count())
            .Set("prorettype", function.Result.Oid)
            .SetArray("proargtypes", parameters.Select(type => (long)type.Oid))
            .Set("prosrc", function.Name)
            .Done();
    }

    private static Datum[] Routine(SystemScan scan, RoutineDef routine) => scan.Row()
        .Set("oid", routine.Oid)
        .Set("proname", routine.Name)
        .Set("pronamespace", CatalogOids.Public)
        .Set("proowner", CatalogOids.Role(routine.Owner))
        .Set("prolang", 14)
        .Set("procost", 100.0)
        .Set("prokind", "p")
        .Set("provolatile", "v")
        .Set("proparallel", "u")
        .Set("pronargs", routine.Parameters.Count)
        .Set("prorettype", SqlType.Void.Oid)
        .SetArray("proargtypes", routine.Parameters.Select(type => (long)type.Oid))
        .Set("prosrc", routine.Body)
        .Done();

    private static IEnumerable<Datum[]> Collations(SystemScan scan)
    {
        foreach ((uint oid, string name) in new[] { (100u, "default"), (950u, "C"), (951u, "POSIX") })
        {
            yield return scan.Row()
                .Set("oid", oid)
                .Set("collname", name)
                .Set("collnamespace", CatalogOids.PgCatalog)
                .Set("collowner", CatalogOids.Role(1))
                .Set("collprovider", oid == 100 ? "d" : "c")
                .Set("collisdeterministic", true)
                .Set("collencoding", -1)
                .Set("collcollate", oid == 100 ? null : name)
                .Set("collctype", oid == 100 ? null : name)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> AccessMethods(SystemScan scan)
    {
        yield return scan.Row().Set("oid", 2).Set("amname", "heap").Set("amhandler", 3).Set("amtype", "t").Done();
        yield return scan.Row().Set("oid", 403).Set("amname", "btree").Set("amhandler", 330).Set("amtype", "i").Done();
    }

    private static IEnumerable<Datum[]> Languages(SystemScan scan)
    {
        foreach ((int oid, string name) in new[] { (12, "internal"), (14, "sql") })
        {
            yield return scan.Row().Set("oid", oid).Set("lanname", name).Set("lanowner", CatalogOids.Role(1)).Set("lanpltrusted", oid == 14).Done();
        }
    }

    private static IEnumerable<Datum[]> OperatorClasses(SystemScan scan)
    {
        foreach ((int oid, string name, int family, uint type) in new[] { (3124, "int8_ops", 1976, SqlType.Int8.Oid), (3126, "text_ops", 1994, SqlType.Text.Oid) })
        {
            yield return scan.Row()
                .Set("oid", oid)
                .Set("opcmethod", 403)
                .Set("opcname", name)
                .Set("opcnamespace", CatalogOids.PgCatalog)
                .Set("opcowner", CatalogOids.Role(1))
                .Set("opcfamily", family)
                .Set("opcintype", type)
                .Set("opcdefault", true)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> OperatorFamilies(SystemScan scan)
    {
        foreach ((int oid, string name) in new[] { (1976, "integer_ops"), (1994, "text_ops") })
        {
            yield return scan.Row().Set("oid", oid).Set("opfmethod", 403).Set("opfname", name)
                .Set("opfnamespace", CatalogOids.PgCatalog).Set("opfowner", CatalogOids.Role(1)).Done();
        }
    }
}
