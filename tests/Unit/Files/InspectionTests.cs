using System.Text.Json;
using Picodata.Harness.Disk;
using Picodata.Storage.Files;
using Picodata.Storage.Files.Inspection;
using Xunit;

namespace Picodata.Unit.Files;

public class InspectionTests
{
    private const string LogPath = "/data/00000000000000000004.xlog";

    [Fact]
    public void A_whole_log_is_printed_row_by_row_and_is_fine()
    {
        (ModelledDisk disk, List<string> written) = LogFileTests.SomeLog(isFinished: true, compress: true);
        (int code, string text) = Inspect(disk, LogPath, new InspectOptions());
        Assert.Equal(FileInspector.Fine, code);
        Assert.Equal(written.Sum(transaction => transaction.Count(letter => letter == ';')), text.Split('\n').Count(line => line.StartsWith("  @", StringComparison.Ordinal)));
        Assert.Contains("OK: ", text);
    }

    [Fact]
    public void Json_is_one_object_a_line_with_the_values_of_the_rows()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(9);
        writer.WriteInt64(-5);
        writer.WriteString("a\"ü\n");
        writer.WriteBinary([1, 255]);
        writer.WriteDouble(2);
        writer.WriteFloat32(0.5f);
        new MpDecimal(120, 2, true).Write(writer);
        new MpDatetime(0, 500_000_000).Write(writer);
        writer.WriteRaw([0x81, 0x01, 0xc0]);
        writer.WriteUtf8([0xff]);
        string json = MsgPackText.Format(writer.WrittenSpan, json: true);
        Assert.Equal(
            "[-5, \"a\\\"ü\\n\", {\"$bin\": \"01ff\"}, 2.0, {\"$float32\": 0.5}, {\"$decimal\": \"-1.20\"}, "
            + "{\"$datetime\": {\"epoch\": 0, \"nsec\": 500000000, \"tzoffset\": 0, \"tzindex\": 0}}, {\"$map\": [[1, null]]}, {\"$str\": \"ff\"}]", json);
        Assert.Equal(
            "[-5, \"a\\\"ü\\n\", 0x01ff, 2.0, 0.5, -1.20, 1970-01-01T00:00:00.5Z, {1: null}, str'ff']", MsgPackText.Format(writer.WrittenSpan, json: false));

        (ModelledDisk disk, _) = LogFileTests.SomeLog(isFinished: false, compress: false);
        (int code, string text) = Inspect(disk, LogPath, new InspectOptions { Json = true });
        Assert.Equal(FileInspector.Fine, code);
        string[] events = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString()!)];
        Assert.Equal(["file", "row", "remark", "summary", "verdict"], events.Distinct());
    }

    [Fact]
    public void Damage_is_told_with_place_and_remedy_and_the_rest_is_printed()
    {
        (ModelledDisk disk, _) = LogFileTests.SomeLog(isFinished: true, compress: false);
        byte[] bytes = disk.Fetch(LogPath);
        bytes[bytes.Length / 2] ^= 1;
        disk.Place(LogPath, bytes);
        (int code, string text) = Inspect(disk, LogPath, new InspectOptions());
        Assert.Equal(FileInspector.Damaged, code);
        Assert.Contains("DAMAGE BLOCK_BAD_CRC at offset ", text);
        Assert.Contains("what to do: ", text);
        Assert.Contains("finished, EOF marker", text);
    }

    [Theory]
    [InlineData("/nowhere/00000000000000000001.snap")]
    [InlineData("/data/other.txt")]
    public void What_is_no_file_of_ours_is_unreadable(string path)
    {
        ModelledDisk disk = LogFileTests.NewDisk();
        disk.Place("/data/other.txt", [1, 2, 3]);
        Assert.Equal(FileInspector.Unreadable, Inspect(disk, path, new InspectOptions()).Code);
        Assert.Equal(FileInspector.Unreadable, Inspect(disk, "/data", new InspectOptions()).Code);
    }

    [Theory]
    [InlineData("09_rotation", FileInspector.Fine, "")]
    [InlineData("10a_hot_copy_rotation", FileInspector.Fine, "")]
    [InlineData("10b_hot_copy_snapshots", FileInspector.Fine, "")]
    [InlineData("10c_two_pass_copy_hole", FileInspector.Damaged, DamageKinds.HoleBetweenFiles)]
    [InlineData("16_two_masters_1", FileInspector.Fine, "")]
    public void A_directory_is_checked_as_a_chain(string vector, int code, string kind)
    {
        (int found, string text) = Inspect(Vectors.Disk(vector, "data"), "/data", new InspectOptions { ShowRows = false });
        Assert.Equal(code, found);
        Assert.Contains(kind, text);
        Assert.Equal(code == FileInspector.Fine, !text.Contains("DAMAGE ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_log_a_foreign_one_and_a_missing_snapshot_are_found()
    {
        ModelledDisk disk = Vectors.Disk("09_rotation", "data");
        string[] logs = [.. disk.List("/data").Select(entry => entry.Name).Where(name => name.EndsWith(".xlog", StringComparison.Ordinal))];
        disk.Delete("/data/" + logs[^3]);
        Assert.Contains(DamageKinds.HoleBetweenFiles, Inspect(disk, "/data", new InspectOptions { ShowRows = false }).Text);

        disk = Vectors.Disk("01_fresh_bootstrap", "data");
        disk.Place("/data/00000000000000000004.xlog", [.. new LogHeader(LogFileKind.Xlog, Guid.NewGuid(), VClock.Of(1, 4)).Encode(), .. BlockFormat.EofMarker]);
        string text = Inspect(disk, "/data", new InspectOptions { ShowRows = false }).Text;
        Assert.Contains(DamageKinds.UuidMismatch, text);
        disk.Delete("/data/00000000000000000000.snap");
        Assert.Contains(DamageKinds.NoSnapshot, Inspect(disk, "/data", new InspectOptions { ShowRows = false }).Text);
    }

    [Fact]
    public void Rows_can_be_chosen_by_space()
    {
        ModelledDisk disk = Vectors.Disk("02_types", "data");
        string text = Inspect(disk, "/data/00000000000000001007.xlog", new InspectOptions { Spaces = ["counters"] }).Text;
        string[] rows = [.. text.Split('\n').Where(line => line.StartsWith("  @", StringComparison.Ordinal))];
        Assert.Equal(12, rows.Length);
        Assert.All(rows, row => Assert.Contains(" 601 counters ", row));
    }

    private static (int Code, string Text) Inspect(ModelledDisk disk, string path, InspectOptions options)
    {
        var output = new StringWriter();
        int code = FileInspector.Inspect(disk, path, options, output);
        return (code, output.ToString());
    }
}
