namespace Picodata.Storage.Files;

/// <summary>Request types that occur in files.</summary>
public enum RequestType : uint
{
    Insert = 2,
    Replace = 3,
    Update = 4,
    Delete = 5,
    Upsert = 9,

    /// <summary>Has no body.</summary>
    Nop = 12,
    Raft = 30,
    RaftPromote = 31,
    RaftDemote = 32,

    /// <summary>Confirms pending synchronous transactions up to an LSN.</summary>
    Confirm = 40,

    /// <summary>Undoes pending synchronous transactions from an LSN on.</summary>
    Rollback = 41,
}

/// <summary>
/// The first MessagePack map of a row. Keys: 0 type, 2 replica id, 7 group id, 3 LSN, 4 time (8-byte float), 8 TSN (LSN
/// minus transaction number, modulo 2^64), 9 flags (bit 0: last row of its transaction); written in this order, values
/// that are 0 are left out. TSN and flags are written for transactions of several rows only.
/// </summary>
/// <param name="Type">What the row asks for.</param>
/// <param name="ReplicaId">Where the row was made; 0 for replica-local rows.</param>
/// <param name="GroupId">1 for rows of replica-local spaces.</param>
/// <param name="Lsn">Position in the log of its replica; in snapshots the running number of the row.</param>
/// <param name="Timestamp">Seconds since 1970; 0 for none.</param>
/// <param name="TransactionId">LSN of the transaction's first row that is not local; the row's own LSN when it is alone.</param>
/// <param name="IsLast">True for the last row of a transaction, and for one that is alone.</param>
public readonly record struct RowHeader(
    RequestType Type, int ReplicaId, int GroupId, long Lsn, double Timestamp, long TransactionId, bool IsLast)
{
    /// <summary>The header of a transaction's only row.</summary>
    public static RowHeader Single(RequestType type, int replicaId, long lsn, double timestamp) =>
        new(type, replicaId, 0, lsn, timestamp, lsn, true);

    /// <summary>True when TSN and FLAGS are written.</summary>
    public bool IsOfMany => TransactionId != Lsn || !IsLast;

    public void Write(MsgPackWriter writer)
    {
        int head = writer.Length;
        int keys = 1;
        writer.WriteByte(0x80);
        WritePair(writer, 0x00, (uint)Type);
        keys += WriteNonZero(writer, 0x02, (ulong)ReplicaId);
        keys += WriteNonZero(writer, 0x07, (ulong)GroupId);
        keys += WriteNonZero(writer, 0x03, (ulong)Lsn);
        if (Timestamp != 0)
        {
            writer.WriteByte(0x04);
            writer.WriteDouble(Timestamp);
            keys++;
        }

        if (IsOfMany)
        {
            WritePair(writer, 0x08, unchecked((ulong)(Lsn - TransactionId)));
            keys += 1 + WriteNonZero(writer, 0x09, IsLast ? 1u : 0u);
        }

        writer.Written(head, 1)[0] = (byte)(0x80 | keys);
    }

    /// <summary>Reads a header and leaves the reader behind it; false with the reason in <paramref name="problem"/>.</summary>
    public static bool TryRead(ref MsgPackReader reader, out RowHeader header, out string problem)
    {
        var fields = new Fields();
        header = default;
        if (!reader.TryReadMapHead(out int pairs))
        {
            problem = reader.AtEnd ? "unexpected end of data" : $"row header is {Describe(reader.PeekKind())}";
            return false;
        }

        for (; pairs > 0; pairs--)
        {
            if (!reader.TryReadUInt64(out ulong key))
            {
                problem = $"header key is {Describe(reader.PeekKind())}";
                return false;
            }

            if (!fields.TryRead(key, ref reader))
            {
                problem = $"value of header key 0x{key:x2} is {Describe(reader.PeekKind())}";
                return false;
            }
        }

        return fields.TryBuild(out header, out problem);
    }

    internal static string Describe(MsgPackKind kind) => kind switch
    {
        MsgPackKind.Invalid => "cut off or invalid",
        MsgPackKind.Array or MsgPackKind.Integer or MsgPackKind.Extension => $"an {kind.ToString().ToLowerInvariant()}",
        _ => $"a {kind.ToString().ToLowerInvariant()}",
    };

    private static void WritePair(MsgPackWriter writer, byte key, ulong value)
    {
        writer.WriteByte(key);
        writer.WriteUInt64(value);
    }

    private static int WriteNonZero(MsgPackWriter writer, byte key, ulong value)
    {
        if (value == 0)
        {
            return 0;
        }

        WritePair(writer, key, value);
        return 1;
    }

    private ref struct Fields
    {
        private ulong type, replicaId, groupId, lsn, tsn, flags;
        private double timestamp;
        private bool hasTsn;

        public bool TryRead(ulong key, ref MsgPackReader reader)
        {
            switch (key)
            {
                case 0x00:
                    return reader.TryReadUInt64(out type);
                case 0x01 or 0x05 or 0x06 or 0x0a:
                    return reader.TryReadUInt64(out _);
                case 0x02:
                    return reader.TryReadUInt64(out replicaId);
                case 0x03:
                    return reader.TryReadUInt64(out lsn);
                case 0x04:
                    return reader.TryReadFloat64(out timestamp);
                case 0x07:
                    return reader.TryReadUInt64(out groupId);
                case 0x08:
                    hasTsn = true;
                    return reader.TryReadUInt64(out tsn);
                case 0x09:
                    return reader.TryReadUInt64(out flags);
                default:
                    return reader.TrySkip();
            }
        }

        public readonly bool TryBuild(out RowHeader header, out string problem)
        {
            header = default;
            problem = type > uint.MaxValue ? $"request type {type}"
                : replicaId >= VClock.Size ? $"replica id {replicaId}"
                : groupId > 1 ? $"group id {groupId}"
                : lsn > long.MaxValue ? $"LSN {lsn}"
                : "";
            if (problem.Length > 0)
            {
                return false;
            }

            long transaction = hasTsn ? unchecked((long)(lsn - tsn)) : (long)lsn;
            header = new RowHeader((RequestType)type, (int)replicaId, (int)groupId, (long)lsn, timestamp, transaction, !hasTsn || (flags & 1) != 0);
            return true;
        }
    }
}
