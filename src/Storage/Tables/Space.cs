using Picodata.Core;

namespace Picodata.Storage;

/// <summary>An index of a space with its tree.</summary>
/// <param name="Def">Definition.</param>
/// <param name="Key">Order; null for kinds that are not held (rtree, bitset, functional, multikey) and without a primary.</param>
/// <param name="Tree">Rows; null when not held, or during recovery for secondary indexes.</param>
internal sealed record SpaceIndex(IndexDef Def, KeyDef? Key, RowTree? Tree);

/// <summary>What belongs to a space as long as it exists, through all changes of its definition. Changed under the gate.</summary>
internal sealed class SpaceState(uint id)
{
    private long lastLsn;
    private long wholeLsn;

    public uint Id { get; } = id;

    /// <summary>The newest commit that changed the space.</summary>
    public long LastLsn
    {
        get => Volatile.Read(ref lastLsn);
        set => Volatile.Write(ref lastLsn, value);
    }

    /// <summary>The newest commit that changed it without a note of the keys (<see cref="KeyLsns"/>): its definition, or very many rows.</summary>
    public long WholeLsn
    {
        get => Volatile.Read(ref wholeLsn);
        set => Volatile.Write(ref wholeLsn, value);
    }

    /// <summary>Bytes of committed rows.</summary>
    public long RowBytes { get; set; }

    public TableLock Lock { get; } = new();
}

/// <summary>
/// A version of a space: definition and trees. Immutable but for what happens inside the trees; a change of the definition makes a new
/// one that shares the trees that stay as they are.
/// </summary>
internal sealed class Space
{
    public Space(SpaceDef def, SpaceIndex[] indexes, SpaceState state)
    {
        Def = def;
        Indexes = indexes;
        State = state;
        Format = new TupleFormat(def);
        KeepsRows = def.Engine == "memtx" && !def.IsView;
    }

    public uint Id => Def.Id;

    public SpaceDef Def { get; }

    /// <summary>Indexes in order of their ids, as in <see cref="SpaceDef.Indexes"/>.</summary>
    public SpaceIndex[] Indexes { get; }

    public SpaceState State { get; }

    public TupleFormat Format { get; }

    /// <summary>False for views and for engines without rows of their own.</summary>
    public bool KeepsRows { get; }

    public RowTree? Primary => Indexes.Length > 0 && Indexes[0].Def.Id == 0 ? Indexes[0].Tree : null;

    public SpaceIndex? Index(uint id)
    {
        if (id < Indexes.Length && Indexes[id].Def.Id == id)
        {
            return Indexes[id];
        }

        foreach (SpaceIndex index in Indexes)
        {
            if (index.Def.Id == id)
            {
                return index;
            }
        }

        return null;
    }

    /// <summary>The primary tree; an error when rows cannot be written.</summary>
    public RowTree Writable() => KeepsRows && Primary is { } tree
        ? tree
        : throw new DbException(
            KeepsRows ? SqlStates.ObjectNotInPrerequisiteState : SqlStates.FeatureNotSupported,
            KeepsRows ? $"table \"{Def.Name}\" has no primary key" : $"\"{Def.Name}\" ({(Def.IsView ? "view" : Def.Engine)}) has no rows of its own");

    public bool Has(RowTree tree)
    {
        foreach (SpaceIndex index in Indexes)
        {
            if (ReferenceEquals(index.Tree, tree))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>All spaces at one moment; immutable.</summary>
internal sealed class Catalog(long version, Dictionary<uint, Space> spaces)
{
    private DatabaseSchema? schema;

    public long Version { get; } = version;

    public IReadOnlyCollection<Space> Spaces => spaces.Values;

    public DatabaseSchema Schema => schema ??= new DatabaseSchema(Version, spaces.Values.Select(space => space.Def));

    public Space? Find(uint id) => spaces.GetValueOrDefault(id);

    /// <summary>The catalog with one space added, replaced or (null) left out.</summary>
    public Catalog With(uint id, Space? space)
    {
        var next = new Dictionary<uint, Space>(spaces);
        if (space is null)
        {
            next.Remove(id);
        }
        else
        {
            next[id] = space;
        }

        return new Catalog(Version + 1, next);
    }
}
