using System.Globalization;
using System.Text.RegularExpressions;

namespace Picodata.Bench;

/// <summary>pgbench -S, -N and TPC-B-like with 8 clients against both servers in turn; the ratio of transactions a second.</summary>
internal sealed partial class PgBenchRuns(string root, int seconds)
{
    private const int Scale = 10;

    public void Run()
    {
        using SqlPeer ours = new PicodataPeer(root);
        using SqlPeer theirs = new PostgresPeer(root);
        foreach (SqlPeer peer in new[] { ours, theirs })
        {
            peer.Start();
            peer.PgBench("-i", "-q", "-s", Scale.ToString(CultureInfo.InvariantCulture));
        }

        foreach (string mode in new[] { "simple", "extended", "prepared" })
        {
            foreach ((string name, string[] flags) in new (string, string[])[] { ("-S", ["-S"]), ("-N", ["-N"]), ("TPC-B-like", []) })
            {
                double a = Tps(ours, mode, flags) + Tps(ours, mode, flags);
                double b = Tps(theirs, mode, flags) + Tps(theirs, mode, flags);
                Console.WriteLine($"   {name,-10} {mode,-8}  {a / 2,9:N0} tps against {b / 2,9:N0}: {a / b:F2}x PostgreSQL");
            }
        }
    }

    private double Tps(SqlPeer peer, string mode, string[] flags)
    {
        string output = peer.PgBench(["-n", "-c", "8", "-j", "2", "-T", Math.Max(1, seconds / 2).ToString(CultureInfo.InvariantCulture), "-M", mode, .. flags]);
        return double.Parse(TpsLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"tps = ([\d.]+) \(without initial connection time\)")]
    private static partial Regex TpsLine();
}
