using System.Globalization;
using System.Text;
using System.Text.Json;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

public class UpdateOperationsTests
{
    private static readonly Names Format = new(["id", "num", "dbl", "str", "a.b"], doubleField: 2);

    [Theory]
    [InlineData("[1,2]", "[['=',1,5]]", "[1,5]")]
    [InlineData("[1,2]", "[['=',2,5]]", "[1,2,5]")]
    [InlineData("[1,2]", "[['=',3,5]]", null)]
    [InlineData("[1,2]", "[['=',-1,5]]", "[1,5]")]
    [InlineData("[1,2]", "[['=',-2,5]]", "[5,2]")]
    [InlineData("[1,2]", "[['=',-3,5]]", null)]
    [InlineData("[1,2]", "[['!',-1,5]]", "[1,2,5]")]
    [InlineData("[1,2]", "[['!',-3,5]]", "[5,1,2]")]
    [InlineData("[1,2]", "[['!',2,5]]", "[1,2,5]")]
    [InlineData("[1,2]", "[['!',3,5]]", null)]
    [InlineData("[1,2,3]", "[['#',1,1]]", "[1,3]")]
    [InlineData("[1,2,3]", "[['#',1,9]]", "[1]")]
    [InlineData("[1,2,3]", "[['#',1,0]]", null)]
    [InlineData("[1,2,3]", "[['#',-1,1]]", "[1,2]")]
    [InlineData("[1,2]", "[['+',1,5],['+',1,1]]", "[1,8]")]
    [InlineData("[1,2]", "[['-',1,5]]", "[1,-3]")]
    [InlineData("[1,18446744073709551615]", "[['+',1,1]]", null)]
    [InlineData("[1,-9223372036854775808]", "[['-',1,1]]", null)]
    [InlineData("[1,-9223372036854775808]", "[['+',1,18446744073709551615]]", "[1,9223372036854775807]")]
    [InlineData("[1,'x']", "[['+',1,1]]", null)]
    [InlineData("[1,6]", "[['&',1,3],['|',1,8],['^',1,1]]", "[1,11]")]
    [InlineData("[1,-6]", "[['&',1,3]]", null)]
    [InlineData("[1,1.5]", "[['+',1,0.25]]", "[1,F1.75]")]
    [InlineData("[1,1.5]", "[['+',1,0.1]]", "[1,1.6]")]
    [InlineData("[1,1,1.5]", "[['+','dbl',0.25]]", "[1,1,1.75]")]
    [InlineData("[1,D'1.20']", "[['+',1,1]]", "[1,D'2.20']")]
    [InlineData("[1,0.1]", "[['+',1,D'0.2']]", "[1,D'0.3']")]
    [InlineData("[1,D'99999999999999999999999999999999999999']", "[['+',1,1]]", null)]
    [InlineData("[1,D'9999999999999999999999999999999999999.5']", "[['+',1,D'0.05']]", "[1,D'9999999999999999999999999999999999999.6']")]
    [InlineData("[1,'abcdef']", "[[':',1,1,2,'XY']]", "[1,'aXYdef']")]
    [InlineData("[1,'abcdef']", "[[':',1,-1,0,'!']]", "[1,'abcdef!']")]
    [InlineData("[1,'abcdef']", "[[':',1,-3,9,'!']]", "[1,'abcd!']")]
    [InlineData("[1,'abcdef']", "[[':',1,1,-2,'!']]", "[1,'a!ef']")]
    [InlineData("[1,'abcdef']", "[[':',1,99,1,'!']]", "[1,'abcdef!']")]
    [InlineData("[1,'abcdef']", "[[':',1,-9,1,'!']]", null)]
    [InlineData("[1,[1,2]]", "[['=','num[2]',9]]", "[1,[1,9]]")]
    [InlineData("[1,[1,2]]", "[['=','num[3]',9]]", "[1,[1,2,9]]")]
    [InlineData("[1,[1,2]]", "[['!','[2][1]',9]]", "[1,[9,1,2]]")]
    [InlineData("[1,{'k':{'d':1}}]", "[['+','num.k.d',9]]", "[1,{'k':{'d':10}}]")]
    [InlineData("[1,{'k':1}]", "[['=','num[\"n w\"]',9]]", "[1,{'n w':9,'k':1}]")]
    [InlineData("[1,{'k':1}]", "[['!','num.k',9]]", null)]
    [InlineData("[1,{'k':1,'l':2}]", "[['#','num.k',1]]", "[1,{'l':2}]")]
    [InlineData("[1,{'k':1}]", "[['#','num.k',2]]", null)]
    [InlineData("[1,{'k':1}]", "[['#','num.x',1]]", null)]
    [InlineData("[1,{'k':1}]", "[['=','num.x.y',1]]", null)]
    [InlineData("[1,2,3,4,5]", "[['=','a.b',9]]", "[1,2,3,4,9]")]
    [InlineData("[1,2]", "[['=','nope',9]]", null)]
    [InlineData("[1,2]", "[['?',1,9]]", null)]
    public void Operations_do_what_the_format_says(string tuple, string operations, string? expected)
    {
        var result = new MsgPackWriter();
        UpdateOutcome outcome = UpdateOperations.Apply(Text(tuple), Text(operations), 0, false, Format, result, out string problem);
        if (expected is null)
        {
            Assert.Equal(UpdateOutcome.Failed, outcome);
            Assert.NotEmpty(problem);
            return;
        }

        Assert.Equal("", problem);
        Assert.Equal(Convert.ToHexStringLower(Text(expected)), Convert.ToHexStringLower(result.WrittenSpan));
    }

