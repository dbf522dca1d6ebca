using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>A view: <c>["sql:view:&lt;name&gt;", {id, owner, text, columns: [[name, type, typmod]]}]</c> in <c>_schema</c>.</summary>
internal static class ViewRow
{
    public static string Key(string name) => "sql:view:" + name;

    public static ReadOnlyMemory<byte> Write(uint id, string name, uint owner, string text, IReadOnlyList<ColumnDef> columns)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(2);
        row.WriteString(Key(name));
        row.WriteMapHead(4);
        row.WriteString("id");
        row.WriteUInt64(id);
        row.WriteString("owner");
        row.WriteUInt64(owner);
        row.WriteString("text");
        row.WriteString(text);
        row.WriteString("columns");
        row.WriteArrayHead(columns.Count);
        foreach (ColumnDef column in columns)
        {
            row.WriteArrayHead(3);
            row.WriteString(column.Name);
            row.WriteString(column.Type.Name);
            row.WriteInt64(column.TypeModifier);
        }

        return row.ToArray();
    }

    public static ViewDef Read(string name, ref MsgPackReader row, IReadOnlyDictionary<string, SqlType> types)
    {
        (uint id, uint owner, string text) = (0, UserCatalog.Admin, "");
        var columns = new List<ColumnDef>();
        int keys = row.ReadMapHead();
        for (int i = 0; i < keys; i++)
        {
            switch (row.ReadString())
            {
                case "id":
                    id = row.ReadUInt32();
                    break;
                case "owner":
                    owner = row.ReadUInt32();
                    break;
                case "text":
                    text = row.ReadString();
                    break;
                case "columns":
                    int count = row.ReadArrayHead();
                    for (int c = 0; c < count; c++)
                    {
                        row.ReadArrayHead();
                        string column = row.ReadString();
                        SqlType type = types.GetValueOrDefault(row.ReadString()) ?? SqlType.Text;
                        columns.Add(new ColumnDef(column, type) { TypeModifier = (int)row.ReadInt64(), Ordinal = c });
                    }

                    break;
                default:
                    row.Skip();
                    break;
            }
        }

        return new ViewDef { Oid = CatalogOids.View(id), Schema = "public", Name = name, Columns = columns, Owner = owner, Text = text };
    }
}

/// <summary>A row of <c>_sequence</c>: [id, owner, name, step, min, max, start, cache, cycle].</summary>
internal static class SequenceRow
{
    private static readonly ColumnDef[] Columns =
    [
        new("last_value", SqlType.Int8) { Ordinal = 0, IsNullable = false },
        new("log_cnt", SqlType.Int8) { Ordinal = 1, IsNullable = false },
        new("is_called", SqlType.Bool) { Ordinal = 2, IsNullable = false },
    ];

    public static string OwnerKey(uint sequenceId) => $"sql:sequence:{sequenceId}";

    public static ReadOnlyMemory<byte> Write(SequenceDef sequence)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(9);
        row.WriteUInt64(sequence.SequenceId);
        row.WriteUInt64(UserCatalog.Admin);
        row.WriteString(sequence.Name);
        row.WriteInt64(sequence.Increment);
        row.WriteInt64(sequence.Minimum);
        row.WriteInt64(sequence.Maximum);
        row.WriteInt64(sequence.Start);
        row.WriteInt64(0); // Tarantool's cache
        row.WriteBoolean(sequence.IsCycle);
        return row.ToArray();
    }

    /// <summary>The row of <c>_schema</c> that tells whose sequence it is.</summary>
    public static ReadOnlyMemory<byte> WriteOwner(uint sequenceId, uint spaceId, int ordinal)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(2);
        row.WriteString(OwnerKey(sequenceId));
        row.WriteArrayHead(2);
        row.WriteUInt64(spaceId);
        row.WriteInt64(ordinal);
        return row.ToArray();
    }

    public static SequenceDef Read(ref MsgPackReader row, IReadOnlyDictionary<uint, (uint Space, int Ordinal)> owners)
    {
        uint id = row.ReadUInt32();
        uint owner = row.ReadUInt32();
        string name = row.ReadString();
        bool isOwned = owners.TryGetValue(id, out (uint Space, int Ordinal) table);
        var sequence = new SequenceDef
        {
            Oid = CatalogOids.Sequence(id),
            Schema = "public",
            Name = name,
            Columns = Columns,
            Owner = owner,
            SequenceId = id,
            Increment = row.ReadInt64(),
            Minimum = row.ReadInt64(),
            Maximum = ReadLimited(ref row),
            Start = row.ReadInt64(),
            Cache = Math.Max(1, row.ReadInt64()),
            IsCycle = row.ReadBoolean(),
            OwnerTableOid = isOwned ? CatalogOids.Table(table.Space) : 0,
            OwnerColumnNumber = (short)(isOwned ? table.Ordinal + 1 : 0),
        };
        return sequence;
    }

    private static long ReadLimited(ref MsgPackReader row) =>
        row.TryReadInt64(out long value) ? value : row.ReadUInt64() > long.MaxValue ? long.MaxValue : 0;
}

