using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>Classes of damage and of remarks. The words are part of messages, of <c>picodata inspect</c> and of its JSON.</summary>
public static class DamageKinds
{
    /// <summary>The text header does not end with an empty line.</summary>
    public const string MetaTruncated = "META_TRUNCATED";

    /// <summary>The first line is not the type that the extension asks for.</summary>
    public const string MetaBadType = "META_BAD_TYPE";

    /// <summary>The second line is neither 0.12 nor 0.13.</summary>
    public const string MetaBadVersion = "META_BAD_VERSION";

    /// <summary>A header line without a colon.</summary>
    public const string MetaBadLine = "META_BAD_LINE";
    public const string MetaBadUuid = "META_BAD_UUID";
    public const string MetaBadVClock = "META_BAD_VCLOCK";

    /// <summary>The file's name differs from the sum of its VClock.</summary>
    public const string SignatureMismatch = "SIGNATURE_MISMATCH";

    /// <summary>A log of another instance than the snapshot.</summary>
    public const string UuidMismatch = "UUID_MISMATCH";

    /// <summary>Neither the magic of a block nor the EOF marker.</summary>
    public const string BlockBadMagic = "BLOCK_BAD_MAGIC";
    public const string BlockBadFixheader = "BLOCK_BAD_FIXHEADER";
    public const string BlockBadCrc = "BLOCK_BAD_CRC";
    public const string BlockBadZstd = "BLOCK_BAD_ZSTD";
    public const string BlockEmpty = "BLOCK_EMPTY";

    /// <summary>Remark of a forced reading: bytes that were passed over in search of the next block.</summary>
    public const string Skipped = "SKIPPED";

    /// <summary>A compressed block unpacks to more than the reader is allowed to hold.</summary>
    public const string BlockTooLarge = "BLOCK_TOO_LARGE";

    /// <summary>Row header or body is no MessagePack, or a header value has the wrong type.</summary>
    public const string RowBadMsgPack = "ROW_BAD_MSGPACK";
    public const string DataAfterEof = "DATA_AFTER_EOF";

    /// <summary>The file ends without EOF marker: damage of a snapshot, a remark about a log.</summary>
    public const string NoEofMarker = "NO_EOF_MARKER";

    /// <summary>Remark: a partial block at the end of a log is left out.</summary>
    public const string TailTruncated = "TAIL_TRUNCATED";

    /// <summary>Remark: the last write of a log was torn by a crash before it was synced, and is left out.</summary>
    public const string TailTorn = "TAIL_TORN";

    /// <summary>The partial block at the end has valid blocks or the EOF marker behind it: its length is damaged.</summary>
    public const string TailHidesData = "TAIL_HIDES_DATA";
    public const string LsnNotMonotonic = "LSN_NOT_MONOTONIC";

    /// <summary>Remark: an LSN was left out.</summary>
    public const string LsnStep = "LSN_STEP";

    /// <summary>Remark: rows of a snapshot are not numbered 0, 1, 2... (files of old versions).</summary>
    public const string SnapLsnStep = "SNAP_LSN_STEP";

    /// <summary>A row of another transaction before the last row of the open one.</summary>
    public const string TxInterleaved = "TX_INTERLEAVED";

    /// <summary>An open transaction is followed by a transaction of one row.</summary>
    public const string TxNoCommit = "TX_NO_COMMIT";

    /// <summary>Remark: the log ends inside a transaction, which is left out.</summary>
    public const string TxNoCommitAtEnd = "TX_NO_COMMIT_AT_END";

    /// <summary>Remark: a transaction goes on in another block.</summary>
    public const string TxSpansBlocks = "TX_SPANS_BLOCKS";

    /// <summary>The first log starts after the snapshot, or PrevVClock names another predecessor.</summary>
    public const string VClockGap = "VCLOCK_GAP";

    /// <summary>A log starts later than the one before it ends.</summary>
    public const string HoleBetweenFiles = "HOLE_BETWEEN_FILES";

    /// <summary>A request cannot be carried out.</summary>
    public const string ApplyError = "APPLY_ERROR";

    /// <summary>There are traces of an instance but no usable snapshot.</summary>
    public const string NoSnapshot = "NO_SNAPSHOT";

    /// <summary>The state has no row in <c>_cluster</c> for the instance.</summary>
    public const string NotRegistered = "NOT_REGISTERED";

    /// <summary>The state has no version in <c>_schema</c>.</summary>
    public const string NoSchemaVersion = "NO_SCHEMA_VERSION";

    /// <summary>The name of a file is not 20 digits and an extension, or two files of a kind contradict each other.</summary>
    public const string BadFileName = "BAD_FILE_NAME";
}

/// <summary>Something found in a file.</summary>
/// <param name="Kind">One of <see cref="DamageKinds"/>.</param>
/// <param name="Offset">Byte offset in the file: of the block, the marker or the header line.</param>
/// <param name="IsError">False for a remark: the file is usable as it is.</param>
public sealed record LogProblem(string Kind, long Offset, string Expected, string Found, bool IsError)
{
    /// <summary>What the administrator can do.</summary>
    public string Hint(LogFileKind kind) => (IsError, Kind) switch
    {
        (false, _) => "nothing needs to be done",
        (_, DamageKinds.MetaTruncated) when kind == LogFileKind.Xlog =>
            "take the file from a backup or a replica; when it is the newest log and the process was killed while creating it, move it away",
        (_, DamageKinds.NoEofMarker) => "the snapshot is not whole: take it from a backup, or remove it if an older snapshot with all logs behind it is there",
        (_, DamageKinds.SignatureMismatch) => "give the file its own name back, or remove it if it does not belong here",
        (_, DamageKinds.DataAfterEof) => "something was appended to a finished file: take it from a backup, or start with --force-recovery to skip the rest",
        _ when kind == LogFileKind.Snap =>
            "take the snapshot from a backup or a replica, or remove it if an older snapshot with all logs behind it is there",
        _ => "take the file from a backup or a replica, or start with --force-recovery, which skips what is damaged and lists it",
    };

    /// <summary>As an exception about a file.</summary>
    public CorruptionException ToException(string path, LogFileKind kind) => new(Kind, path, Offset, Expected, Found, Hint(kind));

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} at offset {Offset}: expected {Expected}, found {Found}";
}
