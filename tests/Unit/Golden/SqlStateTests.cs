using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Picodata.Core;
using Picodata.Sql;
using Xunit;

namespace Picodata.Unit.Golden;

/// <summary>
/// Every SQLSTATE that the product raises has a case: in a golden script, here, in the test that is named for it, or a reason why it cannot be
/// provoked. A state that is added without one fails this.
/// </summary>
public sealed class SqlStateTests
{
    /// <summary>States that take more than a statement: the test file that provokes them, below <c>tests</c>.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new()
    {
        [SqlStates.ProtocolViolation] = "Unit/PgWire/ExtendedQueryTests.cs",
        [SqlStates.IdleInTransactionSessionTimeout] = "Unit/PgWire/LifetimeTests.cs",
        [SqlStates.InvalidPassword] = "Unit/PgWire/AuthenticationTests.cs",
        [SqlStates.StatementCompletionUnknown] = "Unit/Durability/CrashWorkload.cs",
        [SqlStates.DeadlockDetected] = "Unit/Sql/Execution/WriteTests.cs",
        [SqlStates.DiskFull] = "Unit/Durability/FullDiskTests.cs",
        [SqlStates.OutOfMemory] = "Unit/Sql/Execution/OperatorTests.cs",
        [SqlStates.TooManyConnections] = "Unit/PgWire/LifetimeTests.cs",
        [SqlStates.QueryCanceled] = "Unit/Sql/Execution/OperatorTests.cs",
        [SqlStates.AdminShutdown] = "Unit/PgWire/LifetimeTests.cs",
        [SqlStates.CannotConnectNow] = "Unit/PgWire/LifetimeTests.cs",
        [SqlStates.IdleSessionTimeout] = "Unit/PgWire/LifetimeTests.cs",
        [SqlStates.IoError] = "Unit/Durability/CrashTests.cs",
        [SqlStates.DataCorrupted] = "Unit/Storage/TransactionTests.cs",
        [SqlStates.InternalError] = "Unit/PgWire/SimpleQueryTests.cs",
    };

    /// <summary>States that nothing can provoke, and why.</summary>
    private static readonly Dictionary<string, string> Unprovoked = new()
    {
        [SqlStates.SuccessfulCompletion] = "no error: the state of notices",
        [SqlStates.Warning] = "no error: the state of RAISE WARNING",
        [SqlStates.StringDataRightTruncation] = "VARCHAR(n) of columns is not limited and casts cut off; only an assignment to a limited type would raise it",
    };

    public static TheoryData<string, string> Generated() => new()
    {
        { SqlStates.NameTooLong, $"create table {new string('a', 1025)} (id int primary key)" },
        { SqlStates.TooManyColumns, $"create table wide (id int primary key{string.Concat(Enumerable.Range(1, 1601).Select(number => $", c{number} int"))})" },
        { SqlStates.ConfigurationLimitExceeded, string.Join(';', Enumerable.Range(1, 130).Select(number => $"create role r{number}")) },
        { SqlStates.StatementTooComplex, "select " + new string('(', 20_000) + "1" + new string(')', 20_000) },
    };

    [Theory]
    [MemberData(nameof(Generated))]
    public async Task A_statement_that_is_too_long_for_a_script_raises(string state, string statement)
    {
        await using SqlBench bench = await SqlBench.OpenAsync();
        await using ISqlSession session = bench.Session();
        var output = new TextOutput(session);
        try
        {
            await session.SimpleQueryAsync(statement, output, CancellationToken.None);
        }
        catch (DbException error)
        {
            output.Error(error);
        }

        Assert.Contains($"ERROR {state}", output.Take());
    }

    [Fact]
    public async Task Binary_data_of_the_wrong_length_is_refused()
    {
        await using SqlBench bench = await SqlBench.OpenAsync();
        await using ISqlSession session = bench.Session();
        var output = new TextOutput(session);
        await session.SimpleQueryAsync("create table t (id int primary key)", output, CancellationToken.None);
        output.CopyInput.Enqueue([.. "PGCOPY\n"u8, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 0xff, 0xff]);
        DbException refused = await Assert.ThrowsAsync<DbException>(async () => await session.SimpleQueryAsync("copy t from stdin (format binary)", output, CancellationToken.None));
        Assert.Equal(SqlStates.InvalidBinaryRepresentation, refused.SqlState);
    }

    [Fact]
    public void Every_state_that_is_raised_has_a_case()
    {
        string tests = Path.GetFullPath(Path.Combine(Here(), "..", ".."));
        string sources = string.Concat(Files(Path.Combine(tests, "..", "src"), "*.cs").Where(file => !file.EndsWith("SqlStates.cs", StringComparison.Ordinal)).Select(File.ReadAllText));
        string golden = string.Concat(Files(Path.Combine(tests, "Unit"), "*.txt").Select(File.ReadAllText));
        HashSet<string> inGenerated = [.. Generated().Select(row => row.Data.Item1), SqlStates.InvalidBinaryRepresentation];
        var missing = new List<string>();
        foreach (FieldInfo field in typeof(SqlStates).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            string state = (string)field.GetRawConstantValue()!;
            bool isRaised = Regex.IsMatch(sources, $@"\bSqlStates\.{field.Name}\b");
            bool hasCase = golden.Contains($"ERROR {state}:", StringComparison.Ordinal) || inGenerated.Contains(state) || Unprovoked.ContainsKey(state)
                || (Elsewhere.TryGetValue(state, out string? file) && IsIn(Path.Combine(tests, file), field.Name, state));
            if (isRaised && !hasCase)
                missing.Add($"{state} {field.Name}");
        }

        Assert.True(missing.Count == 0, $"no test provokes {string.Join(", ", missing)}");
    }

    private static bool IsIn(string path, string name, string state)
    {
        string text = File.ReadAllText(path);
        return text.Contains($"SqlStates.{name}", StringComparison.Ordinal) || text.Contains($"\"{state}\"", StringComparison.Ordinal);
    }

    private static IEnumerable<string> Files(string folder, string pattern) => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
        .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal));

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