    [Fact]
    public void The_index_base_counts_for_fields_and_splices_but_not_from_the_end()
    {
        Assert.Equal(Text("[9,'Xbc']"), Apply("[1,'abc']", "[['=',1,9],[':',2,1,1,'X']]", 1));
        Assert.Equal(Text("[1,9]"), Apply("[1,2]", "[['=',-1,9]]", 1));
        Assert.Null(Apply("[1,2]", "[['=',0,9]]", 1));
    }

    [Fact]
    public void Upsert_skips_operations_that_fail()
    {
        var result = new MsgPackWriter();
        UpdateOutcome outcome = UpdateOperations.Apply(Text("[1,'x',3]"), Text("[['+',1,1],['+',2,1],['=',9,1]]"), 0, true, Format, result, out _);
        Assert.Equal(UpdateOutcome.Done, outcome);
        Assert.Equal(Text("[1,'x',4]"), result.ToArray());
    }

    [Fact]
    public void A_log_with_every_operation_leads_to_the_rows_that_tarantool_has()
    {
        ModelledDisk disk = Vectors.Disk("02_types", "data");
        JsonElement expected = Vectors.Json("02_types", "expected.json");
        var spaces = new Dictionary<uint, SortedDictionary<string, byte[]>>();
        using (LogFileReader snap = LogFileReader.Open(disk, "/data/00000000000000001007.snap", new LogReadOptions()))
        {
            while (snap.TryReadBlock(out LogBlock block))
            {
                foreach (LogRow row in block.Rows)
                {
                    Apply(spaces, row, block);
                }
            }
        }

        using LogFileReader log = LogFileReader.Open(disk, "/data/00000000000000001007.xlog", new LogReadOptions());
        while (log.TryReadTransaction(out LogTransaction transaction))
        {
            foreach (LogRow row in transaction.Rows)
            {
                Apply(spaces, row, transaction.Block);
            }
        }

        foreach (JsonElement space in expected.GetProperty("spaces").EnumerateArray())
        {
            uint id = space.GetProperty("definition")[0].GetUInt32();
            Assert.Equal(
                space.GetProperty("hex").EnumerateArray().Select(row => row.GetString()!).Order(StringComparer.Ordinal),
                spaces[id].Values.Select(Convert.ToHexStringLower).Order(StringComparer.Ordinal));
        }
    }

