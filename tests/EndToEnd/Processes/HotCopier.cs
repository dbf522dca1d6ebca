using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Copies a directory whose process works on, with the tools that people use and with a copier that reads files in random order with pauses.</summary>
internal static class HotCopier
{
    /// <summary>Ways to copy.</summary>
    public const int Ways = 5;

    /// <summary>
    /// Makes one copy. True when the tool brought every file that it had listed, apart from working names (<c>.inprogress</c>) and files that nothing had needed for
    /// the whole copy grace when the copy began: those may go at any moment.
    /// </summary>
    /// <param name="way">Which way, modulo <see cref="Ways"/>.</param>
    /// <param name="chance">Order and pieces of the random copier.</param>
    /// <param name="length">How long about the slow ways shall take: tar, rsync with a limited rate, and the random copier.</param>
    public static async Task<bool> CopyAsync(string source, string target, int way, Random chance, TimeSpan length)
    {
        string oldest = OldestNeeded(source);
        long bytes = new DirectoryInfo(source).EnumerateFiles().Sum(file => file.Exists ? file.Length : 0);
        if (way % Ways == 4)
            return await CopyRandomlyAsync(source, target, chance, length, bytes, oldest);
        long kilobytes = Math.Max(1, (long)(bytes / 1024 / length.TotalSeconds));
        long records = Math.Max(1, (long)(bytes / 10240 / (length.TotalSeconds / 0.05)));
        (int exitCode, _, string errors) = (way % Ways) switch
        {
            0 => await Peer.RunAsync(Peer.Require("rsync"), ["-r", source + "/", target]),
            1 => await Peer.RunAsync(Peer.Require("cp"), ["-r", source, target]),
            2 => await Peer.RunAsync("/bin/sh", ["-c", $"mkdir '{target}' && tar -C '{source}' --warning=no-file-changed --checkpoint={records} --checkpoint-action=exec='sleep 0.05' -cf - . | tar -C '{target}' -xf -"]),
            _ => await Peer.RunAsync(Peer.Require("rsync"), ["-r", $"--bwlimit={kilobytes}K", source + "/", target]),
        };
        // 1: cp met a socket or a vanished file, tar a growing one; 23 and 24: rsync met such files
        Assert.True(exitCode is 0 or 1 or 2 or 23 or 24, $"way {way % Ways}: exit code {exitCode}: {errors}");
        return errors.Split('\n').All(line => IsHarmless(line, oldest));
    }

    /// <summary>The 20 digits of the first file that a start from the newest snapshot needs: the last log that begins at or before it.</summary>
    private static string OldestNeeded(string source)
    {
        string[] names = [.. Directory.GetFiles(source).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        string newest = names.LastOrDefault(name => name.EndsWith(".snap", StringComparison.Ordinal), "")[..20];
        return names.LastOrDefault(name => name.EndsWith(".xlog", StringComparison.Ordinal) && string.CompareOrdinal(name[..20], newest) <= 0, newest)[..20];
    }

    /// <summary>Working names become finished files between the list and the copying; and what is older than all that is needed may go.</summary>
    private static bool MayGo(string name, string oldest) => name.EndsWith(".inprogress", StringComparison.Ordinal) || string.CompareOrdinal(name[..20], oldest) < 0;

    private static bool IsHarmless(string line, string oldest) =>
        (Regex.Match(line, @"\d{20}\.(snap|xlog)(\.inprogress)?") is { Success: true } file && MayGo(file.Value, oldest))
        || line.StartsWith("rsync warning", StringComparison.Ordinal)
        || !(line.Contains("No such file", StringComparison.Ordinal)
            || line.Contains("vanished", StringComparison.Ordinal)
            || line.Contains("removed before", StringComparison.Ordinal));

    private static async Task<bool> CopyRandomlyAsync(string source, string target, Random chance, TimeSpan length, long bytes, string oldest)
    {
        Directory.CreateDirectory(target);
        string[] names = [.. Directory.GetFiles(source).Select(path => Path.GetFileName(path)).Where(name => !name.EndsWith(".sock", StringComparison.Ordinal))];
        chance.Shuffle(names);
        bool whole = true;
        byte[] piece = new byte[chance.Next(500, 100_000)];
        var watch = Stopwatch.StartNew();
        long copied = 0;
        foreach (string name in names)
        {
            try
            {
                await using FileStream from = new(Path.Combine(source, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                await using FileStream to = new(Path.Combine(target, name), FileMode.CreateNew);
                long size = from.Length;
                for (int read; size > 0 && (read = await from.ReadAsync(piece.AsMemory(0, (int)Math.Min(piece.Length, size)))) > 0; size -= read)
                {
                    await to.WriteAsync(piece.AsMemory(0, read));
                    copied += read;
                    TimeSpan ahead = (length * Math.Min(1, (double)copied / bytes)) - watch.Elapsed;
                    if (ahead > TimeSpan.FromMilliseconds(10))
                        await Task.Delay(ahead);
                }
            }
            catch (FileNotFoundException)
            {
                whole &= MayGo(name, oldest);
            }
        }
        return whole;
    }
}
