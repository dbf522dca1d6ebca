using Picodata.Core;
using Picodata.Sql.Functions;
using static Picodata.Sql.SystemViews.FunctionRegistration;

namespace Picodata.Sql.SystemViews;

/// <summary>has_*_privilege and pg_has_role.</summary>
internal static class PrivilegeFunctions
{
    private static readonly SqlType O = SqlType.Oid_;
    private static readonly SqlType T = SqlType.Text;
    private static readonly SqlType N = SqlType.NameType;

    public static void Register()
    {
        AddOverloads("has_table_privilege", SqlType.Bool, [[T, T], [O, T], [N, T, T], [N, O, T], [O, T, T], [O, O, T]], Table);
        AddOverloads("has_any_column_privilege", SqlType.Bool, [[T, T], [O, T], [N, T, T], [N, O, T]], Table);
        AddOverloads("has_sequence_privilege", SqlType.Bool, [[T, T], [O, T], [N, T, T], [N, O, T]], Table);
        AddOverloads("has_column_privilege", SqlType.Bool, [[T, T, T], [O, T, T], [O, SqlType.Int8, T]], (arguments, context) =>
            Allowed(context, context.System().User, arguments[0], arguments[2].AsText));
        // every role may connect, and see the schemas, functions, types and languages; CREATE is the superuser's
        foreach (string name in (string[])["has_database_privilege", "has_schema_privilege", "has_function_privilege", "has_type_privilege", "has_language_privilege", "has_tablespace_privilege", "has_server_privilege", "has_foreign_data_wrapper_privilege"])
        {
            AddOverloads(name, SqlType.Bool, [[T, T], [O, T], [N, T, T], [N, O, T]], Open);
        }

        AddOverloads("pg_has_role", SqlType.Bool, [[N, T], [O, T], [N, N, T], [N, O, T], [O, O, T]], HasRole);
    }

    private static Datum Table(ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        bool named = arguments.Length == 3;
        string role = named ? RoleOf(arguments[0], context) : context.System().User;
        return Allowed(context, role, arguments[named ? 1 : 0], arguments[^1].AsText);
    }

    private static Datum Open(ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        string role = arguments.Length == 3 ? RoleOf(arguments[0], context) : context.System().User;
        bool creates = arguments[^1].AsText.Contains("CREATE", StringComparison.OrdinalIgnoreCase);
        return Datum.Bool(!creates || context.System().Roles.Any(entry => entry.Name == role && entry.IsSuperuser));
    }

    private static Datum Allowed(EvaluationContext context, string role, Datum relation, string privileges)
    {
        uint? oid = relation.Kind == DatumKind.Int
            ? (uint)relation.AsInt
            : new CatalogNames(context.System().Catalog).FindRelation(relation.AsText)
                ?? throw new DbException(SqlStates.UndefinedTable, $"relation \"{relation.AsText}\" does not exist");
        foreach (string privilege in privileges.Split(',', StringSplitOptions.TrimEntries))
        {
            string wanted = privilege.ToUpperInvariant().Replace(" WITH GRANT OPTION", "");
            if (wanted is not ("SELECT" or "INSERT" or "UPDATE" or "DELETE" or "TRUNCATE" or "REFERENCES" or "TRIGGER" or "USAGE"))
            {
                throw new DbException(SqlStates.InvalidParameterValue, $"unrecognized privilege type: \"{privilege}\"");
            }

            if (context.System().HasPrivilege(role, oid.Value, wanted))
            {
                return Datum.True;
            }
        }

        return Datum.False;
    }

    private static Datum HasRole(ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        string user = arguments.Length == 3 ? RoleOf(arguments[0], context) : context.System().User;
        string group = RoleOf(arguments[^2], context);
        IReadOnlyCollection<RoleEntry> roles = context.System().Roles;
        RoleEntry? entry = roles.FirstOrDefault(role => role.Name == user);
        RoleEntry? target = roles.FirstOrDefault(role => role.Name == group);
        return Datum.Bool(entry is not null && target is not null && (entry.IsSuperuser || entry.Id == target.Id || entry.MemberOf.Contains(target.Id)));
    }

    private static string RoleOf(Datum role, EvaluationContext context)
    {
        IReadOnlyCollection<RoleEntry> roles = context.System().Roles;
        RoleEntry? found = role.Kind == DatumKind.Int
            ? roles.FirstOrDefault(entry => CatalogOids.Role(entry.Id) == (uint)role.AsInt)
            : roles.FirstOrDefault(entry => entry.Name == role.AsText);
        return found?.Name ?? throw new DbException(SqlStates.UndefinedObject, $"role \"{role}\" does not exist");
    }
}
