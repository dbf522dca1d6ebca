using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Types;
using static Picodata.Sql.SystemViews.FunctionRegistration;

namespace Picodata.Sql.SystemViews;

/// <summary>Names, visibility, comments, lookups of catalog objects; schemas; sizes.</summary>
internal static class CatalogFunctions
{
    private static readonly SqlType O = SqlType.Oid_;
    private static readonly SqlType T = SqlType.Text;
    private static readonly SqlType N = SqlType.NameType;
    private static readonly SqlType I = SqlType.Int8;

    public static void Register()
    {
        Visibility();
        Comments();
        Lookups();
        Encodings();
        Sizes();
        Partitions();
    }

    private static void Visibility()
    {
        Add("pg_table_is_visible", SqlType.Bool, [O], (arguments, context) =>
        {
            uint oid = arguments.Oid(0);
            CatalogSnapshot catalog = context.System().Catalog;
            return catalog.FindRelation(oid) is Relation relation
                ? Datum.Bool(relation.Schema != "information_schema")
                : Datum.Bool(catalog.FindIndex(oid) is not null);
        });
        string[] others =
        [
            "pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible", "pg_opclass_is_visible", "pg_opfamily_is_visible",
            "pg_collation_is_visible", "pg_conversion_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible",
            "pg_ts_dict_is_visible", "pg_ts_parser_is_visible", "pg_ts_template_is_visible",
        ];
        foreach (string name in others)
        {
            // all schemas that hold such objects are in every search path
            Add(name, SqlType.Bool, [O], (_, _) => Datum.True);
        }
    }

    private static void Comments()
    {
        AddOverloads("obj_description", T, [[O, N], [O]], (arguments, context) =>
        {
            uint catalog = arguments.Length > 1
                ? context.System().Catalog.FindRelation("pg_catalog", arguments[1].AsText)?.Oid ?? 0
                : 1259;
            return TextOrNull(context.System().Comment(catalog, arguments.Oid(0), 0));
        });
        Add("col_description", T, [O, I], (arguments, context) =>
            TextOrNull(context.System().Comment(1259, arguments.Oid(0), (int)arguments[1].AsInt)));
        Add("shobj_description", T, [O, N], (arguments, context) =>
            TextOrNull(context.System().Comment(context.System().Catalog.FindRelation("pg_catalog", arguments[1].AsText)?.Oid ?? 0, arguments.Oid(0), 0)));
    }

    private static void Lookups()
    {
        Add("pg_get_userbyid", N, [O], (arguments, context) =>
        {
            uint oid = arguments.Oid(0);
            RoleEntry? role = context.System().Roles.FirstOrDefault(role => CatalogOids.Role(role.Id) == oid);
            return Datum.Text(role?.Name ?? $"unknown (OID={oid})");
        });
        Add("to_regclass", SqlType.RegClass, [T], (arguments, context) => Found(new CatalogNames(context.System().Catalog).FindRelation(arguments[0].AsText)));
        Add("to_regnamespace", SqlType.RegNamespace, [T], (arguments, context) => Found(new CatalogNames(context.System().Catalog).FindNamespace(arguments[0].AsText)));
        Add("to_regtype", SqlType.RegType, [T], (arguments, _) => Found(Types.TypeNames.Find(arguments[0].AsText)?.Oid));
        Add("to_regproc", SqlType.RegProc, [T], (arguments, _) => Found(Types.TypeNames.FindFunction(arguments[0].AsText)));
        Add("current_schema", N, [], (_, _) => Datum.Text("public"));
        Add("current_schemas", SqlType.ArrayOf(N), [SqlType.Bool], (arguments, _) => Datum.Array(arguments[0].AsBool
            ? DatumArray.Of(N, Datum.Text("pg_catalog"), Datum.Text("public"))
            : DatumArray.Of(N, Datum.Text("public"))));
        Add("pg_get_serial_sequence", T, [T, T], SerialSequence);
        Add("pg_my_temp_schema", O, [], (_, _) => Datum.Int(0));
        Add("pg_is_other_temp_schema", SqlType.Bool, [O], (_, _) => Datum.False);
        Add("pg_tablespace_location", T, [O], (_, _) => Datum.Text(""));
    }

    private static Datum SerialSequence(ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        CatalogSnapshot catalog = context.System().Catalog;
        uint oid = new CatalogNames(catalog).FindRelation(arguments[0].AsText)
            ?? throw new DbException(SqlStates.UndefinedTable, $"relation \"{arguments[0].AsText}\" does not exist");
        string column = arguments[1].AsText;
        Relation? table = catalog.FindRelation(oid);
        int number = (table?.FindColumn(column) ?? -1) + 1;
        if (number == 0)
        {
            throw new DbException(SqlStates.UndefinedColumn, $"column \"{column}\" of relation \"{arguments[0].AsText}\" does not exist");
        }

        SequenceDef? sequence = catalog.Relations.OfType<SequenceDef>().FirstOrDefault(candidate => candidate.OwnerTableOid == oid && candidate.OwnerColumnNumber == number);
        return TextOrNull(sequence is null ? null : Deparser.Qualified(sequence.Schema, sequence.Name));
    }

