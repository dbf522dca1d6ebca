using System.Text;
using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql.SystemViews;

/// <summary>Definitions as SQL text: identifiers, indexes, constraints.</summary>
internal static class Deparser
{
    /// <summary>A name as it can stand in SQL: quoted unless it is a plain lower-case word that is not reserved.</summary>
    public static string Identifier(string name)
    {
        bool plain = name.Length > 0 && (char.IsAsciiLetterLower(name[0]) || name[0] == '_')
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '$')
            && (Keywords.Find(name) is var keyword && (keyword == Keyword.None || keyword > Keyword.LastColumnName));
        return plain ? name : "\"" + name.Replace("\"", "\"\"") + "\"";
    }

    /// <summary>The name with its schema.</summary>
    public static string Qualified(string schema, string name) => Identifier(schema) + "." + Identifier(name);

    /// <summary>The name as a user with the default search path must write it.</summary>
    public static string Visible(Relation relation) =>
        relation.Schema == "information_schema" ? Qualified(relation.Schema, relation.Name) : Identifier(relation.Name);

    /// <summary>CREATE INDEX.</summary>
    public static string Index(TableDef table, TableIndex index) =>
        $"CREATE {(index.IsUnique ? "UNIQUE " : "")}INDEX {Identifier(index.Name)} ON {Qualified(SystemScan.SchemaOf(table), table.Name)} USING btree ({Parts(table, index)})";

    /// <summary>One part of an index as it stands in CREATE INDEX, without its order.</summary>
    public static string Part(TableDef table, TableIndex index, int part) => Identifier(table.Columns[index.Parts[part].Ordinal].Name);

    /// <summary>PRIMARY KEY (a, b) or UNIQUE (a).</summary>
    public static string Constraint(TableDef table, TableIndex index) =>
        (index.IsPrimary ? "PRIMARY KEY (" : "UNIQUE (") + string.Join(", ", index.Parts.Select(part => Identifier(table.Columns[part.Ordinal].Name))) + ")";

    /// <summary>CHECK ((a > 0)).</summary>
    public static string Check(CheckDef check) => $"CHECK (({check.Text}))";

    /// <summary>CREATE PROCEDURE.</summary>
    public static string Routine(RoutineDef routine) =>
        $"CREATE OR REPLACE PROCEDURE public.{Identifier(routine.Name)}({Arguments(routine)})\n LANGUAGE sql\nAS $procedure${routine.Body}$procedure$\n";

    /// <summary>Types of a procedure's parameters.</summary>
    public static string Arguments(RoutineDef routine) => string.Join(", ", routine.Parameters.Select(type => type.DisplayName));

    private static string Parts(TableDef table, TableIndex index)
    {
        var text = new StringBuilder();
        for (int i = 0; i < index.Parts.Count; i++)
        {
            text.Append(i == 0 ? "" : ", ").Append(Part(table, index, i)).Append(index.Parts[i].Descending ? " DESC" : "");
        }

        return text.ToString();
    }
}
