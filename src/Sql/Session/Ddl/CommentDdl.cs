using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>COMMENT ON TABLE and COLUMN are kept; other kinds are accepted when the object is there.</summary>
internal static class CommentDdl
{
    public static void Run(DdlContext context, CommentStatement statement)
    {
        switch (statement.Kind)
        {
            case "table":
                TableDef table = context.Table(statement.Name, "alter");
                context.PutExtras(table.SpaceId, context.State.ExtrasOf(table.SpaceId) with { Comment = statement.Text });
                break;
            case "column":
                if (statement.Name.Parts.Count < 2)
                {
                    throw new DbException(SqlStates.SyntaxError, "column name must be qualified", position: statement.Name.Position);
                }

                TableDef owner = context.Table(new ObjectName([.. statement.Name.Parts.SkipLast(1)]) { Position = statement.Name.Position }, "alter");
                Column(context, owner, statement.Name.Name, statement.Text);
                break;
        }
    }

    private static void Column(DdlContext context, TableDef table, string column, string? text)
    {
        if (table.FindColumn(column) < 0)
        {
            throw new DbException(SqlStates.UndefinedColumn, $"column \"{column}\" of relation \"{table.Name}\" does not exist");
        }

        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        var comments = new Dictionary<string, string>(extras.ColumnComments, StringComparer.Ordinal);
        if (text is null)
        {
            comments.Remove(column);
        }
        else
        {
            comments[column] = text;
        }

        context.PutExtras(table.SpaceId, extras with { ColumnComments = comments });
    }
}
