namespace Picodata.Sql.Parsing;

/// <summary>Positions for people: characters instead of UTF-16 units, short excerpts.</summary>
public static class TextPosition
{
    private const int LongestExcerpt = 100;

    /// <summary>Turns a 1-based position in UTF-16 units into one in characters; 0 stays 0.</summary>
    public static int InCharacters(string text, int position)
    {
        int pairs = 0;
        int end = Math.Min(position - 1, text.Length);
        for (int i = 0; i < end; i++)
        {
            if (char.IsLowSurrogate(text[i]))
            {
                pairs++;
            }
        }

        return position - pairs;
    }

    /// <summary>A piece of the text, cut when long.</summary>
    internal static string Excerpt(string text, int start, int end)
    {
        end = Math.Min(end, text.Length);
        return end - start <= LongestExcerpt ? text[start..end] : text.Substring(start, LongestExcerpt);
    }
}
