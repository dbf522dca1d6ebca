namespace Picodata.Storage;

/// <summary>Field types of Tarantool's spaces and indexes; names as in <c>_space</c> and <c>_index</c>.</summary>
public enum FieldType : byte
{
    Any, Unsigned, String, Number, Double, Integer, Boolean, Varbinary, Scalar, Decimal, Uuid, Array, Map, Datetime, Interval,
}

/// <summary>Kind of index; all kinds are held as ordered trees here, the kind is kept for the files.</summary>
public enum IndexKind : byte { Tree, Hash, Rtree, Bitset }

/// <summary>One entry of a space's format.</summary>
/// <param name="Extra">The entry's other keys as MessagePack map bytes (default, collation, ...), kept for the files; may be empty.</param>
public sealed record FieldDef(string Name, FieldType Type, bool IsNullable, ReadOnlyMemory<byte> Extra = default);

/// <summary>One part of a key. Field counts from 0. NULL sorts lowest. Path is a JSON path inside the field or null.</summary>
public sealed record KeyPart(int Field, FieldType Type, bool IsNullable = false, bool Descending = false, uint Collation = 0, string? Path = null);

/// <summary>An index as <c>_index</c> has it. Index 0 is the primary key and always unique.</summary>
public sealed record IndexDef(uint SpaceId, uint Id, string Name, IndexKind Kind, bool IsUnique, IReadOnlyList<KeyPart> Parts)
{
    /// <summary>The row of <c>_index</c> (MessagePack array).</summary>
    public required ReadOnlyMemory<byte> Tuple { get; init; }
}

/// <summary>A space as <c>_space</c> has it, with its indexes in order of their ids.</summary>
public sealed record SpaceDef(uint Id, uint Owner, string Name, string Engine, uint FieldCount, IReadOnlyList<FieldDef> Format, IReadOnlyList<IndexDef> Indexes)
{
    /// <summary>True for temporary spaces: rows are not logged and gone after a restart.</summary>
    public bool IsTemporary { get; init; }

    /// <summary>True for replica-local spaces (group_id 1).</summary>
    public bool IsLocal { get; init; }

    /// <summary>True for views (no rows of their own).</summary>
    public bool IsView { get; init; }

    /// <summary>The row of <c>_space</c> (MessagePack array).</summary>
    public required ReadOnlyMemory<byte> Tuple { get; init; }

    /// <summary>The primary index, or null while a space has none yet.</summary>
    public IndexDef? Primary => Indexes.Count > 0 && Indexes[0].Id == 0 ? Indexes[0] : null;
}

/// <summary>
/// All spaces at one moment; immutable, so that a plan can hold one. A change of <c>_space</c>, <c>_index</c>,
/// <c>_truncate</c> makes a new one with a higher <see cref="Version"/>.
/// </summary>
public sealed class DatabaseSchema
{
    private readonly Dictionary<uint, SpaceDef> byId;
    private readonly Dictionary<string, SpaceDef> byName;

    public DatabaseSchema(long version, IEnumerable<SpaceDef> spaces)
    {
        Version = version;
        byId = spaces.ToDictionary(space => space.Id);
        byName = byId.Values.ToDictionary(space => space.Name, StringComparer.Ordinal);
    }

    /// <summary>Grows with every change of the schema.</summary>
    public long Version { get; }

    public IReadOnlyCollection<SpaceDef> Spaces => byId.Values;

    public SpaceDef? Space(uint id) => byId.GetValueOrDefault(id);

    public SpaceDef? Space(string name) => byName.GetValueOrDefault(name);
}

/// <summary>Ids of the system spaces that the engine itself reads.</summary>
public static class SystemSpaces
{
    public const uint Schema = 272, Collation = 276, Space = 280, Sequence = 284, SequenceData = 285, Index = 288, Func = 296,
        User = 304, Priv = 312, Cluster = 320, Trigger = 328, Truncate = 330, SpaceSequence = 340, FkConstraint = 356,
        CkConstraint = 364, FuncIndex = 372;

    /// <summary>Picodata's catalog, sections 5 and 8 of its reference: ids are fixed.</summary>
    public const uint PicoTable = 512, PicoIndex = 513, PicoPeerAddress = 514, PicoInstance = 515, PicoProperty = 516,
        PicoReplicaset = 517, RaftLog = 518, RaftState = 519, PicoUser = 520, PicoPrivilege = 521, PicoGovernorQueue = 522,
        PicoTier = 523, PicoRoutine = 524, PicoUserAuditPolicy = 525, PicoPlugin = 526, PicoService = 527,
        PicoServiceRoute = 528, PicoPluginMigration = 529, PicoPluginConfig = 530, PicoDbConfig = 531, Bucket = 532,
        PicoBucket = 533, PicoReshardingState = 534, PicoReign = 560;

    /// <summary>The first id for tables of users.</summary>
    public const uint FirstUserSpace = 1025;
}
