namespace Picodata.Storage;

/// <summary>
/// A place in one version of a tree. The root must stay unchanged while it is used. After a seek the cursor is on a row or, when
/// <see cref="Current"/> is 0, behind an end.
/// </summary>
internal unsafe struct TreeCursor
{
    private RowTree.NodeArray nodes;
    private RowTree.IndexArray index;
    private int depth;

    /// <summary>The row, 0 when there is none.</summary>
    public readonly nint Current => depth == 0 ? 0 : ((RowTree.Node*)nodes[depth - 1])->Row(index[depth - 1]);

    /// <summary>Hint of the row.</summary>
    public readonly ulong CurrentHint => ((RowTree.Node*)nodes[depth - 1])->Hints[index[depth - 1]];

    /// <summary>Goes to the first row that is above the probe, or equal to it when told.</summary>
    public void SeekFirst(nint root, KeyDef key, in Probe probe, bool orEqual)
    {
        depth = 0;
        if (root == 0)
        {
            return;
        }

        var node = (RowTree.Node*)root;
        while (true)
        {
            int at = probe.Parts == 0 ? 0
                : orEqual ? RowTree.LowerBound(node, key, in probe) : RowTree.UpperBound(node, key, in probe);
            nodes[depth] = (nint)node;
            if (node->Level == 0)
            {
                index[depth++] = at;
                break;
            }

            at = Math.Max(at - 1, 0);
            index[depth++] = at;
            node = node->Child(at);
        }

        if (index[depth - 1] == node->Count)
        {
            index[depth - 1]--;
            Next();
        }
    }

    /// <summary>Goes to the last row that is below the probe, or equal to it when told.</summary>
    public void SeekLast(nint root, KeyDef key, in Probe probe, bool orEqual)
    {
        depth = 0;
        if (root == 0)
        {
            return;
        }

        var node = (RowTree.Node*)root;
        while (true)
        {
            int at = probe.Parts == 0 ? node->Count
                : orEqual ? RowTree.UpperBound(node, key, in probe) : RowTree.LowerBound(node, key, in probe);
            nodes[depth] = (nint)node;
            if (at == 0)
            {
                // the least row below is above the probe: only on the left edge
                depth = 0;
                return;
            }

            index[depth++] = at - 1;
            if (node->Level == 0)
            {
                return;
            }

            node = node->Child(at - 1);
        }
    }

    public void Next()
    {
        int level = depth - 1;
        while (level >= 0 && index[level] + 1 >= ((RowTree.Node*)nodes[level])->Count)
        {
            level--;
        }

        if (level < 0)
        {
            depth = 0;
            return;
        }

        index[level]++;
        for (; level < depth - 1; level++)
        {
            nodes[level + 1] = (nint)((RowTree.Node*)nodes[level])->Child(index[level]);
            index[level + 1] = 0;
        }
    }

    public void Previous()
    {
        int level = depth - 1;
        while (level >= 0 && index[level] == 0)
        {
            level--;
        }

        if (level < 0)
        {
            depth = 0;
            return;
        }

        index[level]--;
        for (; level < depth - 1; level++)
        {
            RowTree.Node* child = ((RowTree.Node*)nodes[level])->Child(index[level]);
            nodes[level + 1] = (nint)child;
            index[level + 1] = child->Count - 1;
        }
    }
}
