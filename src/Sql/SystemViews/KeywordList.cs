using Picodata.Sql.Parsing;

namespace Picodata.Sql.SystemViews;

/// <summary>The parser's words with PostgreSQL's letters: R reserved, T may name functions and types, C may name columns, U others.</summary>
internal static class KeywordList
{
    public static IEnumerable<(string Word, char Category)> All()
    {
        foreach (Keyword keyword in Enum.GetValues<Keyword>().Order())
        {
            if (keyword is Keyword.None or Keyword.FirstReserved or Keyword.LastReserved or Keyword.FirstTypeFunction or Keyword.LastTypeFunction
                or Keyword.FirstColumnName or Keyword.LastColumnName)
            {
                continue;
            }

            char category = keyword < Keyword.LastReserved ? 'R'
                : keyword < Keyword.LastTypeFunction ? 'T'
                : keyword < Keyword.LastColumnName ? 'C'
                : 'U';
            yield return (keyword.ToString().TrimEnd('_').ToLowerInvariant(), category);
        }
    }
}
