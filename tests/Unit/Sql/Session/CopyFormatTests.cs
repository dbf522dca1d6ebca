using System.Text;
using CsCheck;
using Picodata.Core;
using Picodata.Sql;
using Xunit;

namespace Picodata.Unit.Sql.Session;

public sealed class CopyFormatTests
{
    private static readonly CopyOptions Text = CopyOptions.Create(CopyForm.Text, null, null, null, null, CopyHeader.None);
    private static readonly CopyOptions Csv = CopyOptions.Create(CopyForm.Csv, null, null, null, null, CopyHeader.None);
    private static readonly CopyOptions Binary = CopyOptions.Create(CopyForm.Binary, null, null, null, null, CopyHeader.None);

    /// <summary>Reads data that arrives in pieces; NULL as null, bytes as Latin-1.</summary>
    private static List<string?[]> Read(CopyOptions options, byte[] data, int piece)
    {
        var reader = CopyReader.For(options);
        var row = new CopyRow();
        var rows = new List<string?[]>();
        for (int at = 0; at <= data.Length; at += piece)
        {
            if (at < data.Length)
            {
                reader.Append(data.AsSpan(at, Math.Min(piece, data.Length - at)));
            }

            if (at + piece >= data.Length)
            {
                reader.Complete();
            }

            while (reader.TryReadRow(row))
            {
                rows.Add(Enumerable.Range(0, row.Count).Select(field => row.IsNull(field) ? null : Encoding.Latin1.GetString(row[field])).ToArray());
            }
        }

        Assert.True(reader.IsFinished);
        return rows;
    }

    private static string Shown(CopyOptions options, string data, int piece = 3) =>
        string.Join('|', Read(options, Encoding.Latin1.GetBytes(data), piece).Select(row => string.Join(',', row.Select(value => value ?? "NULL"))));

    [Theory]
    [InlineData("1\ta\n2\t\\N\n", "1,a|2,NULL")]
    [InlineData("1\ta\r\n2\tb\r\n", "1,a|2,b")]
    [InlineData("1\ta\r2\tb", "1,a|2,b")]
    [InlineData("\\b\\f\\n\\r\\t\\v\\\\\\q\n", "\b\f\n\r\t\v\\q")]
    [InlineData("\\101\\x42\\x4\\1018\n", "AB\u0004A8")]
    [InlineData("a\\\tb\tc\n", "a\tb,c")]
    [InlineData("1\n\\.\n2\n", "1")]
    [InlineData("\n", "")]
    [InlineData("\t\n", ",")]
    [InlineData("a\\\nb\n", "a\nb")]
    [InlineData("\\\\N\n", "\\N")]
    public void Text_lines_become_fields(string data, string expected) => Assert.Equal(expected, Shown(Text, data));

    [Theory]
    [InlineData("1,a\n2,\n3,\"\"\n", "1,a|2,NULL|3,")]
    [InlineData("\"a,b\",\"c\"\"d\"\n", "a,b,c\"d")]
    [InlineData("\"two\nlines\",x\r\n", "two\nlines,x")]
    [InlineData("a\"b,c\"d\n", "ab,cd")]
    [InlineData("1\n\\.\n", "1")]
    [InlineData("x,y", "x,y")]
    public void Csv_lines_become_fields(string data, string expected) => Assert.Equal(expected, Shown(Csv, data));

    [Theory]
    [InlineData(CopyForm.Csv, "\"open\n", "unterminated CSV quoted field")]
    [InlineData(CopyForm.Text, "a\nb\r\n", "literal carriage return found in data")]
    [InlineData(CopyForm.Csv, "a\r\nb\n", "unquoted newline found in data")]
    [InlineData(CopyForm.Binary, "PGCOPX", "COPY file signature not recognized")]
    public void Bad_data_is_refused(CopyForm form, string data, string message)
    {
        CopyOptions options = CopyOptions.Create(form, null, null, null, null, CopyHeader.None);
        DbException refused = Assert.Throws<DbException>(() => Shown(options, data));
        Assert.Equal((SqlStates.BadCopyFileFormat, message), (refused.SqlState, refused.Message));
    }

    [Fact]
    public void A_header_line_is_kept_apart()
    {
        CopyOptions options = CopyOptions.Create(CopyForm.Csv, null, null, null, null, CopyHeader.Match);
        var reader = (CopyLineReader)CopyReader.For(options);
        reader.Append("a,b\n1,2\n"u8);
        reader.Complete();
        var row = new CopyRow();
        Assert.True(reader.TryReadRow(row));
        Assert.Equal("1", Encoding.UTF8.GetString(row[0]));
        Assert.Equal("b", Encoding.UTF8.GetString(reader.HeaderRow![1]));
    }

    [Fact]
    public void What_is_written_reads_back_however_it_is_cut()
    {
        var field = Gen.OneOf(
            Gen.Const((string?)null),
            Gen.String[Gen.Char["\\\n\r\t,\"abN.\u0001\u00ff"], 0, 6].Select(text => (string?)text));
        Gen.Select(field.Array[2].Array[0, 8], Gen.Int[0, 2].Select(form => new[] { Text, Csv, Binary }[form]), Gen.Int[1, 40]).Sample((rows, options, piece) =>
        {
            var writer = new CopyWriter(options);
            writer.Begin(["x", "y"]);
            foreach (string?[] row in rows)
            {
                writer.BeginRow();
                foreach (string? value in row)
                {
                    if (value is null)
                    {
                        writer.Null();
                    }
                    else
                    {
                        writer.Field(Encoding.Latin1.GetBytes(value));
                    }
                }

                writer.EndRow();
            }

            writer.End();
            List<string?[]> back = Read(options, writer.Bytes.ToArray(), piece);
            Assert.Equal(rows, back);
        });
    }
}
