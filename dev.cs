#!/usr/bin/env dotnet
// The one developer entry: dotnet dev.cs <verb>. Without a verb it lists them.
using System.Diagnostics;
using System.Text.RegularExpressions;

string root = FindRoot();
Directory.SetCurrentDirectory(root);
string verb = args.FirstOrDefault() ?? "help";
string[] rest = args.Skip(1).ToArray();

return verb switch
{
    "build" => Run("dotnet", "build", "Picodata.slnx", "-c", "Release", "-v", "quiet", "--nologo"),
    "test" => Test(rest),
    "golden" => Golden(rest),
    "bench" => Run("dotnet", ["run", "--project", "bench", "-c", "Release", "--", .. rest]),
    "cluster" => Cluster(rest),
    "sql" => Run("psql", ["-h", "127.0.0.1", "-p", "4327", "-U", "admin", .. rest]),
    "tidy" => TestRun("tests/Unit", "Unit", ["-class", "Picodata.Unit.TidyTests"]).Failed == 0 ? 0 : 1,
    _ => Help(),
};

int Help()
{
    Console.WriteLine("""
        dotnet dev.cs <verb>
          build              build everything (Release)
          test [NAME]        the everyday tests (under 5 minutes on 2 cores); NAME runs only classes whose name contains it
          test all           the everyday tests and the long ones (kill -9 loops, hot copies, fuzzing, damage)
          golden [--rewrite] the golden scripts; --rewrite accepts what the product prints now
          bench [WHAT]       benchmarks side by side with PostgreSQL and Tarantool, as ratios
          cluster [N]        N instances (3) in artifacts/dev, each in a zone of its own, replication factor 2; Ctrl+C stops them
          sql [ARGS]         psql as admin to a local instance
          tidy               only the check of what the team agreed on
        """);
    return verb == "help" ? 0 : 1;
}

// Instances on loopback: iproto from 3301, PostgreSQL from 4327, HTTP from 5327. A Ctrl+C goes to all of them.
int Cluster(string[] options)
{
    int count = options.Length > 0 && int.TryParse(options[0], out int given) ? given : 3;
    if (Run("dotnet", "build", "src/Server", "-c", "Release", "-v", "quiet", "--nologo") != 0)
    {
        return 1;
    }

    Console.CancelKeyPress += (_, press) => press.Cancel = true;
    var instances = new List<Process>();
    for (int i = 1; i <= count; i++)
    {
        Directory.CreateDirectory($"artifacts/dev/i{i}");
        string[] arguments =
        [
            "run", "--instance-dir", $"artifacts/dev/i{i}", "--iproto-listen", $"127.0.0.1:{3300 + i}", "--pg-listen", $"127.0.0.1:{4326 + i}",
            "--http-listen", $"127.0.0.1:{5326 + i}", "--peer", "127.0.0.1:3301", "--init-replication-factor", "2", "--failure-domain", $"zone=z{i}",
            "--log", $"artifacts/dev/i{i}.log",
        ];
        instances.Add(Process.Start("./picodata", arguments));
        Console.WriteLine($"instance {i}: psql -h 127.0.0.1 -p {4326 + i} -U admin; log in artifacts/dev/i{i}.log");
    }

    Console.WriteLine("./picodata status tells how they are");
    instances.ForEach(instance => instance.WaitForExit());
    return instances.Max(instance => instance.ExitCode);
}

int Golden(string[] options)
{
    if (options.Contains("--rewrite"))
    {
        Environment.SetEnvironmentVariable("GOLDEN_REWRITE", "1");
    }

    return Test(["Golden"]);
}

int Test(string[] options)
{
    bool all = options.Contains("all");
    string? name = options.FirstOrDefault(option => option != "all");
    if (Run("dotnet", "build", "Picodata.slnx", "-c", "Release", "-v", "quiet", "--nologo") != 0)
    {
        return 1;
    }

    var filter = new List<string>();
    if (!all)
    {
        filter.AddRange(["-trait-", "speed=long"]);
    }

    if (name is not null)
    {
        filter.AddRange(["-class", $"*{name}*"]);
    }

    var watch = Stopwatch.StartNew();
    Outcome unit = TestRun("tests/Unit", "Unit", filter);
    Outcome cluster = TestRun("tests/Cluster", "ClusterUnit", filter);
    Outcome endToEnd = TestRun("tests/EndToEnd", "EndToEnd", filter);
    Outcome sum = new(
        unit.Total + cluster.Total + endToEnd.Total,
        unit.Failed + cluster.Failed + endToEnd.Failed,
        unit.Skipped + cluster.Skipped + endToEnd.Skipped);
    Console.WriteLine($"finished in {watch.Elapsed.TotalSeconds:F0} s");
    Console.WriteLine($"{sum.Total - sum.Failed - sum.Skipped} passed, {sum.Failed} failed, {sum.Skipped} skipped");
    return sum.Failed == 0 && sum.Total > 0 ? 0 : 1;
}

// Runs one test program (xunit v3 projects are executables) and reads its closing figures. A runner that dies without
// closing figures counts as a failure, however many tests had passed before.
Outcome TestRun(string project, string assembly, List<string> filter)
{
    string program = Path.Combine(root, project, "bin", "Release", "net10.0", "Picodata." + assembly);
    if (!File.Exists(program) && Run("dotnet", "build", project, "-c", "Release", "-v", "quiet", "--nologo") != 0)
    {
        return new Outcome(1, 1, 0);
    }

    var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
    start.ArgumentList.Add("-noColor");
    filter.ForEach(start.ArgumentList.Add);
    Console.WriteLine($"== {assembly}");
    using Process process = Process.Start(start)!;
    Outcome? outcome = null;
    while (process.StandardOutput.ReadLine() is { } line)
    {
        Console.WriteLine(line);
        Match match = Regex.Match(line, @"Total: (\d+),.*Errors: (\d+), Failed: (\d+), Skipped: (\d+)");
        if (match.Success)
        {
            int Group(int index) => int.Parse(match.Groups[index].Value);
            outcome = new Outcome(Group(1), Group(2) + Group(3), Group(4));
        }
    }

    process.WaitForExit();
    if (outcome is null || (process.ExitCode != 0 && outcome.Failed == 0))
    {
        Console.WriteLine($"{assembly}: the test program ended with exit code {process.ExitCode} and without a verdict");
        return new Outcome((outcome?.Total ?? 0) + 1, (outcome?.Failed ?? 0) + 1, outcome?.Skipped ?? 0);
    }

    return outcome;
}

int Run(string program, params string[] arguments)
{
    using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
    process.WaitForExit();
    return process.ExitCode;
}

static string FindRoot()
{
    for (DirectoryInfo? folder = new(Directory.GetCurrentDirectory()); folder is not null; folder = folder.Parent)
    {
        if (File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            return folder.FullName;
        }
    }

    throw new InvalidOperationException("start dev.cs inside of the repository (no Picodata.slnx found upwards)");
}

internal sealed record Outcome(int Total, int Failed, int Skipped);
