using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Picodata.Storage;

/// <summary>
/// Who owns the nodes of trees: says which nodes may be changed in place, and takes those that were replaced by a copy.
/// </summary>
internal abstract class NodeVersions
{
    /// <summary>Epoch that new nodes get; above <see cref="SharedUpTo"/>.</summary>
    public abstract long WriteEpoch { get; }

    /// <summary>Nodes of this epoch or older are seen by someone and must be copied before they change.</summary>
    public abstract long SharedUpTo { get; }

    /// <summary>Frees a node when nobody can see it any more.</summary>
    public abstract void Retire(nint node);
}

/// <summary>Roots of trees, one slot a tree; copying the array is what opening a view costs.</summary>
internal sealed class RootTable(int slots)
{
    public nint[] Roots = new nint[slots];
}

/// <summary>
/// A B+tree of rows in one order, in native memory.
///
/// Node (1024 bytes): long epoch; ushort count; byte level (0: leaf). Then, from byte 16:
/// leaf: 63 hints, 63 rows; inner node: 42 hints, 42 rows, 42 children.
///
/// Invariants:
/// T1 entries of a node rise strictly in the tree's order; hints are those of their rows;
/// T2 hint and row of an inner entry are those of the least row below its child, now (not a copy of an older version), so
///    that every row that a node names is alive as long as the node;
/// T3 no node is empty; an empty tree has root 0; all leaves have level 0;
/// T4 a node whose epoch is not above <see cref="NodeVersions.SharedUpTo"/> is never changed, its copy is.
///
/// Changes are made by one thread at a time (under the gate, or by the owner of an overlay). A reader of the newest root needs the
/// same exclusion; a reader of an older root needs none.
/// </summary>
internal sealed unsafe partial class RowTree
{
    public const int NodeSize = 1024, LeafCapacity = 63, InnerCapacity = 42, MaxDepth = 16;

    private readonly RowArena arena;
    private NodeVersions versions;
    private RootTable table;

    public RowTree(KeyDef key, RowArena arena, NodeVersions versions)
    {
        Key = key;
        this.arena = arena;
        this.versions = versions;
        table = new RootTable(1);
    }

    public KeyDef Key { get; }

    /// <summary>Slot in the engine's root table; -1 until a commit makes it the engine's, then the same for ever: views know it.</summary>
    public int Slot { get; private set; } = -1;

    public long Count { get; private set; }

    public long NodeCount { get; private set; }

    public nint Root
    {
        get => table.Roots[Slot < 0 ? 0 : Slot];
        private set => table.Roots[Slot < 0 ? 0 : Slot] = value;
    }

    /// <summary>The tree becomes one of the engine's.</summary>
    public void Attach(RootTable engineTable, int slot, NodeVersions engineVersions)
    {
        nint root = Root;
        table = engineTable;
        Slot = slot;
        versions = engineVersions;
        Root = root;
    }

    /// <summary>The row that equals a probe of all parts (or a unique prefix of them), 0 when there is none.</summary>
    public static nint Find(nint root, KeyDef key, in Probe probe)
    {
        if (root == 0)
        {
            return 0;
        }

        if (probe.Parts < key.Count)
        {
            TreeCursor cursor = default;
            cursor.SeekFirst(root, key, in probe, orEqual: true);
            nint first = cursor.Current;
            return first != 0 && key.Compare(in probe, cursor.CurrentHint, first) == 0 ? first : 0;
        }

        var node = (Node*)root;
        while (node->Level > 0)
        {
            node = node->Child(Math.Max(UpperBound(node, key, in probe) - 1, 0));
        }

        int at = LowerBound(node, key, in probe);
        return at < node->Count && key.Compare(in probe, node->Hints[at], node->Row(at)) == 0 ? node->Row(at) : 0;
    }

    public nint Find(in Probe probe) => Find(Root, Key, in probe);

    /// <summary>The row with the same full key as this one, 0 when there is none.</summary>
    public nint FindRow(byte* tuple) => Find(Root, Key, Key.ProbeRow(tuple, Key.Count));

