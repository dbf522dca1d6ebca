using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// Makes new versions of spaces from changed rows of <c>_space</c>, <c>_index</c> and <c>_truncate</c>. Trees whose order stays are shared with
/// the old version; new ones are built from the rows of the old primary when told. Nothing that is shared is changed.
/// </summary>
internal sealed class SpaceAlteration(RowArena arena, NodeVersions versions)
{
    /// <summary>False during recovery: secondary trees are built at its end.</summary>
    public bool BuildsSecondary { get; set; }

    /// <summary>A new or changed row of <c>_space</c>.</summary>
    public Space Define(Space? old, SpaceDef definition)
    {
        if (definition.Engine == "vinyl")
        {
            throw new DbException(
                SqlStates.FeatureNotSupported,
                $"space \"{definition.Name}\" has engine vinyl, which is not supported",
                hint: "copy its rows into a memtx space with Tarantool first");
        }

        return old is null ? new Space(definition, [], new SpaceState(definition.Id)) : Remake(old, definition, [.. old.Def.Indexes]);
    }

    /// <summary>A new or changed row of <c>_index</c>.</summary>
    public Space PutIndex(Space old, IndexDef definition)
    {
        if (definition.Parts.Any(part => part.Field > 32766))
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"index \"{definition.Name}\" is over a field beyond 32766");
        }

        List<IndexDef> indexes = [.. old.Def.Indexes.Where(index => index.Id != definition.Id), definition];
        return Remake(old, old.Def, [.. indexes.OrderBy(index => index.Id)]);
    }

    /// <summary>A row of <c>_index</c> is gone. Without the primary index there are no rows.</summary>
    public Space DropIndex(Space old, uint indexId) => Remake(old, old.Def, [.. old.Def.Indexes.Where(index => index.Id != indexId)]);

    /// <summary>The space without rows.</summary>
    public Space Empty(Space old) =>
        new(old.Def, [.. old.Indexes.Select(index => index with { Tree = index.Tree is null ? null : NewTree(index.Key!) })], old.State);

    /// <summary>Makes and fills the trees of a version that are not shared with <paramref name="old"/>, from the rows of its primary.</summary>
    /// <param name="view">Where to read the old primary; null when nobody can change it now (under the gate).</param>
    /// <exception cref="DbException">23505 when rows conflict.</exception>
    public static void Fill(Space space, Space old, ReadView? view)
    {
        if (old.Primary is not { Count: > 0 } source)
        {
            return;
        }

        nint[]? rows = null;
        foreach (SpaceIndex index in space.Indexes)
        {
            if (index.Tree is { } tree && !old.Has(tree))
            {
                BuildFrom(space, index, [.. rows ??= source.CopyRows(view?.RootOf(source) ?? source.Root)]);
            }
        }
    }

    /// <summary>Empties the trees that are not shared with <paramref name="old"/> and fills them anew.</summary>
    public void Refill(Space space, Space old)
    {
        FreeOwnTrees(space, old);
        Fill(space, old, view: null);
    }

    /// <summary>Frees the nodes of the trees that are not shared with <paramref name="old"/>.</summary>
    public void FreeOwnTrees(Space space, Space? old)
    {
        foreach (SpaceIndex index in space.Indexes)
        {
            if (index.Tree is { } tree && tree.Slot < 0 && old?.Has(tree) != true)
            {
                RowTree.FreeNodes(arena, tree.TakeNodes(), withRows: false);
            }
        }
    }

    /// <summary>Fills an empty tree of a space.</summary>
    public static void BuildFrom(Space space, SpaceIndex index, nint[] rows)
    {
        (nint first, _) = index.Tree!.Build(rows, rows.Length);
        if (first != 0)
        {
            throw new DbException(
                SqlStates.UniqueViolation,
                $"could not create unique index \"{index.Def.Name}\"",
                detail: "two rows have the same key")
            {
                TableName = space.Def.Name,
                ConstraintName = index.Def.Name,
            };
        }
    }

    /// <summary>The same version with empty trees for all indexes that can be held and have none yet (end of recovery).</summary>
    public Space WithAllTrees(Space space) =>
        new(space.Def, [.. space.Indexes.Select(index => index is { Key: not null, Tree: null } ? index with { Tree = NewTree(index.Key) } : index)], space.State);

    private RowTree NewTree(KeyDef key) => new(key, arena, versions);

    private Space Remake(Space old, SpaceDef definition, IReadOnlyList<IndexDef> indexes)
    {
        SpaceDef def = definition with { Indexes = indexes };
        IndexDef? primary = def.Primary;
        bool keepsRows = def.Engine == "memtx" && !def.IsView;
        bool hadPrimary = old.Def.Primary is not null;
        var made = new SpaceIndex[indexes.Count];
        for (int i = 0; i < made.Length; i++)
        {
            IndexDef index = indexes[i];
            KeyDef? key = keepsRows && primary is not null && KeyDef.IsSupported(primary) && KeyDef.IsSupported(index)
                ? KeyDef.Create(def, index, primary)
                : null;
            SpaceIndex? before = hadPrimary ? old.Index(index.Id) : null;
            if (before?.Key is not null && key is not null && before.Key.OrdersAs(key))
            {
                made[i] = before with { Def = index };
            }
            else
            {
                made[i] = new SpaceIndex(index, key, key is not null && (index.Id == 0 || BuildsSecondary) ? NewTree(key) : null);
            }
        }

        return new Space(def, made, old.State);
    }
}
