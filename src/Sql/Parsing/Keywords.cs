namespace Picodata.Sql.Parsing;

/// <summary>
/// Words that the parser treats by number: those that are reserved in some place, and those met in hot statements. All other words
/// of the grammar are compared where they may stand. Classes are PostgreSQL's.
/// </summary>
internal enum Keyword : ushort
{
    None,

    // reserved: neither column nor table name
    FirstReserved,
    All, Analyse, Analyze, And, Any, Array, As, Asc, Asymmetric, Both, Case, Cast, Check, Collate, Column, Constraint, Create,
    Current_Catalog, Current_Date, Current_Role, Current_Time, Current_Timestamp, Current_User, Default, Deferrable, Desc, Distinct,
    Do, Else, End, Except, False, Fetch, For, Foreign, From, Grant, Group, Having, In, Initially, Intersect, Into, Lateral, Leading,
    Limit, LocalTime, LocalTimestamp, Not, Null, Offset, On, Only, Or, Order, Placing, Primary, References, Returning, Select,
    Session_User, Some, Symmetric, Table, Then, To, Trailing, True, Union, Unique, User, Using, Variadic, When, Where, Window, With,
    LastReserved,

    // may be a function or type, not a column
    FirstTypeFunction,
    Authorization, Binary, Collation, Concurrently, Cross, Current_Schema, Freeze, Full, ILike, Inner, Is, IsNull, Join, Left, Like,
    Natural, NotNull, Outer, Overlaps, Right, Similar, TableSample, Verbose,
    LastTypeFunction,

    // may be a column, not a function
    FirstColumnName,
    Between, Bigint, Bit, Boolean, Char, Character, Coalesce, Dec, Decimal, Exists, Extract, Float, Greatest, Grouping, InOut, Int,
    Integer, Interval, Least, National, NChar, None_, Normalize, NullIf, Numeric, Out, Overlay, Position, Precision, Real, Row, SetOf,
    SmallInt, Substring, Time, Timestamp, Treat, Trim, Values, Varchar,
    LastColumnName,

    // not reserved, but known by number
    Insert, Update, Delete, Set, Begin, Commit, Rollback, Start, Abort, Savepoint, Release, Explain, Copy, Show, Reset,
    Operator, At, Escape, Filter, Over, Within, Year, Month, Day, Hour, Minute, Second, Varying, Without, Conflict, Call, Option,
    Indexed, Nulls, By, Prepare, Execute, Deallocate, Declare, Move, Close, Truncate, Drop, Alter, Backup,
}

/// <summary>Looks words up without regard to case and without allocation.</summary>
internal static class Keywords
{
    private const int LongestKeyword = 20;

    private static readonly Keyword[] Table = new Keyword[1024];
    private static readonly string[] Names = BuildNames();
    private static readonly bool[] NeedsAs = BuildNeedsAs();

    /// <summary>The keyword that the word is, else None.</summary>
    public static Keyword Find(ReadOnlySpan<char> word)
    {
        if (word.Length > LongestKeyword)
        {
            return Keyword.None;
        }

        int slot = (int)(Hash(word) & 1023);
        while (Table[slot] != Keyword.None)
        {
            Keyword candidate = Table[slot];
            if (EqualsLower(word, Names[(int)candidate]))
            {
                return candidate;
            }

            slot = (slot + 1) & 1023;
        }

        return Keyword.None;
    }

    /// <summary>The keyword's text in lower case.</summary>
    public static string Text(Keyword keyword) => Names[(int)keyword];

    public static bool IsReserved(Keyword keyword) => keyword is > Keyword.FirstReserved and < Keyword.LastReserved;

    public static bool IsTypeFunction(Keyword keyword) => keyword is > Keyword.FirstTypeFunction and < Keyword.LastTypeFunction;

    public static bool IsColumnName(Keyword keyword) => keyword is > Keyword.FirstColumnName and < Keyword.LastColumnName;

    /// <summary>True when the word can be an output name only behind AS.</summary>
    public static bool NeedsAsBefore(Keyword keyword) => NeedsAs[(int)keyword];

    /// <summary>Compares a word with a text in lower case, folding the word's ASCII letters.</summary>
    public static bool EqualsLower(ReadOnlySpan<char> word, string lower)
    {
        if (word.Length != lower.Length)
        {
            return false;
        }

        for (int i = 0; i < word.Length; i++)
        {
            if (Fold(word[i]) != lower[i])
            {
                return false;
            }
        }

        return true;
    }

    private static char Fold(char c) => c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c;

    private static uint Hash(ReadOnlySpan<char> word)
    {
        uint hash = 2166136261;
        foreach (char c in word)
        {
            hash = (hash ^ Fold(c)) * 16777619;
        }

        return hash ^ (hash >> 15);
    }

    private static string[] BuildNames()
    {
        Keyword[] all = Enum.GetValues<Keyword>();
        var names = new string[all.Length];
        foreach (Keyword keyword in all)
        {
            string name = keyword.ToString();
            names[(int)keyword] = name.TrimEnd('_').ToLowerInvariant();
            bool isMark = keyword == Keyword.None || (name.StartsWith("First", StringComparison.Ordinal) || name.StartsWith("Last", StringComparison.Ordinal));
            if (!isMark)
            {
                int slot = (int)(Hash(names[(int)keyword]) & 1023);
                while (Table[slot] != Keyword.None)
                {
                    slot = (slot + 1) & 1023;
                }

                Table[slot] = keyword;
            }
        }

        return names;
    }

    private static bool[] BuildNeedsAs()
    {
        var needs = new bool[Names.Length];
        ReadOnlySpan<Keyword> words =
        [
            Keyword.Array, Keyword.As, Keyword.Char, Keyword.Character, Keyword.Create, Keyword.Day, Keyword.Except, Keyword.Fetch,
            Keyword.Filter, Keyword.For, Keyword.From, Keyword.Grant, Keyword.Group, Keyword.Having, Keyword.Hour, Keyword.Intersect,
            Keyword.Into, Keyword.IsNull, Keyword.Limit, Keyword.Minute, Keyword.Month, Keyword.NotNull, Keyword.Offset, Keyword.On,
            Keyword.Order, Keyword.Over, Keyword.Overlaps, Keyword.Precision, Keyword.Returning, Keyword.Second, Keyword.To,
            Keyword.Union, Keyword.Varying, Keyword.Where, Keyword.Window, Keyword.With, Keyword.Within, Keyword.Without, Keyword.Year,
        ];
        foreach (Keyword keyword in words)
        {
            needs[(int)keyword] = true;
        }

        return needs;
    }
}
