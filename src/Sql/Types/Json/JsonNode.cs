using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

public enum JsonKind : byte { Null, Bool, Number, String, Array, Object }

/// <summary>A parsed JSON value. Nodes know where they stand in the text they were read from.</summary>
public sealed class JsonNode
{
    public required JsonKind Kind { get; init; }

    public bool Bool { get; init; }

    /// <summary>String: its characters; number: its digits as written.</summary>
    public string Text { get; init; } = "";

    /// <summary>Elements of an array.</summary>
    public List<JsonNode> Items { get; init; } = [];

    /// <summary>Members of an object in the order of the text, duplicates included.</summary>
    public List<(string Key, JsonNode Value)> Members { get; init; } = [];

    /// <summary>Where the value stands in its source text.</summary>
    public Range Source { get; init; }

    public static readonly JsonNode Null = new() { Kind = JsonKind.Null };

    public static JsonNode OfString(string text) => new() { Kind = JsonKind.String, Text = text };

    public static JsonNode OfNumber(string digits) => new() { Kind = JsonKind.Number, Text = digits };

    public static JsonNode OfBool(bool value) => new() { Kind = JsonKind.Bool, Bool = value };

    /// <summary>Value of the last member with this key, or null.</summary>
    public JsonNode? Member(string key)
    {
        for (int i = Members.Count - 1; i >= 0; i--)
        {
            if (Members[i].Key == key)
            {
                return Members[i].Value;
            }
        }

        return null;
    }

    /// <summary>Element by position; negative counts from the end; null when there is none.</summary>
    public JsonNode? Item(long index)
    {
        index = index < 0 ? index + Items.Count : index;
        return index >= 0 && index < Items.Count ? Items[(int)index] : null;
    }

    /// <summary>jsonb's text: one blank after colon and comma, keys by length then bytes, last duplicate wins, numbers as numeric.</summary>
    public string ToNormalText()
    {
        var text = new StringBuilder();
        AppendNormal(text);
        return text.ToString();
    }

    private void AppendNormal(StringBuilder text)
    {
        switch (Kind)
        {
            case JsonKind.Null:
                text.Append("null");
                break;
            case JsonKind.Bool:
                text.Append(Bool ? "true" : "false");
                break;
            case JsonKind.Number:
                text.Append(Numeric.Parse(Text));
                break;
            case JsonKind.String:
                JsonText.AppendQuoted(text, Text);
                break;
            case JsonKind.Array:
                text.Append('[');
                for (int i = 0; i < Items.Count; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Items[i].AppendNormal(text);
                }

                text.Append(']');
                break;
            default:
                AppendMembers(text);
                break;
        }
    }

    private void AppendMembers(StringBuilder text)
    {
        text.Append('{');
        bool first = true;
        foreach ((string key, JsonNode value) in SortedMembers())
        {
            text.Append(first ? "" : ", ");
            JsonText.AppendQuoted(text, key);
            text.Append(": ");
            value.AppendNormal(text);
            first = false;
        }

        text.Append('}');
    }

    /// <summary>Members as jsonb keeps them: unique, by length of the key's UTF-8 form, then by its bytes.</summary>
    public IEnumerable<(string Key, JsonNode Value)> SortedMembers()
    {
        var unique = new Dictionary<string, JsonNode>(StringComparer.Ordinal);
        foreach ((string key, JsonNode value) in Members)
        {
            unique[key] = value;
        }

        return unique
            .OrderBy(member => Encoding.UTF8.GetByteCount(member.Key))
            .ThenBy(member => member.Key, Comparer<string>.Create(DatumComparer.CompareText))
            .Select(member => (member.Key, member.Value));
    }

    /// <summary>Equality of jsonb values: numbers by value, objects without regard to order and earlier duplicates.</summary>
    public bool ValueEquals(JsonNode other) => Kind == other.Kind && ToNormalKey() == other.ToNormalKey();

    private string ToNormalKey() => Kind switch
    {
        JsonKind.Number => Numeric.Parse(Text).TrimScale().ToString(),
        JsonKind.Array => "[" + string.Join(",", Items.Select(item => item.ToNormalKey())) + "]",
        JsonKind.Object => "{" + string.Join(",", SortedMembers().Select(member => JsonText.Quote(member.Key) + ":" + member.Value.ToNormalKey())) + "}",
        _ => ToNormalText(),
    };
}
