using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.SystemViews;

/// <summary>Names of relations and schemas for regclass and regnamespace, from one catalog.</summary>
public sealed class CatalogNames(CatalogSnapshot catalog) : IObjectNames
{
    public uint? FindRelation(string name)
    {
        List<string> parts = Split(name);
        string? schema = parts.Count > 1 ? parts[^2] : null;
        string last = parts[^1];
        if (catalog.FindRelation(schema, last) is Relation relation)
        {
            return relation.Oid;
        }

        if (schema is null or "public" or "pg_catalog" && catalog.FindIndex(last) is (_, TableIndex index))
        {
            return index.Oid;
        }

        return schema == "pg_catalog" && catalog.FindRelation("public", last) is TableDef { IsSystem: true } system ? system.Oid : null;
    }

    public string? RelationName(uint oid) =>
        catalog.FindRelation(oid) is Relation relation ? Deparser.Visible(relation)
        : catalog.FindIndex(oid) is (_, TableIndex index) ? Deparser.Identifier(index.Name)
        : null;

    public uint? FindNamespace(string name) => Split(name) is [string single] && CatalogOids.Namespace(single) is var oid and not 0 ? oid : null;

    public string? NamespaceName(uint oid) => Namespace(oid);

    /// <summary>The schema with this oid, or null.</summary>
    internal static string? Namespace(uint oid) => oid switch
    {
        CatalogOids.PgCatalog => "pg_catalog",
        CatalogOids.Public => "public",
        CatalogOids.InformationSchema => "information_schema",
        _ => null,
    };

    /// <summary>Parts of a qualified name: quoted ones as they are, others in lower case. 42602 when it is malformed.</summary>
    internal static List<string> Split(string name)
    {
        var parts = new List<string>();
        int at = 0;
        string text = name.Trim();
        while (true)
        {
            if (at < text.Length && text[at] == '"')
            {
                parts.Add(Quoted(text, ref at));
            }
            else
            {
                int dot = text.IndexOf('.', at);
                int end = dot < 0 ? text.Length : dot;
                parts.Add(text[at..end].Trim().ToLowerInvariant());
                at = end;
            }

            if (parts[^1].Length == 0 || (at < text.Length && text[at] != '.'))
            {
                throw new DbException(SqlStates.InvalidName, "invalid name syntax");
            }

            if (at++ >= text.Length)
            {
                return parts;
            }
        }
    }

    private static string Quoted(string text, ref int at)
    {
        var part = new System.Text.StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] != '"')
            {
                part.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                part.Append(text[++at]);
            }
            else
            {
                at++;
                return part.ToString();
            }
        }

        throw new DbException(SqlStates.InvalidName, "invalid name syntax");
    }
}
