using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Damage;

/// <summary>
/// Flipped bits, truncations, swapped, missing and foreign files: a start without force either has exactly the committed data or
/// is refused with file, place and remedy. Only where the newest log itself was cut may a start reach an earlier commit.
/// </summary>
public sealed class DamageTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task No_flipped_bit_gives_other_data(bool isKilled) => FlipAsync(isKilled, rounds: 70, seed: 3);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task No_truncation_gives_other_data(bool isKilled) => TruncateAsync(isKilled, rounds: 70, seed: 4);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("speed", "long")]
    public Task No_flipped_bit_of_a_thousand_gives_other_data(bool isKilled) => FlipAsync(isKilled, rounds: 1000, seed: 5);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("speed", "long")]
    public Task No_truncation_of_a_thousand_gives_other_data(bool isKilled) => TruncateAsync(isKilled, rounds: 1000, seed: 6);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_missing_file_is_not_needed_or_named(bool isKilled)
    {
        DamagedDirectory directory = await DamagedDirectory.CreateAsync(7, isKilled);
        Assert.True(await directory.StartAsync(directory.Files, mayLoseTail: false, "undamaged"));
        foreach (string name in directory.Files.Keys)
        {
            Dictionary<string, byte[]> files = directory.Copy();
            files.Remove(name);
            await directory.StartAsync(files, mayLoseTail: name == directory.LastLog, $"without {name}");
        }

        Dictionary<string, byte[]> logsOnly = directory.Copy();
        foreach (string name in directory.Files.Keys.Where(name => name.EndsWith(".snap", StringComparison.Ordinal)))
        {
            logsOnly.Remove(name);
        }

        Assert.False(await directory.StartAsync(logsOnly, mayLoseTail: false, "without snapshots"));
    }

    [Fact]
    public async Task Swapped_and_renamed_files_are_refused()
    {
        DamagedDirectory directory = await DamagedDirectory.CreateAsync(8, isKilled: true);
        string[] names = [.. directory.Files.Keys];
        for (int left = 0; left < names.Length; left++)
        {
            for (int right = 0; right < names.Length; right++)
            {
                Dictionary<string, byte[]> files = directory.Copy();
                files[names[left]] = directory.Files[names[right]];
                if (left < right)
                {
                    files[names[right]] = directory.Files[names[left]];
                }

                Assert.True(left == right || !await directory.StartAsync(files, mayLoseTail: false, $"{names[left]} <-> {names[right]}"));
            }
        }
    }

    [Fact]
    public async Task Files_of_another_instance_are_refused()
    {
        DamagedDirectory directory = await DamagedDirectory.CreateAsync(9, isKilled: true);
        DamagedDirectory other = await DamagedDirectory.CreateAsync(10, isKilled: true);
        foreach ((string name, byte[] bytes) in other.Files)
        {
            Dictionary<string, byte[]> files = directory.Copy();
            files[name] = bytes;
            await directory.StartAsync(files, mayLoseTail: false, $"foreign {name}");
        }

        Dictionary<string, byte[]> log = directory.Copy();
        string last = LogFileName.Of(LogFileKind.Xlog, directory.LastLsn + 50);
        log[last] = other.Files[other.LastLog];
        Assert.False(await directory.StartAsync(log, mayLoseTail: false, "foreign log behind the last"));
    }

    private static async Task FlipAsync(bool isKilled, int rounds, int seed)
    {
        DamagedDirectory directory = await DamagedDirectory.CreateAsync(seed, isKilled);
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            Dictionary<string, byte[]> files = directory.Copy();
            string name = directory.Files.Keys.ElementAt(random.Next(files.Count));
            int at = random.Next(files[name].Length);
            int bit = random.Next(8);
            files[name][at] ^= (byte)(1 << bit);
            string what = $"seed {seed}, round {round}: {name} bit {bit} of byte {at} of {files[name].Length}";
            if (!await directory.StartAsync(files, mayLoseTail: false, what))
            {
                refused++;
                await directory.ForceAsync(files, what);
            }
        }

        Assert.InRange(refused, rounds / 4, rounds);
    }

    private static async Task TruncateAsync(bool isKilled, int rounds, int seed)
    {
        DamagedDirectory directory = await DamagedDirectory.CreateAsync(seed, isKilled);
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            Dictionary<string, byte[]> files = directory.Copy();
            string name = directory.Files.Keys.ElementAt(random.Next(files.Count));
            int length = random.Next(3) == 0 ? Math.Max(0, files[name].Length - random.Next(1, 24)) : random.Next(files[name].Length);
            files[name] = files[name][..length];
            string what = $"seed {seed}, round {round}: {name} cut at {length} of {directory.Files[name].Length}";
            refused += await directory.StartAsync(files, mayLoseTail: name == directory.LastLog, what) ? 0 : 1;
        }

        Assert.InRange(refused, rounds / 4, rounds);
    }
}
