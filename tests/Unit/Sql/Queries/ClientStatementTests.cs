using System.Text.RegularExpressions;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.SystemViews;
using Picodata.Sql.Types;
using Picodata.Unit.Sql.Planning;
using Xunit;

namespace Picodata.Unit.Sql.Queries;

/// <summary>
/// What psql, drivers and tools send to catalogs is bound and planned. The statements are recordings beside the checkout (folder
/// <c>shared</c>); without them there is nothing to judge.
/// </summary>
public sealed partial class ClientStatementTests
{
    [Fact]
    public void Every_recorded_query_of_clients_is_bound_and_planned()
    {
        string? folder = Recordings();
        Assert.SkipWhen(folder is null, "no recordings beside the checkout");
        SystemCatalog.RegisterFunctions();
        var catalog = new CatalogSnapshot(1, [.. TestCatalog.Snapshot.Relations.Where(r => r is not VirtualTableDef), .. SystemCatalog.Relations]);
        var failures = new List<string>();
        int count = 0;
        foreach (string file in Directory.GetFiles(folder!, "*.sql").Where(f => !f.EndsWith("setup.sql", StringComparison.Ordinal)))
        {
            foreach (string sql in Statements(File.ReadAllText(file)))
            {
                string? failure = Try(sql, catalog, ref count);
                if (failure is not null)
                {
                    failures.Add($"{Path.GetFileName(file)}: {failure}\n{sql.Trim()}");
                }
            }
        }

        Assert.True(failures.Count == 0, $"{failures.Count} of {count} fail\n" + string.Join("\n\n", failures));
        Assert.True(count > 100, $"only {count} statements were found");
    }

    private static string? Try(string sql, CatalogSnapshot catalog, ref int count)
    {
        try
        {
            Statement statement = SqlParser.ParseStatement(sql);
            if (statement is not QueryStatement || sql.Contains("f1", StringComparison.Ordinal)) // a function of the recorded database
            {
                return null;
            }

            count++;
            BoundStatement bound = new Binder(catalog, FunctionTable.BuiltIn, new EvaluationContext(new TypeContext { Names = new CatalogNames(catalog) })).Bind(statement);
            new Planner(_ => 100).Plan(bound);
            return null;
        }
        catch (DbException error) when (error.SqlState == SqlStates.UndefinedTable)
        {
            // Recordings name tables of the session that was recorded.
            return error.Message.Contains("pg_", StringComparison.Ordinal) ? $"{error.SqlState} {error.Message}" : null;
        }
        catch (DbException error)
        {
            return $"{error.SqlState} {error.Message} at {error.Position}";
        }
    }

    /// <summary>Entries end with a line <c>;;</c>; an entry may hold several statements. <c>{oid:NAME}</c> stands for a number.</summary>
    private static IEnumerable<string> Statements(string text)
    {
        foreach (string entry in OidMark().Replace(text, "16640").Split("\n;;"))
        {
            IReadOnlyList<Statement> statements;
            try
            {
                statements = SqlParser.ParseScript(entry);
            }
            catch (DbException)
            {
                continue; // the parser's own tests judge what must be parsed
            }

            foreach (Statement statement in statements)
            {
                yield return entry.Substring(statement.SourceStart, statement.SourceLength);
            }
        }
    }

    [GeneratedRegex(@"\{oid:[^}]*\}")]
    private static partial Regex OidMark();

    private static string? Recordings()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared/reference/pgwire-queries");
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