    private static void Apply(Dictionary<uint, SortedDictionary<string, byte[]>> spaces, LogRow row, LogBlock block)
    {
        Assert.Null(row.Body.Problem);
        spaces.TryAdd(row.Body.SpaceId, []);
        SortedDictionary<string, byte[]> space = spaces[row.Body.SpaceId];
        if (row.Body.SpaceId < 512 || row.Body.IndexId != 0)
        {
            return;
        }

        string key = FirstField(block.Bytes(row.Body.Key.Exists ? row.Body.Key : row.Body.Tuple));
        if (row.Header.Type == RequestType.Delete)
        {
            space.Remove(key);
        }
        else if (row.Body.Operations.Exists && space.TryGetValue(key, out byte[]? old))
        {
            var names = new Names(["id", "int", "dbl", "num", "str", "flag", "dec", "uid", "opt", "arr", "map", "bin", "any"], doubleField: 2);
            var result = new MsgPackWriter();
            UpdateOutcome outcome = UpdateOperations.Apply(
                old, block.Bytes(row.Body.Operations), row.Body.IndexBase, row.Header.Type == RequestType.Upsert, names, result, out string problem);
            Assert.True(outcome == UpdateOutcome.Done, problem);
            space[key] = result.ToArray();
        }
        else if (row.Header.Type != RequestType.Update)
        {
            space[key] = block.Bytes(row.Body.Tuple).ToArray();
        }
    }

    private static string FirstField(ReadOnlySpan<byte> array)
    {
        var reader = new MsgPackReader(array);
        reader.ReadArrayHead();
        return Convert.ToHexStringLower(reader.ReadRaw());
    }

    private static byte[]? Apply(string tuple, string operations, uint indexBase)
    {
        var result = new MsgPackWriter();
        return UpdateOperations.Apply(Text(tuple), Text(operations), indexBase, false, Format, result, out _) == UpdateOutcome.Done ? result.ToArray() : null;
    }

    /// <summary>MessagePack from JSON with single quotes, in which D'1.2' is a decimal and F1.5 a 4-byte float.</summary>
    private static byte[] Text(string text)
    {
        var marked = new StringBuilder();
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] == 'D' && at + 1 < text.Length && text[at + 1] == '\'')
            {
                int end = text.IndexOf('\'', at + 2);
                marked.Append(CultureInfo.InvariantCulture, $"{{\"$d\":\"{text[(at + 2)..end]}\"}}");
                at = end;
            }
            else if (text[at] == 'F' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))
            {
                int end = text.IndexOfAny([',', ']'], at);
                marked.Append(CultureInfo.InvariantCulture, $"{{\"$f\":{text[(at + 1)..end]}}}");
                at = end - 1;
            }
            else
            {
                marked.Append(text[at] == '\'' ? '"' : text[at] == '"' ? "\\\"" : text[at]);
            }
        }

        using var document = JsonDocument.Parse(marked.ToString());
        var writer = new MsgPackWriter();
        Write(writer, document.RootElement);
        return writer.ToArray();
    }

    private static void Write(MsgPackWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                writer.WriteArrayHead(value.GetArrayLength());
                foreach (JsonElement item in value.EnumerateArray())
                {
                    Write(writer, item);
                }

                break;
            case JsonValueKind.Object when value.TryGetProperty("$d", out JsonElement text):
                string digits = text.GetString()!;
                int scale = digits.Contains('.') ? digits.Length - digits.IndexOf('.') - 1 : 0;
                new MpDecimal(UInt128.Parse(digits.Replace(".", "").TrimStart('-'), CultureInfo.InvariantCulture), scale, digits[0] == '-').Write(writer);
                break;
            case JsonValueKind.Object when value.TryGetProperty("$f", out JsonElement real):
                writer.WriteFloat32(real.GetSingle());
                break;
            case JsonValueKind.Object:
                writer.WriteMapHead(value.EnumerateObject().Count());
                foreach (JsonProperty pair in value.EnumerateObject())
                {
                    writer.WriteString(pair.Name);
                    Write(writer, pair.Value);
                }

                break;
            case JsonValueKind.String:
                writer.WriteString(value.GetString());
                break;
            case JsonValueKind.Number when value.GetRawText().Contains('.'):
                writer.WriteDouble(value.GetDouble());
                break;
            case JsonValueKind.Number when value.TryGetUInt64(out ulong number):
                writer.WriteUInt64(number);
                break;
            default:
                writer.WriteInt64(value.GetInt64());
                break;
        }
    }

    private sealed class Names(string[] names, int doubleField) : IFieldNames
    {
        public int Find(ReadOnlySpan<byte> name) => Array.IndexOf(names, Encoding.UTF8.GetString(name));

        public bool IsDouble(int field) => field == doubleField;
    }
}
