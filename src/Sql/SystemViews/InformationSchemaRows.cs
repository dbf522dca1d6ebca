using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>information_schema: tables, columns, views, schemata, sequences, routines, roles and privileges.</summary>
internal static class InformationSchemaRows
{
    private static readonly string[] TablePrivileges = ["INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["information_schema.tables"] = Tables;
        rows["information_schema.columns"] = Columns;
        rows["information_schema.views"] = Views;
        rows["information_schema.schemata"] = Schemata;
        rows["information_schema.sequences"] = Sequences;
        rows["information_schema.routines"] = Routines;
        rows["information_schema.enabled_roles"] = EnabledRoles;
        rows["information_schema.applicable_roles"] = ApplicableRoles;
        rows["information_schema.information_schema_catalog_name"] = scan => [scan.Row().Set("catalog_name", scan.Database).Done()];
        rows["information_schema.table_privileges"] = Privileges;
        rows["information_schema.role_table_grants"] = Privileges;
        rows["information_schema.character_sets"] = CharacterSets;
    }

    /// <summary>Tables and views, those of the catalogs included; not sequences.</summary>
    public static IEnumerable<Relation> TablesAndViews(SystemScan scan) =>
        scan.Catalog.Relations.Where(relation => relation is not SequenceDef).OrderBy(relation => relation.Oid);

    private static bool IsView(Relation relation) => relation.Kind == RelationKind.View;

    private static bool IsWritable(Relation relation) => relation is TableDef;

