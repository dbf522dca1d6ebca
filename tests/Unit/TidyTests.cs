using System.Text.RegularExpressions;
using Xunit;

namespace Picodata.Unit;

/// <summary>Holds what the team agreed on (docs/style.md): sizes, names, banned calls, references of projects, paths in documents.</summary>
public sealed partial class TidyTests
{
    private const int LinesOfFileMax = 800;
    private const int LinesOfMethodMax = 70;

    private static readonly string Root = FindRoot();

    private static readonly string[] BannedSuffixes = ["Manager", "Helper", "Helpers", "Utils", "Util", "Common", "Handler", "Processor", "Info", "Impl"];

    private static readonly string[] BannedCalls =
    [
        "DateTime.Now", "DateTime.UtcNow", "DateTimeOffset.Now", "DateTimeOffset.UtcNow", "Guid.NewGuid", "Random.Shared",
        "File.", "Directory.", "new Socket(", "Thread.Sleep", "Task.Delay(", "Environment.TickCount",
    ];

    /// <summary>The arrows of docs/architecture.md; there are no others.</summary>
    private static readonly Dictionary<string, string[]> References = new()
    {
        ["Core"] = [],
        ["Storage"] = ["Core"],
        ["Sql"] = ["Core", "Storage"],
        ["PgWire"] = ["Core", "Sql"],
        ["Replication"] = ["Core", "Storage"],
        ["Cluster"] = ["Core", "Replication", "Storage"],
        ["Server"] = ["Cluster", "Core", "PgWire", "Replication", "Sql", "Storage"],
    };

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("no Picodata.slnx above the test program");
    }

    private static IEnumerable<string> Sources(params string[] folders) =>
        folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/") && !file.Contains("/bin/"));

    private static string Name(string file) => Path.GetRelativePath(Root, file);

    [Fact]
    public void Files_stay_short() =>
        Assert.Empty(Sources("src", "tests").Where(file => File.ReadLines(file).Count() > LinesOfFileMax).Select(Name));

    [Fact]
    public void Methods_stay_short()
    {
        var long_ = new List<string>();
        foreach (string file in Sources("src"))
        {
            string[] lines = File.ReadAllLines(file);
            for (int first = 0; first < lines.Length; first++)
            {
                Match head = MethodHead().Match(lines[first]);
                if (!head.Success)
                {
                    continue;
                }

                string indent = head.Groups[1].Value;
                int open = Array.FindIndex(lines, first, Math.Min(12, lines.Length - first), line => line == indent + "{");
                int end = open < 0 ? -1 : Array.FindIndex(lines, open, line => line == indent + "}" || line == indent + "};");
                if (end - open - 1 > LinesOfMethodMax)
                {
                    long_.Add($"{Name(file)}:{first + 1} {lines[first].Trim()} ({end - open - 1} lines)");
                }
            }
        }

        Assert.Empty(long_);
    }

    [Fact]
    public void Type_names_say_what_a_thing_is()
    {
        IEnumerable<string> bad = Sources("src").SelectMany(file => TypeHead().Matches(File.ReadAllText(file)).Select(match => (file, type: match.Groups[1].Value)))
            .Where(found => BannedSuffixes.Any(suffix => found.type.EndsWith(suffix, StringComparison.Ordinal)))
            .Select(found => $"{Name(found.file)}: {found.type}");
        Assert.Empty(bad);
    }

    [Fact]
    public void Storage_and_Sql_reach_disk_time_and_chance_only_through_seams()
    {
        var bad = new List<string>();
        foreach (string file in Sources("src/Core", "src/Storage", "src/Sql", "src/Replication", "src/Cluster"))
        {
            int number = 0;
            foreach (string line in File.ReadLines(file))
            {
                number++;
                string code = Comment().Replace(line, "");
                if (BannedCalls.Any(call => Regex.IsMatch(code, @"(?<![\w.])" + Regex.Escape(call))))
                {
                    bad.Add($"{Name(file)}:{number} {line.Trim()}");
                }
            }
        }

        Assert.Empty(bad);
    }

    [Fact]
    public void Nothing_is_left_unfinished()
    {
        Regex marks = Unfinished();
        Assert.Empty(Sources("src").SelectMany(file => File.ReadLines(file).Where(line => marks.IsMatch(line)).Select(line => $"{Name(file)}: {line.Trim()}")));
    }

    [Fact]
    public void Projects_know_only_what_they_may()
    {
        foreach ((string project, string[] allowed) in References)
        {
            string text = File.ReadAllText(Path.Combine(Root, "src", project, project + ".csproj"));
            string[] found = ProjectReference().Matches(text).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal).ToArray();
            Assert.Equal(allowed, found);
        }
    }

    [Fact]
    public void Paths_in_documents_exist()
    {
        IEnumerable<string> documents = Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(Root, "README.md"));
        IEnumerable<string> missing = documents.SelectMany(file => PathInDocument().Matches(File.ReadAllText(file)).Select(match => (file, path: match.Groups[1].Value)))
            .Where(found => !File.Exists(Path.Combine(Root, found.path)) && !Directory.Exists(Path.Combine(Root, found.path)))
            .Select(found => $"{Name(found.file)}: {found.path}");
        Assert.Empty(missing);
    }

    [GeneratedRegex(@"^( +)(?!.*\b(?:class|record|struct|interface)\b)(?:(?:public|private|protected|internal|static|async|override|virtual|sealed|unsafe|partial|extern|new|readonly)\s+)+[\w<>\[\],.?() ]+\s+\w+(?:<[\w, ]+>)?\(")]
    private static partial Regex MethodHead();

    [GeneratedRegex(@"\b(?:class|record|struct|interface|enum)\s+(?:struct\s+|class\s+)?(\w+)")]
    private static partial Regex TypeHead();

    [GeneratedRegex(@"//.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\bTODO\b|\bFIXME\b|\bHACK\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"ProjectReference Include=""\.\./(\w+)/")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"`((?:src|tests|docs|bench|\.ci)/[\w./-]*\w/?)`")]
    private static partial Regex PathInDocument();
}
