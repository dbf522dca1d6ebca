using System.Globalization;
using System.Text;

namespace Picodata.Storage.Files;

/// <summary>
/// A JSON path: <c>name</c>, <c>.name</c>, <c>[5]</c>, <c>["name"]</c> or <c>['name']</c>, one behind the other. Indexes count from 1. Names are
/// letters, digits and underscores of any script.
/// </summary>
internal static class UpdatePath
{
    /// <param name="Index">From 0; -1 when the step is a key.</param>
    /// <param name="Key">UTF-8, or null.</param>
    public readonly record struct Step(int Index, byte[]? Key);

    public static bool TryParse(ReadOnlySpan<byte> utf8, out List<Step> steps)
    {
        string text = Encoding.UTF8.GetString(utf8);
        steps = [];
        int at = 0;
        while (at < text.Length)
        {
            bool taken = text[at] == '[' ? TryBracket(text, ref at, steps) : TryName(text, ref at, steps);
            if (!taken)
            {
                return false;
            }
        }

        return steps.Count > 0;
    }

    private static bool TryBracket(string text, ref int at, List<Step> steps)
    {
        int start = at + 1;
        if (start < text.Length && text[start] is '"' or '\'')
        {
            int quote = text.IndexOf(text[start], start + 1);
            if (quote <= start + 1 || quote + 1 >= text.Length || text[quote + 1] != ']')
            {
                return false;
            }

            steps.Add(new Step(-1, Encoding.UTF8.GetBytes(text[(start + 1)..quote])));
            at = quote + 2;
            return true;
        }

        int end = text.IndexOf(']', start);
        if (end < 0 || !int.TryParse(text.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out int index) || index < 1)
        {
            return false;
        }

        steps.Add(new Step(index - 1, null));
        at = end + 1;
        return true;
    }

    private static bool TryName(string text, ref int at, List<Step> steps)
    {
        if (text[at] == '.')
        {
            at++;
        }
        else if (steps.Count > 0)
        {
            return false;
        }

        int start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_' || char.IsSurrogate(text[at])))
        {
            at++;
        }

        if (at == start || char.IsAsciiDigit(text[start]))
        {
            return false;
        }

        steps.Add(new Step(-1, Encoding.UTF8.GetBytes(text[start..at])));
        return true;
    }
}