    /// <summary>Adds a row; when its key is there already, returns that row and changes nothing.</summary>
    public nint Insert(nint row)
    {
        Probe probe = Key.ProbeRow(RowArena.Data(row), Key.Count);
        if (Root == 0)
        {
            Node* leaf = NewNode(0);
            leaf->SetLeaf(0, probe.Hint, row);
            leaf->Count = 1;
            Root = (nint)leaf;
            Count = 1;
            return 0;
        }

        NodePath path = default;
        Node* last = Descend(ref path, in probe);
        int at = LowerBound(last, Key, in probe);
        if (at < last->Count && Key.Compare(in probe, last->Hints[at], last->Row(at)) == 0)
        {
            return last->Row(at);
        }

        MakeWritable(ref path);
        InsertAt(ref path, at, probe.Hint, row);
        Count++;
        return 0;
    }

    /// <summary>Puts a row in the place of the one with the same full key and returns that; 0 when there is none (nothing changes).</summary>
    public nint Replace(nint row)
    {
        Probe probe = Key.ProbeRow(RowArena.Data(row), Key.Count);
        NodePath path = default;
        if (!TryLocate(ref path, in probe, out int at))
        {
            return 0;
        }

        MakeWritable(ref path);
        Node* leaf = path.Leaf;
        nint old = leaf->Row(at);
        leaf->SetLeaf(at, probe.Hint, row);
        if (at == 0)
        {
            RefreshSeparators(ref path);
        }

        return old;
    }

    /// <summary>Takes the row with this full key out and returns it; 0 when there is none.</summary>
    public nint Remove(byte* tuple)
    {
        Probe probe = Key.ProbeRow(tuple, Key.Count);
        NodePath path = default;
        if (!TryLocate(ref path, in probe, out int at))
        {
            return 0;
        }

        MakeWritable(ref path);
        Node* leaf = path.Leaf;
        nint old = leaf->Row(at);
        leaf->RemoveLeaf(at);
        Count--;
        if (leaf->Count == 0)
        {
            RemoveEmpty(ref path);
            return old;
        }

        if (at == 0)
        {
            RefreshSeparators(ref path);
        }

        if (leaf->Count < LeafCapacity / 4)
        {
            Merge(ref path, path.Depth - 1);
        }

        return old;
    }

    /// <summary>Forgets all nodes without freeing them; the caller has the root.</summary>
    public nint TakeNodes()
    {
        nint root = Root;
        Root = 0;
        Count = 0;
        NodeCount = 0;
        return root;
    }

    /// <summary>Frees the nodes below a root at once, and the rows when told.</summary>
    public static void FreeNodes(RowArena arena, nint root, bool withRows)
    {
        if (root == 0)
        {
            return;
        }

        var node = (Node*)root;
        for (int i = 0; i < node->Count; i++)
        {
            if (node->Level > 0)
            {
                FreeNodes(arena, (nint)node->Child(i), withRows);
            }
            else if (withRows)
            {
                arena.FreeRow(node->Row(i));
            }
        }

        arena.Free((byte*)node, NodeSize);
    }

    /// <summary>Epoch of a node.</summary>
    public static long Birth(nint node) => ((Node*)node)->Epoch;

