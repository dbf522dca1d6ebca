using System.Diagnostics;
using Spectre.Console;

namespace Picodata.Server;

/// <summary>
/// The tour of the promises: (P1) load, kill -9, restart, nothing missing; (P2) a copy of the running directory starts and
/// holds everything that was acknowledged before the copying began.
/// </summary>
internal sealed class Demo(string root, TimeSpan phase, int writers, IAnsiConsole console)
{
    private readonly TransferLoad load = new(writers);
    private readonly List<(string Promise, string Found, bool IsKept)> verdicts = [];

    /// <summary>True when every promise held.</summary>
    public async Task<bool> RunAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(root);
        string directory = Path.Combine(root, "i1");
        console.MarkupLineInterpolated($"One instance in [blue]{directory}[/], {writers} writers that move money between 1000 accounts.");
        await KillAsync(directory, cancel);
        using (DemoInstance restarted = await RestartAsync(directory, cancel))
        {
            await CopyAsync(restarted, cancel);
        }

        PrintVerdict();
        return verdicts.TrueForAll(verdict => verdict.IsKept);
    }

    private async Task KillAsync(string directory, CancellationToken cancel)
    {
        using DemoInstance instance = await StepAsync("start an instance", () => DemoInstance.StartAsync(directory, cancel));
        await TransferLoad.PrepareAsync(instance, cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task running = load.RunAsync(instance, stop.Token);
        await WatchAsync("writing", phase, running, cancel);
        instance.Kill();
        await running;
        console.MarkupLineInterpolated($"  [red]kill -9[/] after {load.Acknowledged:N0} acknowledged transfers");
    }

    private async Task<DemoInstance> RestartAsync(string directory, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        DemoInstance instance = await StepAsync("restart it", () => DemoInstance.StartAsync(directory, cancel));
        IReadOnlyList<string> problems = await TransferLoad.CheckAsync(instance, load.AcknowledgedNow(), cancel);
        Judge(
            "P1: what was acknowledged survives kill -9",
            problems,
            $"all {load.Acknowledged:N0} acknowledged transfers are there, none is half there, ready again after {watch.Elapsed.TotalSeconds:F1} s");
        return instance;
    }

    private async Task CopyAsync(DemoInstance instance, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task running = load.RunAsync(instance, stop.Token);
        string copy = Path.Combine(root, "copy");
        IReadOnlyCollection<long> before;
        try
        {
            await WatchAsync("writing", phase / 2, running, cancel);
            before = load.AcknowledgedNow();
            await StepAsync("copy the directory while it is written to (a copier needs no command, rsync -r does the same)", () => CopyDirectoryAsync(instance.Directory, copy, cancel));
            await WatchAsync("writing on", phase / 4, running, cancel);
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }

        using DemoInstance fromCopy = await StepAsync("start an instance from the copy", () => DemoInstance.StartAsync(copy, cancel));
        IReadOnlyList<string> problems = await TransferLoad.CheckAsync(fromCopy, before, cancel);
        Judge("P2: a copy of the running directory is a backup", problems, $"all {before.Count:N0} transfers acknowledged before the copy began are in it, and the books balance");
        IReadOnlyList<string> original = await TransferLoad.CheckAsync(instance, load.AcknowledgedNow(), cancel);
        Judge("P1: and the original went on undisturbed", original, $"{load.Acknowledged:N0} acknowledged transfers, all there");
    }

    /// <summary>Copies file by file in the order of the listing, as any tool would.</summary>
    private static async Task<bool> CopyDirectoryAsync(string from, string to, CancellationToken cancel)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from).Order(StringComparer.Ordinal))
        {
            if (Path.GetExtension(file) == ".sock")
            {
                continue;
            }

            await using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            await using FileStream target = File.Create(Path.Combine(to, Path.GetFileName(file)));
            await source.CopyToAsync(target, cancel);
        }

        return true;
    }

    private async Task<T> StepAsync<T>(string what, Func<Task<T>> step)
    {
        var watch = Stopwatch.StartNew();
        T result = await step();
        console.MarkupLineInterpolated($"  {what} [grey]({watch.Elapsed.TotalSeconds:F1} s)[/]");
        return result;
    }

    /// <summary>Lets the load run for a while and shows how far it is; ends early when the writers end.</summary>
    private async Task WatchAsync(string what, TimeSpan length, Task running, CancellationToken cancel)
    {
        int first = load.Acknowledged;
        var watch = Stopwatch.StartNew();
        await console.Progress().AutoClear(true).HideCompleted(true).StartAsync(async progress =>
        {
            ProgressTask task = progress.AddTask(what, maxValue: length.TotalSeconds);
            while (watch.Elapsed < length && !running.IsCompleted)
            {
                await Task.WhenAny(running, Task.Delay(100, cancel));
                cancel.ThrowIfCancellationRequested();
                task.Value = watch.Elapsed.TotalSeconds;
                task.Description = $"{what}: {load.Acknowledged:N0} acknowledged";
            }
        });
        int done = load.Acknowledged - first;
        console.MarkupLineInterpolated($"  {what}: {done:N0} transfers acknowledged in {watch.Elapsed.TotalSeconds:F1} s ({done / watch.Elapsed.TotalSeconds:N0}/s, each synced to disk)");
    }

    private void Judge(string promise, IReadOnlyList<string> problems, string kept) =>
        verdicts.Add((promise, problems.Count == 0 ? kept : string.Join("; ", problems), problems.Count == 0));

    private void PrintVerdict()
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumns("promise", "found", "verdict");
        foreach ((string promise, string found, bool isKept) in verdicts)
        {
            table.AddRow(new Text(promise), new Text(found), isKept ? new Markup("[green]kept[/]") : new Markup("[red]BROKEN[/]"));
        }

        console.Write(table);
    }
}
