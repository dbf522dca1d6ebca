using System.Text.Json;
using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

/// <summary>The hundred damaged files: what a reader of the one file must say, with class and offset.</summary>
public class DamageVectorTests
{
    public static IEnumerable<TheoryDataRow<string, int, string>> Cases => new[] { "07_truncated", "08_corrupted" }.SelectMany(CasesOf);

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_damaged_file_is_told_by_class_and_offset(string vector, int index, string name)
    {
        JsonElement entry = Vectors.Json(vector, "expected.json").GetProperty("cases")[index];
        Assert.Equal(name, entry.GetProperty("name").GetString());
        var disk = new ModelledDisk();
        disk.CreateDirectory("/data");
        foreach (JsonProperty file in entry.GetProperty("files").EnumerateObject())
        {
            disk.Place("/data/" + file.Name, File.ReadAllBytes(Path.Combine(Vectors.Root, vector, file.Value.GetString()!)));
        }

        string path = "/data/" + entry.GetProperty("target").GetString();
        JsonElement expected = entry.GetProperty("file_reader");
        (string, long)[] errors = [.. Found(expected, "errors")];
        Reading stopped = Read(disk, path, DamagePolicy.Stop);
        Assert.Equal(errors, stopped.Errors);
        Assert.Equal(Found(expected, "warnings"), stopped.Remarks);
        Assert.Equal(expected.GetProperty("rows_before").GetInt64(), stopped.Rows);
        Assert.Equal(expected.GetProperty("blocks_before").GetInt64(), stopped.Blocks);

        Reading refused = Read(disk, path, DamagePolicy.Refuse);
        Assert.Equal(errors.Take(1), refused.Errors);
        Reading skipped = Read(disk, path, DamagePolicy.Skip);
        Assert.Equal(errors.Length > 0, skipped.Errors.Count > 0);
        Assert.True(skipped.Rows >= stopped.Rows);
    }

    private static IEnumerable<TheoryDataRow<string, int, string>> CasesOf(string vector)
    {
        if (Vectors.Ordinary().First() == "none")
        {
            return [];
        }

        JsonElement cases = Vectors.Json(vector, "expected.json").GetProperty("cases");
        return cases.EnumerateArray().Select((entry, index) => new TheoryDataRow<string, int, string>(vector, index, entry.GetProperty("name").GetString()!));
    }

    private static IEnumerable<(string, long)> Found(JsonElement expected, string what) =>
        expected.GetProperty(what).EnumerateArray().Select(item => (item.GetProperty("class").GetString()!, item.GetProperty("offset").GetInt64()));

    private sealed record Reading(long Rows, long Blocks, List<(string, long)> Errors, List<(string, long)> Remarks);

    private static Reading Read(ModelledDisk disk, string path, DamagePolicy policy)
    {
        var reading = new Reading(0, 0, [], []);
        try
        {
            using LogFileReader reader = LogFileReader.Open(disk, path, new LogReadOptions { Damage = policy });
            while (reader.TryReadTransaction(out _))
            {
            }

            reading = reading with { Rows = reader.RowsRead, Blocks = reader.BlocksRead };
            foreach (LogProblem problem in reader.Problems.Where(problem => problem.Kind is not (DamageKinds.Skipped or DamageKinds.SnapLsnStep)))
            {
                (problem.IsError ? reading.Errors : reading.Remarks).Add((problem.Kind, problem.Offset));
            }
        }
        catch (CorruptionException damage)
        {
            Assert.Equal(path, damage.File);
            Assert.NotEmpty(damage.Hint);
            reading.Errors.Add((damage.Kind, damage.Offset));
        }

        return reading;
    }
}
