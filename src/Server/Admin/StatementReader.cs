namespace Picodata.Server;

/// <summary>
/// Cuts typed lines into statements at the delimiter, which does not count inside quotes, dollar quotes and comments.
/// An empty delimiter means that every line is a statement (<c>\set delimiter enter</c>).
/// </summary>
internal sealed class StatementReader
{
    private string pending = "";

    public string Delimiter { get; set; } = ";";

    /// <summary>True while a statement has begun and not ended.</summary>
    public bool IsOpen => pending.Trim().Length > 0;

    /// <summary>Adds a line and gives the statements that it completes.</summary>
    public IEnumerable<string> Add(string line)
    {
        if (Delimiter.Length == 0)
        {
            return line.Trim().Length == 0 ? [] : [line];
        }

        pending = pending.Length == 0 ? line : pending + "\n" + line;
        var statements = new List<string>();
        while (EndOfStatement(pending) is >= 0 and int end)
        {
            string statement = pending[..end];
            pending = pending[(end + Delimiter.Length)..];
            if (statement.Trim().Length > 0)
            {
                statements.Add(statement);
            }
        }

        return statements;
    }

    /// <summary>What stands after the last delimiter, at the end of the input.</summary>
    public string TakeRest()
    {
        string rest = pending;
        pending = "";
        return rest;
    }

    private int EndOfStatement(string text)
    {
        for (int at = 0; at < text.Length;)
        {
            if (string.CompareOrdinal(text, at, Delimiter, 0, Delimiter.Length) == 0)
            {
                return at;
            }

            int next = SkipQuoted(text, at);
            if (next < 0)
            {
                return -1;
            }

            at = next == at ? at + 1 : next;
        }

        return -1;
    }

    /// <summary>Position behind a quoted part or comment that begins at <paramref name="at"/>; <paramref name="at"/> itself when none does; -1 when it is not closed.</summary>
    private static int SkipQuoted(string text, int at)
    {
        switch (text[at])
        {
            case '\'' or '"':
                return After(text, text[at].ToString(), at + 1);
            case '-' when at + 1 < text.Length && text[at + 1] == '-':
                return After(text, "\n", at + 2);
            case '/' when at + 1 < text.Length && text[at + 1] == '*':
                return After(text, "*/", at + 2);
            case '$':
                int tagEnd = at + 1;
                while (tagEnd < text.Length && (char.IsLetterOrDigit(text[tagEnd]) || text[tagEnd] == '_'))
                {
                    tagEnd++;
                }

                bool isTag = tagEnd < text.Length && text[tagEnd] == '$' && !char.IsDigit(text[at + 1]);
                return isTag ? After(text, text[at..(tagEnd + 1)], tagEnd + 1) : at;
            default:
                return at;
        }
    }

    private static int After(string text, string mark, int from)
    {
        int found = text.IndexOf(mark, from, StringComparison.Ordinal);
        return found < 0 ? -1 : found + mark.Length;
    }
}