    private static IEnumerable<Datum[]> Tables(SystemScan scan)
    {
        foreach (Relation relation in TablesAndViews(scan))
        {
            yield return scan.Row()
                .Set("table_catalog", scan.Database)
                .Set("table_schema", SystemScan.SchemaOf(relation))
                .Set("table_name", relation.Name)
                .Set("table_type", IsView(relation) ? "VIEW" : "BASE TABLE")
                .Yes("is_insertable_into", IsWritable(relation))
                .Yes("is_typed", false)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Columns(SystemScan scan)
    {
        foreach (Relation relation in TablesAndViews(scan))
        {
            foreach (ColumnDef column in SystemScan.ColumnsOf(relation))
            {
                yield return Column(scan, relation, column);
            }
        }
    }

    private static Datum[] Column(SystemScan scan, Relation relation, ColumnDef column)
    {
        int number = SystemScan.NumberOf(relation, column);
        RowBuilder row = scan.Row()
            .Set("table_catalog", scan.Database)
            .Set("table_schema", SystemScan.SchemaOf(relation))
            .Set("table_name", relation.Name)
            .Set("column_name", column.Name)
            .Set("ordinal_position", number)
            .Set("column_default", relation is TableDef ? SystemScan.DefaultOf(column) : null)
            .Yes("is_nullable", column.IsNullable)
            .Set("data_type", DataType(column.Type))
            .Set("udt_catalog", scan.Database)
            .Set("udt_schema", "pg_catalog")
            .Set("udt_name", column.Type.Name)
            .Set("dtd_identifier", number.ToString())
            .Yes("is_self_referencing", false)
            .Yes("is_identity", column.Identity != IdentityKind.None)
            .Yes("identity_cycle", false)
            .Set("is_generated", "NEVER")
            .Yes("is_updatable", IsWritable(relation));
        SetSizes(row, column);
        if (column.Identity != IdentityKind.None)
        {
            SetIdentity(scan, row, relation, column, number);
        }

        return row.Done();
    }

    private static void SetSizes(RowBuilder row, ColumnDef column)
    {
        if (TypeModifier.Length(column.Type, column.TypeModifier) is int length)
        {
            row.Set("character_maximum_length", length).Set("character_octet_length", 4L * length);
        }
        else if (column.Type.Name is "text" or "varchar" or "bpchar")
        {
            row.Set("character_octet_length", 1 << 30);
        }

        (int precision, int radix, int scale)? number = column.Type.Name switch
        {
            "int2" => (16, 2, 0),
            "int4" => (32, 2, 0),
            "int8" => (64, 2, 0),
            _ => null,
        };
        if (TypeModifier.Decimal(column.Type, column.TypeModifier) is (int digits, int behind))
        {
            number = (digits, 10, behind);
        }

        if (number is (int precision, int radix, int scale) known)
        {
            row.Set("numeric_precision", known.precision).Set("numeric_precision_radix", known.radix).Set("numeric_scale", known.scale);
        }
        else if (column.Type.Name is "float4" or "float8")
        {
            row.Set("numeric_precision", column.Type.Name == "float4" ? 24 : 53).Set("numeric_precision_radix", 2);
        }
        else if (column.Type.Name == "numeric")
        {
            row.Set("numeric_precision_radix", 10);
        }

        if (column.Type.Kind is DatumKind.Timestamp or DatumKind.Time or DatumKind.Interval or DatumKind.Date)
        {
            row.Set("datetime_precision", column.Type.Kind == DatumKind.Date ? 0 : column.TypeModifier < 0 ? 6 : column.TypeModifier);
        }
    }

    private static void SetIdentity(SystemScan scan, RowBuilder row, Relation relation, ColumnDef column, int number)
    {
        SequenceDef? sequence = scan.Sequences().FirstOrDefault(candidate => candidate.OwnerTableOid == relation.Oid && candidate.OwnerColumnNumber == number);
        row.Set("identity_generation", column.Identity == IdentityKind.Always ? "ALWAYS" : "BY DEFAULT")
            .Set("identity_start", sequence?.Start.ToString())
            .Set("identity_increment", sequence?.Increment.ToString())
            .Set("identity_maximum", sequence?.Maximum.ToString())
            .Set("identity_minimum", sequence?.Minimum.ToString())
            .Yes("identity_cycle", sequence?.IsCycle ?? false);
    }

    /// <summary>data_type: arrays are all ARRAY.</summary>
    public static string DataType(SqlType type) => type.IsArray && type.Name[0] == '_' ? "ARRAY" : type.DisplayName;

    private static IEnumerable<Datum[]> Views(SystemScan scan)
    {
        foreach (Relation relation in TablesAndViews(scan).Where(IsView))
        {
            yield return scan.Row()
                .Set("table_catalog", scan.Database)
                .Set("table_schema", relation.Schema)
                .Set("table_name", relation.Name)
                .Set("view_definition", relation is ViewDef view ? view.Text : null)
                .Set("check_option", "NONE")
                .Yes("is_updatable", false)
                .Yes("is_insertable_into", false)
                .Yes("is_trigger_updatable", false)
                .Yes("is_trigger_deletable", false)
                .Yes("is_trigger_insertable_into", false)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Schemata(SystemScan scan)
    {
        foreach (string schema in (string[])["information_schema", "pg_catalog", "public"])
        {
            yield return scan.Row()
                .Set("catalog_name", scan.Database)
                .Set("schema_name", schema)
                .Set("schema_owner", scan.RoleName(1))
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Sequences(SystemScan scan)
    {
        // as in PostgreSQL, sequences of identity columns are not listed
        foreach (SequenceDef sequence in scan.Sequences().Where(sequence => !BelongsToIdentity(scan, sequence)))
        {
            yield return scan.Row()
                .Set("sequence_catalog", scan.Database)
                .Set("sequence_schema", sequence.Schema)
                .Set("sequence_name", sequence.Name)
                .Set("data_type", "bigint")
                .Set("numeric_precision", 64)
                .Set("numeric_precision_radix", 2)
                .Set("numeric_scale", 0)
                .Set("start_value", sequence.Start.ToString())
                .Set("minimum_value", sequence.Minimum.ToString())
                .Set("maximum_value", sequence.Maximum.ToString())
                .Set("increment", sequence.Increment.ToString())
                .Yes("cycle_option", sequence.IsCycle)
                .Done();
        }
    }

    private static bool BelongsToIdentity(SystemScan scan, SequenceDef sequence) =>
        sequence.OwnerTableOid != 0
        && scan.Catalog.FindRelation(sequence.OwnerTableOid)?.Columns.ElementAtOrDefault(sequence.OwnerColumnNumber - 1) is { Identity: not IdentityKind.None };

    private static IEnumerable<Datum[]> Routines(SystemScan scan)
    {
        foreach (RoutineDef routine in scan.Catalog.Routines)
        {
            yield return scan.Row()
                .Set("specific_catalog", scan.Database)
                .Set("specific_schema", "public")
                .Set("specific_name", $"{routine.Name}_{routine.Oid}")
                .Set("routine_catalog", scan.Database)
                .Set("routine_schema", "public")
                .Set("routine_name", routine.Name)
                .Set("routine_type", "PROCEDURE")
                .Set("routine_body", "SQL")
                .Set("routine_definition", routine.Body)
                .Set("external_language", "SQL")
                .Set("parameter_style", "GENERAL")
                .Yes("is_deterministic", false)
                .Set("sql_data_access", "MODIFIES")
                .Yes("schema_level_routine", true)
                .Set("max_dynamic_result_sets", 0)
                .Set("security_type", "INVOKER")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> EnabledRoles(SystemScan scan)
    {
        RoleEntry? user = scan.Session.Roles.FirstOrDefault(role => role.Name == scan.Session.User);
        return scan.Session.Roles
            .Where(role => user is not null && (role.Id == user.Id || user.IsSuperuser || user.MemberOf.Contains(role.Id)))
            .Select(role => scan.Row().Set("role_name", role.Name).Done());
    }

    private static IEnumerable<Datum[]> ApplicableRoles(SystemScan scan)
    {
        RoleEntry? user = scan.Session.Roles.FirstOrDefault(role => role.Name == scan.Session.User);
        return (user?.MemberOf ?? [])
            .Select(group => scan.Row().Set("grantee", user!.Name).Set("role_name", scan.RoleName(group)).Yes("is_grantable", false).Done());
    }

    private static IEnumerable<Datum[]> Privileges(SystemScan scan)
    {
        foreach (Relation relation in TablesAndViews(scan).Where(relation => relation is TableDef or ViewDef))
        {
            string owner = scan.RoleName(relation.Owner);
            foreach (RoleEntry role in scan.Session.Roles)
            {
                foreach (string privilege in TablePrivileges)
                {
                    if (role.Name == owner || (!role.IsSuperuser && scan.Session.HasPrivilege(role.Name, relation.Oid, privilege)))
                    {
                        yield return scan.Row()
                            .Set("grantor", owner)
                            .Set("grantee", role.Name)
                            .Set("table_catalog", scan.Database)
                            .Set("table_schema", SystemScan.SchemaOf(relation))
                            .Set("table_name", relation.Name)
                            .Set("privilege_type", privilege)
                            .Yes("is_grantable", role.Name == owner)
                            .Yes("with_hierarchy", privilege == "SELECT")
                            .Done();
                    }
                }
            }
        }
    }

    private static IEnumerable<Datum[]> CharacterSets(SystemScan scan)
    {
        yield return scan.Row()
            .Set("character_set_name", "UTF8")
            .Set("character_repertoire", "UCS")
            .Set("form_of_use", "UTF8")
            .Set("default_collate_catalog", scan.Database)
            .Set("default_collate_schema", "pg_catalog")
            .Set("default_collate_name", "C")
            .Done();
    }
}
