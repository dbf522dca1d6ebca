using System.Text;
using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// A path inside a field, as in index parts: <c>a.b</c>, <c>[1].x</c>, <c>["k"]</c>. Indexes count from 1. What is missing is NULL.
/// </summary>
internal sealed unsafe class JsonPath
{
    private readonly List<(byte[]? Key, int Index)> steps = [];

    private JsonPath(string text) => Text = text;

    public string Text { get; }

    /// <summary>Throws 0A000 for what it does not understand.</summary>
    public static JsonPath Parse(string text)
    {
        var path = new JsonPath(text);
        int at = 0;
        while (at < text.Length)
        {
            at = text[at] == '[' ? path.ParseBracket(text, at) : path.ParseName(text, at);
        }

        return path.steps.Count > 0 ? path : throw Wrong(text);
    }

    /// <summary>The value at this path below <paramref name="value"/>, or null.</summary>
    public byte* Find(byte* value)
    {
        foreach ((byte[]? key, int index) in steps)
        {
            int kind = ScalarOrder.Class(value);
            if (kind != (key is null ? 8 : 9))
            {
                return null;
            }

            value = key is null ? RawTuple.Field(value, index) : FindKey(value, key);
            if (value == null)
            {
                return null;
            }
        }

        return value;
    }

    private static byte* FindKey(byte* map, byte[] key)
    {
        for (uint left = RawTuple.MapHead(ref map); left > 0; left--)
        {
            bool found = ScalarOrder.Class(map) == 3 && RawTuple.ReadBytes(map).SequenceEqual(key);
            map = RawTuple.Skip(map);
            if (found)
            {
                return map;
            }

            map = RawTuple.Skip(map);
        }

        return null;
    }

    private int ParseName(string text, int at)
    {
        int start = text[at] == '.' ? at + 1 : at;
        int end = text.AsSpan(start).IndexOfAny('.', '[');
        end = end < 0 ? text.Length : start + end;
        if (end == start)
        {
            throw Wrong(text);
        }

        steps.Add((Encoding.UTF8.GetBytes(text[start..end]), 0));
        return end;
    }

    private int ParseBracket(string text, int at)
    {
        int end = text.IndexOf(']', at);
        if (end < 0)
        {
            throw Wrong(text);
        }

        string inside = text[(at + 1)..end];
        if (inside.Length > 2 && inside[0] is '"' or '\'' && inside[^1] == inside[0])
        {
            steps.Add((Encoding.UTF8.GetBytes(inside[1..^1]), 0));
        }
        else if (int.TryParse(inside, System.Globalization.CultureInfo.InvariantCulture, out int index) && index > 0)
        {
            steps.Add((null, index - 1));
        }
        else
        {
            throw Wrong(text);
        }

        return end + 1;
    }

    private static DbException Wrong(string text) => new(SqlStates.FeatureNotSupported, $"path \"{text}\" of an index part is not supported");
}