/// <summary>
/// A distribution in <c>_pico_table</c>: <c>{"Global": nil}</c>, <c>{"ShardedImplicitly": [[columns], "murmur3", tier]}</c>,
/// <c>{"ShardedByField": [field, tier]}</c>.
/// </summary>
internal static class DistributionRow
{
    public static void Write(MsgPackWriter row, Distribution distribution, IReadOnlyList<ColumnDef> columns)
    {
        row.WriteMapHead(1);
        if (distribution.Kind != DistributionKind.ShardedByColumns)
        {
            row.WriteString("Global");
            row.WriteNil();
            return;
        }

        row.WriteString("ShardedImplicitly");
        row.WriteArrayHead(3);
        row.WriteArrayHead(distribution.Columns.Count);
        foreach (int ordinal in distribution.Columns)
        {
            row.WriteString(columns[ordinal].Name);
        }

        row.WriteString("murmur3");
        row.WriteString(distribution.Tier ?? "default");
    }

    public static Distribution Read(ref MsgPackReader row, SpaceDef? space)
    {
        if (row.PeekKind() != MsgPackKind.Map)
        {
            row.Skip();
            return Distribution.Global;
        }

        Distribution distribution = Distribution.Global;
        int keys = row.ReadMapHead();
        for (int i = 0; i < keys; i++)
        {
            if (row.ReadString() == "ShardedImplicitly" && row.PeekKind() == MsgPackKind.Array)
            {
                row.ReadArrayHead();
                var ordinals = new List<int>();
                int count = row.ReadArrayHead();
                for (int c = 0; c < count; c++)
                {
                    string name = row.ReadString();
                    ordinals.Add(space is null ? -1 : space.Format.ToList().FindIndex(field => field.Name == name));
                }

                row.Skip();
                distribution = new Distribution(DistributionKind.ShardedByColumns, [.. ordinals.Where(ordinal => ordinal >= 0)], row.ReadString());
            }
            else
            {
                row.Skip();
            }
        }

        return distribution;
    }
}

/// <summary>A procedure in <c>_pico_routine</c>: [id, name, kind, params, returns, language, body, security, operable, schema_version, owner].</summary>
internal static class RoutineRow
{
    public static ReadOnlyMemory<byte> Write(RoutineDef routine)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(11);
        row.WriteUInt64(routine.Id);
        row.WriteString(routine.Name);
        row.WriteString("procedure");
        row.WriteArrayHead(routine.Parameters.Count);
        foreach (SqlType type in routine.Parameters)
        {
            row.WriteMapHead(3);
            row.WriteString("mode");
            row.WriteString("in");
            row.WriteString("type");
            row.WriteString(type.Name);
            row.WriteString("default");
            row.WriteNil();
        }

        row.WriteArrayHead(0);
        row.WriteString("SQL");
        row.WriteString(routine.Body);
        row.WriteString("invoker");
        row.WriteBoolean(true);
        row.WriteUInt64(1);
        row.WriteUInt64(routine.Owner);
        return row.ToArray();
    }

    public static RoutineDef Read(ref MsgPackReader row, IReadOnlyDictionary<string, SqlType> types)
    {
        uint id = row.ReadUInt32();
        string name = row.ReadString();
        row.Skip();
        var parameters = new List<SqlType>();
        int count = row.ReadArrayHead();
        for (int i = 0; i < count; i++)
        {
            int keys = row.ReadMapHead();
            for (int k = 0; k < keys; k++)
            {
                if (row.ReadString() == "type")
                {
                    string type = row.ReadString();
                    parameters.Add(types.GetValueOrDefault(type) ?? Types.TypeNames.Find(type) ?? SqlType.Text);
                }
                else
                {
                    row.Skip();
                }
            }
        }

        row.Skip();
        row.Skip();
        string body = row.ReadString();
        row.Skip();
        row.Skip();
        row.Skip();
        return new RoutineDef(CatalogOids.Routine(id), id, name, parameters, body, row.ReadUInt32());
    }
}
