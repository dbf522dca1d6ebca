using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>A FOREIGN KEY of a table. Columns are ordinals.</summary>
internal sealed record ForeignKey(string Name, IReadOnlyList<int> Columns, uint TargetSpace, IReadOnlyList<int> TargetColumns, string OnDelete, string OnUpdate);

/// <summary>
/// What SQL knows of a table and Tarantool's rows have no place for. Kept in <c>_schema</c> as <c>["sql:table:&lt;id&gt;", map]</c>, which
/// stock Tarantool ignores: <c>pk</c> name of the PRIMARY KEY constraint, <c>checks</c> [[name, text]], <c>unique</c> [ids of
/// the indexes that are UNIQUE constraints], <c>fk</c>, <c>comment</c> and <c>comments</c> {column: text}.
/// </summary>
internal sealed record TableExtras
{
    public static readonly TableExtras None = new();

    public string? PrimaryKeyName { get; init; }

    public IReadOnlyList<CheckDef> Checks { get; init; } = [];

    public IReadOnlyList<uint> UniqueConstraints { get; init; } = [];

    public IReadOnlyList<ForeignKey> ForeignKeys { get; init; } = [];

    public string? Comment { get; init; }

    public IReadOnlyDictionary<string, string> ColumnComments { get; init; } = new Dictionary<string, string>();

    public static string Key(uint spaceId) => $"sql:table:{spaceId}";

    /// <summary>The row of <c>_schema</c>.</summary>
    public ReadOnlyMemory<byte> ToRow(uint spaceId)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(2);
        row.WriteString(Key(spaceId));
        row.WriteMapHead(6);
        row.WriteString("pk");
        WriteNullable(row, PrimaryKeyName);
        row.WriteString("checks");
        row.WriteArrayHead(Checks.Count);
        foreach (CheckDef check in Checks)
        {
            row.WriteArrayHead(2);
            row.WriteString(check.Name);
            row.WriteString(check.Text);
        }

        row.WriteString("unique");
        row.WriteArrayHead(UniqueConstraints.Count);
        foreach (uint id in UniqueConstraints)
        {
            row.WriteUInt64(id);
        }

        row.WriteString("fk");
        row.WriteArrayHead(ForeignKeys.Count);
        foreach (ForeignKey key in ForeignKeys)
        {
            Write(row, key);
        }

        row.WriteString("comment");
        WriteNullable(row, Comment);
        row.WriteString("comments");
        row.WriteMapHead(ColumnComments.Count);
        foreach ((string column, string text) in ColumnComments)
        {
            row.WriteString(column);
            row.WriteString(text);
        }

        return row.ToArray();
    }

    /// <summary>Reads the map of a row; keys it does not know are skipped.</summary>
    public static TableExtras Read(ref MsgPackReader reader)
    {
        TableExtras extras = None;
        int count = reader.ReadMapHead();
        for (int i = 0; i < count; i++)
        {
            string key = reader.ReadString();
            switch (key)
            {
                case "pk":
                    extras = extras with { PrimaryKeyName = ReadNullable(ref reader) };
                    break;
                case "checks":
                    extras = extras with { Checks = ReadChecks(ref reader) };
                    break;
                case "unique":
                    extras = extras with { UniqueConstraints = ReadIds(ref reader) };
                    break;
                case "fk":
                    extras = extras with { ForeignKeys = ReadForeignKeys(ref reader) };
                    break;
                case "comment":
                    extras = extras with { Comment = ReadNullable(ref reader) };
                    break;
                case "comments":
                    extras = extras with { ColumnComments = ReadComments(ref reader) };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return extras;
    }

    private static void Write(MsgPackWriter row, ForeignKey key)
    {
        row.WriteArrayHead(6);
        row.WriteString(key.Name);
        WriteOrdinals(row, key.Columns);
        row.WriteUInt64(key.TargetSpace);
        WriteOrdinals(row, key.TargetColumns);
        row.WriteString(key.OnDelete);
        row.WriteString(key.OnUpdate);
    }

    private static void WriteOrdinals(MsgPackWriter row, IReadOnlyList<int> ordinals)
    {
        row.WriteArrayHead(ordinals.Count);
        foreach (int ordinal in ordinals)
        {
            row.WriteInt64(ordinal);
        }
    }

    internal static void WriteNullable(MsgPackWriter row, string? text)
    {
        if (text is null)
        {
            row.WriteNil();
        }
        else
        {
            row.WriteString(text);
        }
    }

    internal static string? ReadNullable(ref MsgPackReader reader) => reader.TryReadNil() ? null : reader.ReadString();

    private static List<CheckDef> ReadChecks(ref MsgPackReader reader)
    {
        var checks = new List<CheckDef>();
        int count = reader.ReadArrayHead();
        for (int i = 0; i < count; i++)
        {
            reader.ReadArrayHead();
            checks.Add(new CheckDef(reader.ReadString(), reader.ReadString()));
        }

        return checks;
    }

    private static List<uint> ReadIds(ref MsgPackReader reader)
    {
        var ids = new List<uint>();
        int count = reader.ReadArrayHead();
        for (int i = 0; i < count; i++)
        {
            ids.Add(reader.ReadUInt32());
        }

        return ids;
    }

    private static List<int> ReadOrdinals(ref MsgPackReader reader) => ReadIds(ref reader).ConvertAll(id => (int)id);

    private static List<ForeignKey> ReadForeignKeys(ref MsgPackReader reader)
    {
        var keys = new List<ForeignKey>();
        int count = reader.ReadArrayHead();
        for (int i = 0; i < count; i++)
        {
            reader.ReadArrayHead();
            string name = reader.ReadString();
            List<int> columns = ReadOrdinals(ref reader);
            uint target = reader.ReadUInt32();
            keys.Add(new ForeignKey(name, columns, target, ReadOrdinals(ref reader), reader.ReadString(), reader.ReadString()));
        }

        return keys;
    }

    private static Dictionary<string, string> ReadComments(ref MsgPackReader reader)
    {
        var comments = new Dictionary<string, string>(StringComparer.Ordinal);
        int count = reader.ReadMapHead();
        for (int i = 0; i < count; i++)
        {
            string column = reader.ReadString();
            comments[column] = reader.ReadString();
        }

        return comments;
    }
}
