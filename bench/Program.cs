using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Picodata.Bench;

// Benchmarks side by side in one run, printed as ratios: this class of machine is too noisy for absolute figures.
// usage: dev.cs bench [pgbench] [latency] [copy] [durable] [restart] [failover] [--seconds N] [--rows N] [--kills N]
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var chosen = args.TakeWhile(argument => !argument.StartsWith("--", StringComparison.Ordinal)).ToHashSet();
int seconds = Number("--seconds", 8);
int rows = Number("--rows", 5_000_000);
int kills = Number("--kills", 20);
string root = Directory.CreateTempSubdirectory("pico-bench-").FullName;
try
{
    Shell.Run(Path.Combine(Shell.FindRoot(), "picodata"), "--version");
    Section("pgbench", () => new PgBenchRuns(root, seconds).Run());
    Section("durable", () => new DurableUpdates(root, seconds).Run());
    Section("copy", () => new CopyRun(root).Run());
    Section("latency", () => new CheckpointLatency(root, seconds).Run());
    Section("restart", () => new RestartRun(root, rows).Run());
    Section("failover", () => new FailoverRun(root, kills).Run());
}
finally
{
    Directory.Delete(root, recursive: true);
}

return 0;

int Number(string name, int otherwise)
{
    int at = Array.IndexOf(args, name);
    return at < 0 ? otherwise : int.Parse(args[at + 1], CultureInfo.InvariantCulture);
}

void Section(string name, Action run)
{
    if (chosen.Count == 0 || chosen.Contains(name))
    {
        Console.WriteLine($"== {name}");
        var watch = Stopwatch.StartNew();
        run();
        Console.WriteLine($"   ({watch.Elapsed.TotalSeconds:F0} s)");
    }
}
