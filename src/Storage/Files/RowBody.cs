namespace Picodata.Storage.Files;

/// <summary>A piece of a block's payload.</summary>
public readonly record struct PayloadSlice(int Start, int Length)
{
    /// <summary>False when the request has no such part.</summary>
    public bool Exists => Length > 0;
}

/// <summary>
/// The second MessagePack map of a row. Keys: 0x10 space id, 0x11 index id, 0x15 index base, 0x20 key, 0x28 operations,
/// 0x2a tuple meta, 0x21 tuple; written in this order, absent and zero values are left out. The operations of UPDATE stand
/// under 0x21, those of UPSERT under 0x28; here they are always <see cref="Operations"/>.
/// Unknown keys are skipped. A body that is MessagePack but not what its request needs has a <see cref="Problem"/>: it
/// can be listed but not applied.
/// </summary>
public struct RowBody
{
    public uint SpaceId;
    public uint IndexId;

    /// <summary>1 when field numbers in the operations count from 1.</summary>
    public uint IndexBase;

    public PayloadSlice Key;
    public PayloadSlice Tuple;
    public PayloadSlice Operations;

    /// <summary>CONFIRM and ROLLBACK: whose transactions, and up to (from) which LSN.</summary>
    public int ReplicaId;

    /// <inheritdoc cref="ReplicaId"/>
    public long Lsn;

    /// <summary>Why the request cannot be carried out, or null.</summary>
    public string? Problem;

    /// <summary>Reads the body of a request; false when it is no MessagePack.</summary>
    /// <param name="payload">The block's payload; slices are positions in it.</param>
    /// <param name="reader">A reader of the same payload, left behind the body.</param>
    public static bool TryRead(RequestType type, ReadOnlySpan<byte> payload, ref MsgPackReader reader, out RowBody body)
    {
        body = default;
        int start = reader.Position;
        if (!reader.TryReadMapHead(out int pairs))
        {
            body.Problem = $"row body is {RowHeader.Describe(reader.PeekKind())}";
            return reader.TrySkip();
        }

        if (type is RequestType.Confirm or RequestType.Rollback or RequestType.RaftPromote or RequestType.RaftDemote)
        {
            return body.TryReadLimits(ref reader, pairs);
        }

        if (type is RequestType.Raft)
        {
            reader = new MsgPackReader(payload, start);
            return reader.TrySkip();
        }

        for (; pairs > 0; pairs--)
        {
            if (!body.TryReadPair(ref reader))
            {
                return false;
            }
        }

        body.Check(type);
        return true;
    }

    private bool TryReadPair(ref MsgPackReader reader)
    {
        if (!reader.TryReadUInt64(out ulong key))
        {
            return reader.TrySkip() && reader.TrySkip();
        }

        switch (key)
        {
            case 0x10:
                return TryReadNumber(ref reader, "space id", ref SpaceId);
            case 0x11:
                return TryReadNumber(ref reader, "index id", ref IndexId);
            case 0x15:
                return TryReadNumber(ref reader, "index base", ref IndexBase);
            case 0x20:
                return TryReadArray(ref reader, "key", ref Key);
            case 0x21:
                return TryReadArray(ref reader, "tuple", ref Tuple);
            case 0x28:
                return TryReadArray(ref reader, "operations", ref Operations);
            default:
                return reader.TrySkip();
        }
    }

    private bool TryReadNumber(ref MsgPackReader reader, string name, ref uint value)
    {
        if (reader.TryReadUInt32(out value))
        {
            return true;
        }

        Problem ??= $"{name} is {RowHeader.Describe(reader.PeekKind())}";
        return reader.TrySkip();
    }

    private bool TryReadArray(ref MsgPackReader reader, string name, ref PayloadSlice slice)
    {
        int start = reader.Position;
        if (reader.PeekKind() != MsgPackKind.Array)
        {
            Problem ??= $"{name} is {RowHeader.Describe(reader.PeekKind())}";
        }

        bool whole = reader.TrySkip();
        slice = new PayloadSlice(start, reader.Position - start);
        return whole;
    }

    private bool TryReadLimits(ref MsgPackReader reader, int pairs)
    {
        uint replicaId = 0;
        ulong lsn = 0;
        for (; pairs > 0; pairs--)
        {
            if (!reader.TryReadUInt64(out ulong key))
            {
                return false;
            }

            bool read = key switch
            {
                0x02 => reader.TryReadUInt32(out replicaId),
                0x03 => reader.TryReadUInt64(out lsn),
                _ => reader.TrySkip(),
            };
            if (!read)
            {
                return false;
            }
        }

        Problem = replicaId >= VClock.Size || lsn > long.MaxValue ? $"replica id {replicaId}, LSN {lsn}" : null;
        ReplicaId = Problem is null ? (int)replicaId : 0;
        Lsn = Problem is null ? (long)lsn : 0;
        return true;
    }

    private void Check(RequestType type)
    {
        if (type == RequestType.Update)
        {
            (Operations, Tuple) = (Tuple, default);
        }

        Problem ??= type switch
        {
            RequestType.Insert or RequestType.Replace when !Tuple.Exists => "a request without a tuple",
            RequestType.Update or RequestType.Delete when !Key.Exists => "a request without a key",
            RequestType.Update or RequestType.Upsert when !Operations.Exists => "a request without operations",
            RequestType.Upsert when !Tuple.Exists => "a request without a tuple",
            RequestType.Insert or RequestType.Replace or RequestType.Update or RequestType.Delete or RequestType.Upsert
                when SpaceId == 0 => "a request without a space id",
            (RequestType)0 or (RequestType)1 or RequestType.Insert or RequestType.Replace or RequestType.Update
                or RequestType.Delete or RequestType.Upsert => null,
            _ => $"unknown request type {(uint)type}",
        };
    }
}
