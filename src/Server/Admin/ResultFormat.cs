using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Picodata.Server;

/// <summary>How the admin console prints rows.</summary>
internal enum AdminFormat { Table, TuplesOnly, Json, Csv }

/// <summary>
/// Prints results as Picodata's admin console does: a box of <c>+ - |</c> with the header underlined by <c>=</c> and
/// <c>(N rows)</c>; values only, separated; a JSON array of objects; or CSV.
/// </summary>
internal sealed class ResultFormat(AdminFormat format, char separator)
{
    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public void Print(PgResult result, TextWriter output)
    {
        if (result.Columns is null)
        {
            if (AffectedRows(result.Tag) is { } affected)
            {
                output.WriteLine(affected);
            }

            return;
        }

        switch (format)
        {
            case AdminFormat.TuplesOnly:
                foreach (string?[] row in result.Rows)
                {
                    output.WriteLine(string.Join(separator, row));
                }

                break;
            case AdminFormat.Csv:
                output.WriteLine(string.Join(separator, result.Columns.Select(column => Quoted(column.Name))));
                foreach (string?[] row in result.Rows)
                {
                    output.WriteLine(string.Join(separator, row.Select(Quoted)));
                }

                break;
            case AdminFormat.Json:
                PrintJson(result, output);
                break;
            default:
                PrintTable(result, output);
                break;
        }
    }

    /// <summary>The count that DML, DDL and ACL print: the tag's number, 1 for a statement that has none; nothing for BEGIN and the like.</summary>
    private static string? AffectedRows(string tag)
    {
        string[] words = tag.Split(' ');
        return words[0] switch
        {
            "BEGIN" or "COMMIT" or "ROLLBACK" or "SET" or "" => null,
            _ when words.Length > 1 && long.TryParse(words[^1], NumberStyles.None, CultureInfo.InvariantCulture, out long count) => count.ToString(CultureInfo.InvariantCulture),
            _ => "1",
        };
    }

    private string Quoted(string? value)
    {
        value ??= "";
        return value.AsSpan().IndexOfAny(['"', '\n', '\r', separator]) < 0 ? value : $"\"{value.Replace("\"", "\"\"")}\"";
    }

    private static void PrintJson(PgResult result, TextWriter output)
    {
        var array = new JsonArray();
        foreach (string?[] row in result.Rows)
        {
            var item = new JsonObject();
            for (int i = 0; i < row.Length; i++)
            {
                item[result.Columns![i].Name] = JsonValueOf(row[i], result.Columns[i].TypeOid);
            }

            array.Add(item);
        }

        output.WriteLine(array.ToJsonString(JsonOptions));
    }

    private static JsonNode? JsonValueOf(string? text, uint typeOid) => (text, typeOid) switch
    {
        (null, _) => null,
        (_, 16) => JsonValue.Create(text == "t"),
        (_, 20 or 21 or 23 or 26) => JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture)),
        (_, 1700 or 700 or 701) when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) => JsonNode.Parse(text),
        (_, 114 or 3802) => JsonNode.Parse(text),
        _ => JsonValue.Create(text),
    };

    private static void PrintTable(PgResult result, TextWriter output)
    {
        int[] widths = result.Columns!.Select(column => Width(column.Name)).ToArray();
        foreach (string?[] row in result.Rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                widths[i] = Math.Max(widths[i], Width(row[i] ?? "null"));
            }
        }

        string line = "+" + string.Concat(widths.Select(width => new string('-', width + 2) + "+"));
        output.WriteLine(line);
        output.WriteLine(Cells(result.Columns!.Select(column => column.Name), widths));
        output.WriteLine(line.Replace('-', '='));
        foreach (string?[] row in result.Rows)
        {
            output.WriteLine(Cells(row.Select(value => value ?? "null"), widths));
            output.WriteLine(line);
        }

        if (result.Rows.Count == 0)
        {
            output.WriteLine(line);
        }

        output.WriteLine($"({result.Rows.Count} {(result.Rows.Count == 1 ? "row" : "rows")})");
    }

    private static string Cells(IEnumerable<string> values, int[] widths)
    {
        var text = new StringBuilder("|");
        int column = 0;
        foreach (string value in values)
        {
            text.Append(' ').Append(value).Append(' ', widths[column++] - Width(value) + 1).Append('|');
        }

        return text.ToString();
    }

    private static int Width(string text) => new StringInfo(text).LengthInTextElements;
}
