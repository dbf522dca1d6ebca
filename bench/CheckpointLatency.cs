using System.Globalization;

namespace Picodata.Bench;

/// <summary>p99.9 of commit latency under TPC-B-like load, without a checkpoint and while checkpoints run one after another.</summary>
internal sealed class CheckpointLatency(string root, int seconds)
{
    public void Run()
    {
        using SqlPeer ours = new PicodataPeer(root);
        ours.Start();
        ours.PgBench("-i", "-q", "-s", "10");
        Latencies(ours, withCheckpoints: false);
        double[] without = Latencies(ours, withCheckpoints: false);
        double[] during = Latencies(ours, withCheckpoints: true);
        Console.WriteLine($"   without: p50 {Percentile(without, 0.5):F2} ms, p99 {Percentile(without, 0.99):F2}, p99.9 {Percentile(without, 0.999):F2}, worst {without[^1]:F1}");
        Console.WriteLine($"   during:  p50 {Percentile(during, 0.5):F2} ms, p99 {Percentile(during, 0.99):F2}, p99.9 {Percentile(during, 0.999):F2}, worst {during[^1]:F1}");
        Console.WriteLine($"   p99.9 while checkpoints run: {Percentile(during, 0.999) / Percentile(without, 0.999):F2}x of without");
    }

    private double[] Latencies(SqlPeer peer, bool withCheckpoints)
    {
        using var stop = new CancellationTokenSource();
        int checkpoints = 0;
        Task checkpointing = withCheckpoints
            ? Task.Run(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    peer.Query("CHECKPOINT");
                    checkpoints++;
                }
            })
            : Task.CompletedTask;
        string prefix = Path.Combine(root, "latency");
        peer.PgBench("-n", "-c", "4", "-j", "1", "-M", "prepared", "-T", seconds.ToString(CultureInfo.InvariantCulture), "-l", "--log-prefix=" + prefix);
        stop.Cancel();
        checkpointing.Wait();
        double[] latencies = Directory.GetFiles(root, "latency*")
            .SelectMany(File.ReadLines)
            .Select(line => double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture) / 1000)
            .Order()
            .ToArray();
        foreach (string file in Directory.GetFiles(root, "latency*"))
        {
            File.Delete(file);
        }

        if (withCheckpoints)
        {
            Console.WriteLine($"   {checkpoints} checkpoints in {seconds} s");
        }

        return latencies;
    }

    private static double Percentile(double[] sorted, double share) => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
}
