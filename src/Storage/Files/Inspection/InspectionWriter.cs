using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Picodata.Storage.Files.Inspection;

/// <summary>Puts what inspection finds into lines: text for people, or one JSON object a line.</summary>
internal sealed class InspectionWriter(TextWriter output, bool json)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public void File(string path, LogHeader header, int headerLength, long length)
    {
        if (json)
        {
            Write(new JsonObject
            {
                ["event"] = "file",
                ["path"] = path,
                ["type"] = TypeName(header.Kind),
                ["format"] = header.FormatVersion,
                ["version"] = header.Version,
                ["instance"] = header.Instance.ToString(),
                ["vclock"] = header.VClock.ToString(),
                ["prev_vclock"] = header.PrevVClock?.ToString(),
                ["header_length"] = headerLength,
                ["length"] = length,
            });
            return;
        }

        output.WriteLine(path);
        output.WriteLine($"  {TypeName(header.Kind)} {header.FormatVersion}, {length} bytes, written by {header.Version}");
        string previous = header.PrevVClock is null ? "" : $", PrevVClock {header.PrevVClock}";
        output.WriteLine($"  Instance {header.Instance}, VClock {header.VClock}{previous}");
    }

    /// <summary>A file of which not even the header can be read.</summary>
    public void Unopened(string path, LogProblem problem, string hint)
    {
        if (!json)
        {
            output.WriteLine(path);
        }

        Problem(path, problem, hint);
    }

    public void Row(LogBlock block, in LogRow row, SpaceNames names)
    {
        RowHeader header = row.Header;
        bool hasSpace = row.Body.SpaceId != 0;
        if (json)
        {
            WriteJsonRow(block, row, names);
            return;
        }

        var line = new StringBuilder();
        string transaction = header.IsOfMany ? $" tx {header.TransactionId}{(header.IsLast ? " last" : "")}" : "";
        line.Append(CultureInfo.InvariantCulture, $"  @{block.Offset} {header.ReplicaId}:{header.Lsn}{transaction} {Time(header.Timestamp)} {Name(header.Type)}");
        if (hasSpace)
        {
            line.Append(CultureInfo.InvariantCulture, $" {row.Body.SpaceId}{(names[row.Body.SpaceId] is { Length: > 0 } name ? $" {name}" : "")}");
        }

        AppendPart(line, "", block, row.Body.Tuple);
        AppendPart(line, "key ", block, row.Body.Key);
        AppendPart(line, "operations ", block, row.Body.Operations);
        line.Append(header.Type is RequestType.Confirm or RequestType.Rollback ? $" replica {row.Body.ReplicaId} lsn {row.Body.Lsn}" : "");
        line.Append(row.Body.Problem is null ? "" : $" !! {row.Body.Problem}");
        output.WriteLine(line);
    }

    public void Problem(string path, LogProblem problem, string hint)
    {
        if (json)
        {
            Write(new JsonObject
            {
                ["event"] = problem.IsError ? "damage" : "remark",
                ["path"] = path,
                ["class"] = problem.Kind,
                ["offset"] = problem.Offset,
                ["expected"] = problem.Expected,
                ["found"] = problem.Found,
                ["hint"] = problem.IsError ? hint : null,
            });
            return;
        }

        string place = problem.Offset >= 0 ? $" at offset {problem.Offset}" : $" of {path}";
        output.WriteLine($"  {(problem.IsError ? "DAMAGE" : "remark")} {problem.Kind}{place}: expected {problem.Expected}, found {problem.Found}");
        if (problem.IsError)
        {
            output.WriteLine($"    what to do: {hint}");
        }
    }

    public void Summary(string path, FileSummary summary, SpaceNames names)
    {
        if (json)
        {
            Write(new JsonObject
            {
                ["event"] = "summary",
                ["path"] = path,
                ["blocks"] = summary.Blocks,
                ["compressed_blocks"] = summary.CompressedBlocks,
                ["rows"] = summary.Rows,
                ["finished"] = summary.End?.IsFinished ?? false,
                ["valid_bytes"] = summary.End?.ValidBytes ?? -1,
                ["reached"] = summary.Kind == LogFileKind.Xlog ? summary.Reached.ToString() : null,
                ["requests"] = new JsonObject(summary.Requests.OrderBy(pair => pair.Key).Select(pair => KeyValuePair.Create<string, JsonNode?>(Name(pair.Key), pair.Value))),
                ["spaces"] = new JsonObject(summary.Spaces.OrderBy(pair => pair.Key).Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Key.ToString(CultureInfo.InvariantCulture), pair.Value))),
                ["damaged"] = summary.IsDamaged,
            });
            return;
        }

        string end = summary.End is null ? "reading stopped at damage"
            : summary.End.IsFinished ? $"finished, EOF marker at {summary.End.ValidBytes}"
            : $"unfinished, usable up to {summary.End.ValidBytes}";
        string reached = summary.Kind == LogFileKind.Xlog ? $", reaches {summary.Reached}" : "";
        output.WriteLine($"  {summary.Rows} rows in {summary.Blocks} blocks ({summary.CompressedBlocks} compressed), {end}{reached}");
        foreach ((uint id, long rows) in summary.Spaces.OrderBy(pair => pair.Key))
        {
            output.WriteLine($"    space {id} {names[id]}: {rows} rows");
        }
    }

    public void Verdict(string path, string text, bool isDamaged)
    {
        if (json)
        {
            Write(new JsonObject { ["event"] = "verdict", ["path"] = path, ["damaged"] = isDamaged, ["text"] = text });
        }
        else
        {
            output.WriteLine($"{(isDamaged ? "DAMAGED" : "OK")}: {text}");
        }
    }

    private void WriteJsonRow(LogBlock block, in LogRow row, SpaceNames names)
    {
        RowHeader header = row.Header;
        var line = new JsonObject
        {
            ["event"] = "row",
            ["offset"] = block.Offset,
            ["type"] = Name(header.Type),
            ["replica_id"] = header.ReplicaId,
            ["lsn"] = header.Lsn,
            ["timestamp"] = double.IsFinite(header.Timestamp) ? header.Timestamp : null,
        };
        if (header.GroupId != 0)
        {
            line["group_id"] = header.GroupId;
        }

        if (header.IsOfMany)
        {
            line["transaction"] = header.TransactionId;
            line["last"] = header.IsLast;
        }

        if (row.Body.SpaceId != 0)
        {
            line["space_id"] = row.Body.SpaceId;
            line["space"] = names[row.Body.SpaceId];
        }

        AddPart(line, "index_base", row.Body.IndexBase);
        AddPart(line, "index_id", row.Body.IndexId);
        AddPart(line, "tuple", block, row.Body.Tuple);
        AddPart(line, "key", block, row.Body.Key);
        AddPart(line, "operations", block, row.Body.Operations);
        if (row.Body.Problem is not null)
        {
            line["problem"] = row.Body.Problem;
        }

        Write(line);
    }

    private static void AddPart(JsonObject line, string name, uint value)
    {
        if (value != 0)
        {
            line[name] = value;
        }
    }

    private static void AddPart(JsonObject line, string name, LogBlock block, PayloadSlice slice)
    {
        if (slice.Exists)
        {
            var depth = new JsonDocumentOptions { MaxDepth = MsgPackReader.MaxDepth * 3 };
            line[name] = JsonNode.Parse(MsgPackText.Format(block.Bytes(slice), json: true), documentOptions: depth);
        }
    }

    private static void AppendPart(StringBuilder line, string name, LogBlock block, PayloadSlice slice)
    {
        if (slice.Exists)
        {
            line.Append(' ').Append(name).Append(MsgPackText.Format(block.Bytes(slice), json: false));
        }
    }

    private static string TypeName(LogFileKind kind) => kind == LogFileKind.Snap ? "SNAP" : "XLOG";

    private static string Name(RequestType type) => type.ToString().ToUpperInvariant();

    private static string Time(double timestamp)
    {
        const double Latest = 253_402_300_799;
        return timestamp is >= 0 and <= Latest
            ? DateTimeOffset.UnixEpoch.AddSeconds(timestamp).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)
            : timestamp.ToString(CultureInfo.InvariantCulture);
    }

    private void Write(JsonObject line) => output.WriteLine(line.ToJsonString(new JsonSerializerOptions(Plain) { MaxDepth = MsgPackReader.MaxDepth * 4 }));
}
