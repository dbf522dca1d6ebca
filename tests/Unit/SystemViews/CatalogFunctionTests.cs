using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.SystemViews;
using Picodata.Sql.Types;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.SystemViews;

public sealed class CatalogFunctionTests
{
    private readonly EvaluationContext _context = new(new TypeContext());

    public CatalogFunctionTests()
    {
        SystemCatalog.RegisterFunctions();
        _context.SetFeature<ISystemAccess>(new Access());
    }

    [Fact]
    public void Functions_that_clients_look_up_have_postgres_numbers()
    {
        Dictionary<string, uint[]> functions = FunctionTable.BuiltIn.All.GroupBy(function => function.Name).ToDictionary(group => group.Key, group => group.Select(function => function.Oid).ToArray());
        Assert.Equal([2400u], functions["array_recv"]);
        Assert.Equal([750u], functions["array_in"]);
        Assert.Equal([2414u], functions["textrecv"]);
        Assert.Equal(FunctionTable.BuiltIn.All.Count, FunctionTable.BuiltIn.All.Select(function => function.Oid).Distinct().Count());
    }

    [Fact]
    public void Every_function_that_clients_call_exists()
    {
        string[] names =
        [
            "format_type", "pg_table_is_visible", "pg_get_userbyid", "pg_get_expr", "pg_get_constraintdef", "pg_get_indexdef", "obj_description",
            "col_description", "shobj_description", "current_schema", "current_schemas", "current_database", "version", "pg_encoding_to_char",
            "array_to_string", "pg_get_viewdef", "pg_get_function_result", "pg_get_function_arguments", "pg_get_functiondef", "pg_function_is_visible",
            "pg_type_is_visible", "pg_table_size", "pg_relation_size", "pg_total_relation_size", "pg_database_size", "pg_size_pretty",
            "generate_series", "unnest", "array_position", "array_upper", "array_agg", "string_agg", "row_number", "quote_ident", "quote_literal",
            "to_regclass", "to_regtype", "pg_get_keywords", "pg_get_serial_sequence", "pg_get_partkeydef", "pg_partition_ancestors",
            "pg_relation_is_publishable", "pg_get_statisticsobjdef_columns", "pg_column_is_updatable", "has_table_privilege", "has_schema_privilege",
            "has_database_privilege", "pg_tablespace_location", "pg_char_to_encoding", "getdatabaseencoding", "pg_get_ruledef", "pg_get_triggerdef",
            "pg_get_function_sqlbody", "pg_backend_pid", "pg_cancel_backend", "pg_terminate_backend", "pg_is_in_recovery", "pg_advisory_lock",
            "pg_try_advisory_lock", "pg_advisory_unlock", "pg_advisory_unlock_all", "pg_notify", "pg_sleep", "set_config", "current_setting",
            "txid_current", "pg_current_xact_id", "inet_server_addr", "pg_postmaster_start_time", "nextval", "currval", "setval", "lastval",
            "_pg_expandarray",
        ];
        Assert.All(names, name => Assert.True(FunctionTable.BuiltIn.Exists(name), name));
    }

    [Fact]
    public void Calls_resolve_for_the_types_that_clients_use()
    {
        Assert.Equal("character varying(20)", Call("format_type", (SqlType.Oid_, Datum.Int(1043)), (SqlType.Int4, Datum.Int(24))).AsText);
        Assert.Equal("integer", Call("format_type", (SqlType.Oid_, Datum.Int(23)), (SqlType.Unknown, Datum.Null)).AsText);
        Assert.True(Call("pg_table_is_visible", (SqlType.Oid_, Datum.Int(1259))).AsBool);
        Assert.Equal("admin", Call("pg_get_userbyid", (SqlType.Oid_, Datum.Int(10))).AsText);
        Assert.Equal(1259, Call("to_regclass", (SqlType.Unknown, Datum.Text("pg_class"))).AsInt);
        Assert.True(Call("to_regclass", (SqlType.Unknown, Datum.Text("nothing"))).IsNull);
        Assert.Equal("UTF8", Call("pg_encoding_to_char", (SqlType.Int4, Datum.Int(6))).AsText);
        Assert.Equal(2, Call("current_schemas", (SqlType.Bool, Datum.True)).AsArray.Elements.Length);
        Assert.True(Call("has_table_privilege", (SqlType.Unknown, Datum.Text("pg_class")), (SqlType.Unknown, Datum.Text("SELECT"))).AsBool);
        Assert.Equal("10 kB", Call("pg_size_pretty", (SqlType.Int8, Datum.Int(10240))).AsText);
    }

    private Datum Call(string name, params (SqlType Type, Datum Value)[] arguments)
    {
        ResolvedFunction function = FunctionTable.BuiltIn.Resolve(name, arguments.Select(argument => argument.Type).ToArray());
        Datum[] values = arguments.Select((argument, i) => CastTable.Find(argument.Type, function.ArgumentTypes[i], CastContext.Implicit) is { } cast
            ? cast.Convert(argument.Value, _context)
            : argument.Value).ToArray();
        return function.Invoke(values, _context);
    }

    private sealed class Access : ISystemAccess
    {
        public CatalogSnapshot Catalog { get; } = new(1, SystemCatalog.Relations);

        public Transaction? Transaction => null;

        public string User => "admin";

        public string Database => "postgres";

        public IReadOnlyCollection<RoleEntry> Roles { get; } = [new RoleEntry(1, "admin", true, true, true, [])];

        public IReadOnlyCollection<SettingEntry> Settings => [];

        public IReadOnlyCollection<SessionEntry> Sessions => [];

        public IReadOnlyCollection<PreparedEntry> PreparedStatements => [];

        public AdvisoryLocks AdvisoryLocks { get; } = new();

        public bool CancelSession(int processId) => false;

        public bool TerminateSession(int processId) => false;
    }
}
