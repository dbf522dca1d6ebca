using System.Diagnostics;

namespace Picodata.Bench;

/// <summary>Snapshot write, restart and memory with many rows and two indexes, side by side with Tarantool 2.6.</summary>
internal sealed class RestartRun(string root, int rows)
{
    public void Run()
    {
        using var ours = new PicodataPeer(root);
        ours.Start();
        long empty = Shell.ResidentBytes(ours.ProcessId);
        CopyRun.Load(ours, "big", rows, withIndex: true);
        var watch = Stopwatch.StartNew();
        ours.Query("CHECKPOINT");
        double snapshot = watch.Elapsed.TotalSeconds;
        ours.Stop();
        ours.Start();
        double restart = ours.StartTime.TotalSeconds;
        double bytes = (double)(Shell.ResidentBytes(ours.ProcessId) - empty) / rows;
        ours.Query("SELECT count(*) FROM big");
        ours.Stop();
        Console.WriteLine($"   {rows:N0} rows of 100 bytes, primary key and one more index");
        if (!TarantoolPeer.IsInstalled)
        {
            Console.WriteLine($"   snapshot {snapshot:F1} s, restart {restart:F1} s, {bytes:F0} bytes a row (Tarantool is not installed: no ratio)");
            return;
        }

        Dictionary<string, double> filled = Fill();
        Dictionary<string, double> again = new TarantoolPeer(root).Run("print('count', box.space.big:len())");
        double theirBytes = (again.GetValueOrDefault("start") > 0 ? filled["rss"] : 0) / rows;
        Console.WriteLine($"   snapshot {snapshot:F1} s against {filled["snapshot"]:F1} s: {snapshot / filled["snapshot"]:F2}x Tarantool's time");
        Console.WriteLine($"   restart  {restart:F1} s against {again["start"]:F1} s: {restart / again["start"]:F2}x Tarantool's time");
        Console.WriteLine($"   memory   {bytes:F0} bytes a row against {theirBytes:F0}: {bytes / theirBytes:F2}x Tarantool's");
    }

    private Dictionary<string, double> Fill() => new TarantoolPeer(root).Run(
        $"""
        local s = box.schema.space.create('big')
        s:create_index('pk', {"{"}parts = {"{"}1, 'integer'{"}}"})
        s:create_index('k', {"{"}parts = {"{"}2, 'integer'{"}"}, unique = false{"}"})
        local pad = string.rep('x', 80)
        local rows = {rows}
        for first = 0, rows - 1, 1000 do
            box.begin()
            for i = first, math.min(first + 999, rows - 1) do
                s:insert{"{"}i, math.random(0, 2^40), pad{"}"}
            end
            box.commit()
        end
        local t = clock.monotonic()
        box.snapshot()
        print('snapshot', clock.monotonic() - t)
        for line in io.lines('/proc/self/status') do
            local kb = line:match('VmRSS:%s+(%d+)')
            if kb then print('rss', tonumber(kb) * 1024) end
        end
        """);
}
