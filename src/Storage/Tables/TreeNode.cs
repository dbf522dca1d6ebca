using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Picodata.Storage;

internal sealed unsafe partial class RowTree
{
    /// <summary>Nodes from the root to a leaf, and the children taken.</summary>
    private struct NodePath
    {
        public int Depth;
        public NodeArray Nodes;
        public IndexArray Index;

        public readonly Node* Leaf => (Node*)Nodes[Depth - 1];
    }

    [InlineArray(MaxDepth)]
    internal struct NodeArray
    {
        private nint first;
    }

    [InlineArray(MaxDepth)]
    internal struct IndexArray
    {
        private int first;
    }

    /// <summary>Layout of a node; see the class.</summary>
    [StructLayout(LayoutKind.Explicit, Size = NodeSize)]
    internal struct Node
    {
        [FieldOffset(0)]
        public long Epoch;

        [FieldOffset(8)]
        public ushort Count;

        [FieldOffset(10)]
        public byte Level;

        [FieldOffset(16)]
        private fixed ulong body[(NodeSize - 16) / 8];

        public ulong* Hints => (ulong*)((byte*)Unsafe.AsPointer(ref this) + 16);

        public nint* Children => (nint*)(Hints + (2 * InnerCapacity));

        private nint* Rows => (nint*)(Hints + (Level == 0 ? LeafCapacity : InnerCapacity));

        public nint Row(int index) => Rows[index];

        public void SetRow(int index, nint row) => Rows[index] = row;

        public Node* Child(int index) => (Node*)Children[index];

        public void SetLeaf(int index, ulong hint, nint row)
        {
            Hints[index] = hint;
            Rows[index] = row;
        }

        public void InsertLeaf(int at, ulong hint, nint row)
        {
            Shift(Hints, at, Count, 1);
            Shift((ulong*)Rows, at, Count, 1);
            SetLeaf(at, hint, row);
            Count++;
        }

        public void RemoveLeaf(int at)
        {
            Shift(Hints, at + 1, Count, -1);
            Shift((ulong*)Rows, at + 1, Count, -1);
            Count--;
        }

        public void InsertChild(int at, Node* child)
        {
            Shift(Hints, at, Count, 1);
            Shift((ulong*)Rows, at, Count, 1);
            Shift((ulong*)Children, at, Count, 1);
            Hints[at] = child->Hints[0];
            Rows[at] = child->Row(0);
            Children[at] = (nint)child;
            Count++;
        }

        public void RemoveInner(int at)
        {
            Shift(Hints, at + 1, Count, -1);
            Shift((ulong*)Rows, at + 1, Count, -1);
            Shift((ulong*)Children, at + 1, Count, -1);
            Count--;
        }

        public void MoveLeafTail(int from, Node* target)
        {
            Copy(Hints + from, target->Hints, Count - from);
            Copy((ulong*)Rows + from, (ulong*)target->Rows, Count - from);
            target->Count = (ushort)(Count - from);
            Count = (ushort)from;
        }

        public void MoveInnerTail(int from, Node* target)
        {
            Copy((ulong*)Children + from, (ulong*)target->Children, Count - from);
            MoveLeafTail(from, target);
        }

        /// <summary>Adds the entries of the right neighbour of the same level.</summary>
        public void Append(Node* right)
        {
            Copy(right->Hints, Hints + Count, right->Count);
            Copy((ulong*)right->Rows, (ulong*)Rows + Count, right->Count);
            if (Level > 0)
            {
                Copy((ulong*)right->Children, (ulong*)Children + Count, right->Count);
            }

            Count += right->Count;
        }

        private static void Shift(ulong* items, int from, int count, int by) =>
            new Span<ulong>(items + from, count - from).CopyTo(new Span<ulong>(items + from + by, count - from));

        private static void Copy(ulong* from, ulong* to, int count) => new Span<ulong>(from, count).CopyTo(new Span<ulong>(to, count));
    }
}
