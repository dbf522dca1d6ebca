namespace Picodata.Storage;

/// <summary>
/// What one transaction has written to one space: rows and tombstones by primary key, and the rows once more in the order of each
/// secondary index. A tombstone is a reference with its lowest bit set, to a row in which only the primary key counts.
///
/// Readers of a statement see the overlay as it was when the statement began (so that UPDATE does not meet its own rows): trees are
/// versioned by statement number, and the roots are kept at the first write of each statement.
/// </summary>
internal sealed unsafe class SpaceOverlay
{
    private readonly RowTree?[] trees;
    private readonly nint[] statementRoots;
    private int statement = -1;

    public SpaceOverlay(Space space, RowArena arena, NodeVersions versions)
    {
        Space = space;
        trees = new RowTree?[space.Indexes.Length];
        statementRoots = new nint[trees.Length];
        for (int i = 0; i < trees.Length; i++)
        {
            trees[i] = space.Indexes[i].Tree is null ? null : new RowTree(space.Indexes[i].Key!, arena, versions);
        }
    }

    public Space Space { get; }

    /// <summary>Rows and tombstones.</summary>
    public RowTree Touched => trees[0]!;

    public bool IsEmpty => trees.Length == 0 || trees[0] is not { Count: > 0 };

    /// <summary>Rows that the overlay adds, less those that it hides; an estimate.</summary>
    public long Balance { get; private set; }

    public static bool IsTombstone(nint row) => (row & 1) != 0;

    /// <summary>Overlay tree of the index at a position.</summary>
    public RowTree? Tree(int position) => trees[position];

    /// <summary>Root of the overlay of an index as the statement sees it.</summary>
    public nint RootFor(int position, int currentStatement) =>
        statement == currentStatement ? statementRoots[position] : trees[position]?.Root ?? 0;

    /// <summary>Before the first write of a statement.</summary>
    public void BeginWrite(int currentStatement)
    {
        if (statement == currentStatement)
        {
            return;
        }

        statement = currentStatement;
        for (int i = 0; i < trees.Length; i++)
        {
            statementRoots[i] = trees[i]?.Root ?? 0;
        }
    }

    /// <summary>The newest own version of a row: 0 when untouched, a row, or a tombstone.</summary>
    public nint Latest(byte* rowWithKey) => Touched.FindRow(rowWithKey);

    /// <summary>Puts a row or a tombstone in; returns what was there for its key before.</summary>
    public nint Put(nint row)
    {
        nint previous = Touched.Replace(row);
        if (previous == 0)
        {
            Touched.Insert(row);
        }

        MoveInSecondary(previous, row);
        return previous;
    }

    /// <summary>Takes back a <see cref="Put"/>.</summary>
    public void TakeBack(nint row, nint previous)
    {
        if (previous == 0)
        {
            Touched.Remove(RowArena.Data(row));
        }
        else
        {
            Touched.Replace(previous);
        }

        MoveInSecondary(row, previous);
    }

    /// <summary>Frees the nodes; rows belong to the journal.</summary>
    public void Free(RowArena arena)
    {
        foreach (RowTree? tree in trees)
        {
            if (tree is not null)
            {
                RowTree.FreeNodes(arena, tree.TakeNodes(), withRows: false);
            }
        }
    }

    private void MoveInSecondary(nint old, nint row)
    {
        bool hasOld = old != 0 && !IsTombstone(old);
        bool hasNew = row != 0 && !IsTombstone(row);
        Balance += (hasNew ? 1 : IsTombstone(row) ? -1 : 0) - (hasOld ? 1 : IsTombstone(old) ? -1 : 0);
        for (int i = 1; i < trees.Length; i++)
        {
            if (trees[i] is not { } tree)
            {
                continue;
            }

            if (hasOld)
            {
                tree.Remove(RowArena.Data(old));
            }

            if (hasNew)
            {
                tree.Insert(row);
            }
        }
    }
}

/// <summary>Versions of overlay trees: one epoch a statement. What a statement replaced is freed when it ends.</summary>
internal sealed unsafe class StatementVersions(Transaction transaction, RowArena arena) : NodeVersions
{
    private readonly List<nint> retired = [];

    public override long WriteEpoch => transaction.Statement;

    public override long SharedUpTo => transaction.Statement - 1;

    public override void Retire(nint node)
    {
        if (RowTree.Birth(node) >= transaction.Statement)
        {
            arena.Free((byte*)node, RowTree.NodeSize);
        }
        else
        {
            retired.Add(node);
        }
    }

    /// <summary>The statement ended: nobody sees its beginning any more.</summary>
    public void FreeRetired()
    {
        foreach (nint node in retired)
        {
            arena.Free((byte*)node, RowTree.NodeSize);
        }

        retired.Clear();
    }
}
