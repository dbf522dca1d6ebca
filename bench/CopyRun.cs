using System.Diagnostics;
using Npgsql;

namespace Picodata.Bench;

/// <summary>COPY of 1 M rows of about 100 bytes into a table with a primary key, both servers.</summary>
internal sealed class CopyRun(string root)
{
    private const int Rows = 1_000_000;

    public void Run()
    {
        using SqlPeer ours = new PicodataPeer(root);
        using SqlPeer theirs = new PostgresPeer(root);
        double[] times = new[] { ours, theirs }.Select(peer =>
        {
            peer.Start();
            return Load(peer, "copied", Rows, withIndex: false).TotalSeconds;
        }).ToArray();
        Console.WriteLine($"   COPY of {Rows:N0} rows: {times[0]:F1} s ({Rows / times[0]:N0} rows/s) against {times[1]:F1} s: {times[1] / times[0]:F2}x PostgreSQL");
    }

    /// <summary>Makes and fills a table <c>(id bigint primary key, k bigint, pad text)</c>; 100 bytes a row.</summary>
    public static TimeSpan Load(SqlPeer peer, string table, int rows, bool withIndex)
    {
        using NpgsqlConnection connection = peer.Open();
        using (var command = new NpgsqlCommand($"DROP TABLE IF EXISTS {table}", connection))
        {
            command.ExecuteNonQuery();
            command.CommandText = $"CREATE TABLE {table} (id bigint PRIMARY KEY, k bigint NOT NULL, pad text NOT NULL)";
            command.ExecuteNonQuery();
            if (withIndex)
            {
                command.CommandText = $"CREATE INDEX {table}_k ON {table} (k)";
                command.ExecuteNonQuery();
            }
        }

        string pad = new('x', 80);
        var random = new Random(1);
        var watch = Stopwatch.StartNew();
        using (TextWriter writer = connection.BeginTextImport($"COPY {table} (id, k, pad) FROM STDIN"))
        {
            for (int i = 0; i < rows; i++)
            {
                writer.Write($"{i}\t{random.NextInt64(1L << 40)}\t{pad}\n");
            }
        }

        return watch.Elapsed;
    }
}