    /// <summary>First entry that is not below the probe.</summary>
    internal static int LowerBound(Node* node, KeyDef key, in Probe probe)
    {
        if (probe.Parts == 0)
        {
            return 0;
        }

        ulong* hints = node->Hints;
        int low = FirstAtLeast(hints, 0, node->Count, probe.Hint);
        if (low == node->Count || hints[low] != probe.Hint || (probe.Parts == 1 && key.IsExact(probe.Hint)))
        {
            return low;
        }

        int high = AfterEqual(hints, low, node->Count, probe.Hint);
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (key.CompareBehindHint(in probe, node->Row(middle)) > 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>First entry above the probe.</summary>
    internal static int UpperBound(Node* node, KeyDef key, in Probe probe)
    {
        if (probe.Parts == 0)
        {
            return node->Count;
        }

        ulong* hints = node->Hints;
        int low = FirstAtLeast(hints, 0, node->Count, probe.Hint);
        if (low == node->Count || hints[low] != probe.Hint)
        {
            return low;
        }

        int high = AfterEqual(hints, low, node->Count, probe.Hint);
        if (probe.Parts == 1 && key.IsExact(probe.Hint))
        {
            return high;
        }

        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (key.CompareBehindHint(in probe, node->Row(middle)) >= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static int FirstAtLeast(ulong* hints, int low, int count, ulong hint)
    {
        int length = count - low;
        while (length > 0)
        {
            int half = length >> 1;
            bool isLess = hints[low + half] < hint;
            low = isLess ? low + half + 1 : low;
            length = isLess ? length - half - 1 : half;
        }

        return low;
    }

    /// <summary>The end of a run of equal hints; runs are mostly short.</summary>
    private static int AfterEqual(ulong* hints, int from, int count, ulong hint)
    {
        if (from + 1 >= count || hints[from + 1] != hint)
        {
            return from + 1;
        }

        return hint == ulong.MaxValue ? count : FirstAtLeast(hints, from + 1, count, hint + 1);
    }

    private bool TryLocate(ref NodePath path, in Probe probe, out int at)
    {
        at = 0;
        if (Root == 0)
        {
            return false;
        }

        Node* leaf = Descend(ref path, in probe);
        at = LowerBound(leaf, Key, in probe);
        return at < leaf->Count && Key.Compare(in probe, leaf->Hints[at], leaf->Row(at)) == 0;
    }

    private Node* Descend(ref NodePath path, in Probe probe)
    {
        var node = (Node*)Root;
        path.Depth = 0;
        while (true)
        {
            path.Nodes[path.Depth] = (nint)node;
            if (node->Level == 0)
            {
                path.Depth++;
                return node;
            }

            int child = Math.Max(UpperBound(node, Key, in probe) - 1, 0);
            path.Index[path.Depth++] = child;
            node = node->Child(child);
        }
    }

    /// <summary>Copies the nodes of the path that somebody sees (T4), from the root down.</summary>
    private void MakeWritable(ref NodePath path)
    {
        long shared = versions.SharedUpTo;
        for (int depth = 0; depth < path.Depth; depth++)
        {
            var node = (Node*)path.Nodes[depth];
            if (node->Epoch > shared)
            {
                continue;
            }

            Node* copy = CopyOf(node);
            path.Nodes[depth] = (nint)copy;
            if (depth == 0)
            {
                Root = (nint)copy;
            }
            else
            {
                ((Node*)path.Nodes[depth - 1])->Children[path.Index[depth - 1]] = (nint)copy;
            }
        }
    }

    private Node* CopyOf(Node* node)
    {
        Node* copy = NewNode(node->Level);
        long epoch = copy->Epoch;
        Unsafe.CopyBlock(copy, node, NodeSize);
        copy->Epoch = epoch;
        Drop(node);
        return copy;
    }

    private Node* NewNode(int level)
    {
        var node = (Node*)arena.Allocate(NodeSize);
        node->Epoch = versions.WriteEpoch;
        node->Count = 0;
        node->Level = (byte)level;
        NodeCount++;
        return node;
    }

    private void Drop(Node* node)
    {
        NodeCount--;
        versions.Retire((nint)node);
    }

    /// <summary>Restores T2 above the leaf of the path after its first entry changed.</summary>
    private static void RefreshSeparators(ref NodePath path)
    {
        for (int depth = path.Depth - 2; depth >= 0; depth--)
        {
            var parent = (Node*)path.Nodes[depth];
            var child = (Node*)path.Nodes[depth + 1];
            int index = path.Index[depth];
            parent->Hints[index] = child->Hints[0];
            parent->SetRow(index, child->Row(0));
            if (index > 0)
            {
                return;
            }
        }
    }

    private void InsertAt(ref NodePath path, int at, ulong hint, nint row)
    {
        Node* leaf = path.Leaf;
        Node* right = null;
        if (leaf->Count < LeafCapacity)
        {
            leaf->InsertLeaf(at, hint, row);
        }
        else
        {
            right = NewNode(0);
            int keep = at == leaf->Count && IsRightmost(ref path) ? leaf->Count : LeafCapacity / 2;
            leaf->MoveLeafTail(keep, right);
            if (at > keep || right->Count == 0)
            {
                right->InsertLeaf(at - keep, hint, row);
            }
            else
            {
                leaf->InsertLeaf(at, hint, row);
            }
        }

        // before the parents split: a new root copies its separators from them
        if (at == 0)
        {
            RefreshSeparators(ref path);
        }

        if (right != null)
        {
            AddChild(ref path, path.Depth - 2, right);
        }
    }

    private static bool IsRightmost(ref NodePath path)
    {
        for (int depth = 0; depth < path.Depth - 1; depth++)
        {
            if (path.Index[depth] != ((Node*)path.Nodes[depth])->Count - 1)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Links a new node behind the path's child at <paramref name="depth"/>, splitting upwards as needed.</summary>
    private void AddChild(ref NodePath path, int depth, Node* child)
    {
        if (depth < 0)
        {
            var oldRoot = (Node*)Root;
            Node* root = NewNode(oldRoot->Level + 1);
            root->InsertChild(0, oldRoot);
            root->InsertChild(1, child);
            Root = (nint)root;
            return;
        }

        var parent = (Node*)path.Nodes[depth];
        int at = path.Index[depth] + 1;
        if (parent->Count < InnerCapacity)
        {
            parent->InsertChild(at, child);
            return;
        }

        Node* right = NewNode(parent->Level);
        int keep = at == parent->Count ? parent->Count - 1 : InnerCapacity / 2;
        parent->MoveInnerTail(keep, right);
        if (at > keep)
        {
            right->InsertChild(at - keep, child);
        }
        else
        {
            parent->InsertChild(at, child);
        }

        AddChild(ref path, depth - 1, right);
    }

    /// <summary>Takes the path's empty leaf out of its parents.</summary>
    private void RemoveEmpty(ref NodePath path)
    {
        int depth = path.Depth - 1;
        while (depth > 0)
        {
            Drop((Node*)path.Nodes[depth]);
            depth--;
            var parent = (Node*)path.Nodes[depth];
            parent->RemoveInner(path.Index[depth]);
            if (parent->Count > 0)
            {
                path.Depth = depth + 1;
                if (path.Index[depth] == 0)
                {
                    RefreshSeparators(ref path);
                }

                if (parent->Count < InnerCapacity / 4)
                {
                    Merge(ref path, depth);
                }

                CollapseRoot();
                return;
            }
        }

        Drop((Node*)path.Nodes[0]);
        Root = 0;
    }

    private void CollapseRoot()
    {
        var root = (Node*)Root;
        while (root->Level > 0 && root->Count == 1)
        {
            Root = (nint)root->Child(0);
            Drop(root);
            root = (Node*)Root;
        }
    }

    /// <summary>Joins a thin node of the path with a neighbour when both fit well into one, then looks at its parent.</summary>
    private void Merge(ref NodePath path, int depth)
    {
        if (depth == 0)
        {
            CollapseRoot();
            return;
        }

        var parent = (Node*)path.Nodes[depth - 1];
        int index = path.Index[depth - 1];
        var node = (Node*)path.Nodes[depth];
        int room = (node->Level == 0 ? LeafCapacity : InnerCapacity) * 3 / 4;
        if (index + 1 < parent->Count && node->Count + parent->Child(index + 1)->Count <= room)
        {
            Node* right = parent->Child(index + 1);
            node->Append(right);
            parent->RemoveInner(index + 1);
            Drop(right);
        }
        else if (index > 0 && node->Count + parent->Child(index - 1)->Count <= room)
        {
            Node* left = parent->Child(index - 1);
            if (left->Epoch <= versions.SharedUpTo)
            {
                left = CopyOf(left);
                parent->Children[index - 1] = (nint)left;
            }

            left->Append(node);
            parent->RemoveInner(index);
            Drop(node);
        }
        else
        {
            return;
        }

        if (parent->Count < InnerCapacity / 4 || (depth == 1 && parent->Count == 1))
        {
            Merge(ref path, depth - 1);
        }
    }
}
