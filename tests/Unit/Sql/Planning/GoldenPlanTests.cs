using System.Text;
using Xunit;

namespace Picodata.Unit.Sql.Planning;

/// <summary>
/// Plans and errors of whole statements against files of record. A file is a list of cases: the statement, a line <c>----</c>, the output,
/// a line <c>====</c>. <c>dotnet dev.cs golden --rewrite</c> writes what is printed now; the change is then read in the diff.
/// </summary>
public sealed class GoldenPlanTests
{
    public static TheoryData<string> Files => ["plans", "joins", "errors", "explain", "writes"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Golden_plans_stay_as_recorded(string name)
    {
        string path = Path.Combine(Folder(), name + ".txt");
        List<string> statements = [.. Statements(File.ReadAllLines(path))];
        var printed = new StringBuilder();
        foreach (string sql in statements)
        {
            printed.Append(sql).Append("\n----\n");
            foreach (string line in TestCatalog.Explain(sql))
            {
                printed.Append(line).Append('\n');
            }

            printed.Append("====\n");
        }

        if (Environment.GetEnvironmentVariable("GOLDEN_REWRITE") == "1")
        {
            File.WriteAllText(path, printed.ToString());
        }

        Assert.Equal(File.ReadAllText(path), printed.ToString());
    }

    private static IEnumerable<string> Statements(string[] lines)
    {
        var sql = new List<string>();
        bool inOutput = false;
        foreach (string line in lines)
        {
            if (line == "====")
            {
                inOutput = false;
            }
            else if (line == "----")
            {
                inOutput = true;
                yield return string.Join('\n', sql);
                sql.Clear();
            }
            else if (!inOutput)
            {
                sql.Add(line);
            }
        }
    }

    private static string Folder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "tests/Unit/Sql/Planning/golden");
    }
}
