using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Copies a directory whose process works on, with the tools that people use and with a copier that reads files in random order with pauses.</summary>
internal static class HotCopier
{
    /// <summary>Ways to copy.</summary>
    public const int Ways = 5;

    /// <summary>Makes one copy. True when the tool brought every file that it had listed, working names (<c>.inprogress</c>) apart.</summary>
    /// <param name="way">Which way, modulo <see cref="Ways"/>.</param>
    /// <param name="chance">Order and pauses of the random copier.</param>
    public static async Task<bool> CopyAsync(string source, string target, int way, Random chance)
    {
        if (way % Ways == 4)
            return await CopyRandomlyAsync(source, target, chance);
        (int exitCode, _, string errors) = (way % Ways) switch
        {
            0 => await Peer.RunAsync(Peer.Require("rsync"), ["-r", source + "/", target]),
            1 => await Peer.RunAsync(Peer.Require("cp"), ["-r", source, target]),
            2 => await Peer.RunAsync("/bin/sh", ["-c", $"mkdir '{target}' && tar -C '{source}' --warning=no-file-changed -cf - . | tar -C '{target}' -xf -"]),
            _ => await Peer.RunAsync(Peer.Require("rsync"), ["-r", "--bwlimit=1M", source + "/", target]),
        };
        // 1: cp met a socket or a vanished file, tar a growing one; 23 and 24: rsync met such files
        Assert.True(exitCode is 0 or 1 or 2 or 23 or 24, $"way {way % Ways}: exit code {exitCode}: {errors}");
        return errors.Split('\n').All(IsHarmless);
    }

    /// <summary>Only working names (<c>.inprogress</c>) may go away between the list and the copying: they become finished files.</summary>
    private static bool IsHarmless(string line) =>
        line.Contains(".inprogress", StringComparison.Ordinal)
        || line.StartsWith("rsync warning", StringComparison.Ordinal)
        || !(line.Contains("No such file", StringComparison.Ordinal)
            || line.Contains("vanished", StringComparison.Ordinal)
            || line.Contains("removed before", StringComparison.Ordinal));

    private static async Task<bool> CopyRandomlyAsync(string source, string target, Random chance)
    {
        Directory.CreateDirectory(target);
        string[] names = [.. Directory.GetFiles(source).Select(path => Path.GetFileName(path)).Where(name => !name.EndsWith(".sock", StringComparison.Ordinal))];
        chance.Shuffle(names);
        bool whole = true;
        byte[] piece = new byte[chance.Next(500, 100_000)];
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
                    if (chance.Next(20) == 0)
                        await Task.Delay(chance.Next(1, 200));
                }
            }
            catch (FileNotFoundException)
            {
                whole &= name.EndsWith(".inprogress", StringComparison.Ordinal);
            }
        }
        return whole;
    }
}