    private static void Encodings()
    {
        Add("pg_encoding_to_char", N, [I], (arguments, _) => Datum.Text(arguments[0].AsInt switch { 0 => "SQL_ASCII", 6 => "UTF8", _ => "" }), Volatility.Stable);
        Add("pg_char_to_encoding", SqlType.Int4, [N], (arguments, _) =>
            Datum.Int(arguments[0].AsText.Replace("-", "").Replace("_", "").ToUpperInvariant() switch { "UTF8" or "UNICODE" => 6, "SQLASCII" => 0, _ => -1 }));
        Add("getdatabaseencoding", N, [], (_, _) => Datum.Text("UTF8"));
        Add("pg_client_encoding", N, [], (_, _) => Datum.Text("UTF8"));
        AddSet("pg_get_keywords", [],
            [("word", T), ("catcode", SqlType.InternalChar), ("barelabel", SqlType.Bool), ("catdesc", T), ("baredesc", T)],
            (_, _) => KeywordRows());
    }

    private static IEnumerable<Datum[]> KeywordRows()
    {
        foreach ((string word, char category) in KeywordList.All())
        {
            string description = category switch
            {
                'R' => "reserved",
                'T' => "reserved (can be function or type name)",
                'C' => "unreserved (cannot be function or type name)",
                _ => "unreserved",
            };
            yield return [Datum.Text(word), Datum.Text(category.ToString()), Datum.True, Datum.Text(description), Datum.Text("can be bare label")];
        }
    }

    private static void Sizes()
    {
        SqlType c = SqlType.RegClass;
        foreach (string name in (string[])["pg_table_size", "pg_total_relation_size"])
        {
            AddOverloads(name, I, [[c], [O]], (arguments, context) => RelationSize.Of(context.System(), arguments.Oid(0)));
        }

        AddOverloads("pg_relation_size", I, [[c], [O], [c, T]], (arguments, context) => RelationSize.Of(context.System(), arguments.Oid(0)));
        AddOverloads("pg_indexes_size", I, [[c], [O]], (arguments, context) => RelationSize.OfIndexes(context.System(), arguments.Oid(0)));
        AddOverloads("pg_database_size", I, [[N], [O]], (_, context) => RelationSize.OfAll(context.System()));
        AddOverloads("pg_tablespace_size", I, [[N], [O]], (_, context) => RelationSize.OfAll(context.System()));
        AddOverloads("pg_size_pretty", T, [[I], [SqlType.Numeric]], (arguments, _) => Datum.Text(RelationSize.Pretty(arguments[0])), Volatility.Immutable);
    }

    private static void Partitions()
    {
        AddSet("pg_partition_ancestors", [SqlType.RegClass], [("relid", SqlType.RegClass)], (_, _) => []);
        Add("pg_partition_root", SqlType.RegClass, [SqlType.RegClass], (_, _) => Datum.Null);
        Add("pg_relation_is_publishable", SqlType.Bool, [SqlType.RegClass], (arguments, context) =>
            Datum.Bool(context.System().Catalog.FindRelation(arguments.Oid(0)) is TableDef { IsSystem: false }));
        Add("pg_column_is_updatable", SqlType.Bool, [SqlType.RegClass, I, SqlType.Bool], (arguments, context) =>
            Datum.Bool(context.System().Catalog.FindRelation(arguments.Oid(0)) is TableDef));
        Add("pg_relation_is_updatable", SqlType.Int4, [SqlType.RegClass, SqlType.Bool], (arguments, context) =>
            Datum.Int(context.System().Catalog.FindRelation(arguments.Oid(0)) is TableDef ? 28 : 0));
        AddSet("_pg_expandarray", [SqlType.AnyArray], [("x", SqlType.Int4), ("n", SqlType.Int4)], (arguments, _) => Expand(arguments[0]));
    }

    private static IEnumerable<Datum[]> Expand(Datum array)
    {
        if (array.IsNull)
        {
            yield break;
        }

        for (int i = 0; i < array.AsArray.Elements.Length; i++)
        {
            yield return [array.AsArray.Elements[i], Datum.Int(i + 1)];
        }
    }

    private static Datum Found(uint? oid) => oid is uint found ? Datum.Int(found) : Datum.Null;
}
