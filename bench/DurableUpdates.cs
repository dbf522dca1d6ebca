using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Picodata.Bench;

/// <summary>What share of the disk's raw rate of synced appends one client's durable updates reach.</summary>
internal sealed partial class DurableUpdates(string root, int seconds)
{
    public void Run()
    {
        string script = Path.Combine(root, "update.sql");
        File.WriteAllText(script, "\\set aid random(1, 100000)\nUPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;\n");
        using SqlPeer ours = new PicodataPeer(root);
        using SqlPeer theirs = new PostgresPeer(root);
        foreach (SqlPeer peer in new[] { ours, theirs })
        {
            peer.Start();
            peer.PgBench("-i", "-q", "-s", "1");
        }

        double raw = RawRate();
        double a = Tps(ours, script);
        double b = Tps(theirs, script);
        raw = (raw + RawRate()) / 2;
        Console.WriteLine($"   raw append of 512 bytes + fdatasync: {raw:N0}/s");
        Console.WriteLine($"   one client's updates: {a:N0}/s, {a / raw:P0} of raw; PostgreSQL {b:N0}/s, {b / raw:P0}; {a / b:F2}x PostgreSQL");
    }

    private double Tps(SqlPeer peer, string script)
    {
        string output = peer.PgBench("-n", "-c", "1", "-T", seconds.ToString(CultureInfo.InvariantCulture), "-M", "prepared", "-f", script);
        return double.Parse(TpsLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>Appends and syncs into a preallocated file, as the log does.</summary>
    private double RawRate()
    {
        string file = Path.Combine(root, "raw");
        using var handle = File.OpenHandle(file, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None, 64 << 20);
        byte[] bytes = new byte[512];
        int count = 0;
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < TimeSpan.FromSeconds(2))
        {
            RandomAccess.Write(handle, bytes, (long)count++ * bytes.Length);
            if (fdatasync((int)handle.DangerousGetHandle()) != 0)
            {
                throw new IOException("fdatasync failed");
            }
        }

        return count / watch.Elapsed.TotalSeconds;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int fdatasync(int descriptor);

    [GeneratedRegex(@"tps = ([\d.]+) \(without initial connection time\)")]
    private static partial Regex TpsLine();
}
