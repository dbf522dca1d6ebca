using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Picodata.Storage;

/// <summary>
/// Memory of rows and tree nodes, outside of the managed heap. Blocks come from slabs of 1 MiB, each cut into blocks of one
/// size class (steps of 8 bytes up to 128, then about 12 %); larger blocks come from the system one by one.
///
/// Row: a block of 8 bytes header (uint length, uint birth = epoch of its commit / 4096) and the MessagePack array.
/// Reference: address of the header. Blocks are aligned to 8, so the low 3 bits of a reference are free for marks.
/// Node: a block of <see cref="RowTree.NodeSize"/> bytes.
///
/// Invariants:
/// A1 a slab lies at a multiple of its size, so that a block finds its slab by its address;
/// A2 <see cref="UsedBytes"/> is the sum of the classes of all blocks that are in use, exactly;
/// A3 an empty slab goes back to the system unless it is the only one with room in its class.
/// Thread-safe: one short lock of its own, which nests inside every other lock.
/// </summary>
internal sealed unsafe class RowArena : IDisposable
{
    public const int RowHeader = 8;
    private const int SlabSize = 1 << 20;
    private const int SlabHeader = 64;
    private const int MaxBlock = 64 << 10;

    private static readonly int[] ClassSizes = MakeClasses();
    private static readonly byte[] ClassOf = MakeClassTable(ClassSizes);

    private readonly Lock gate = new();
    private readonly Slab*[] open = new Slab*[ClassSizes.Length];
    private readonly HashSet<nint> slabs = [];
    private readonly HashSet<nint> large = [];
    private long usedBytes;
    private bool disposed;

    ~RowArena() => Free();

    /// <summary>Bytes in use, rounding included.</summary>
    public long UsedBytes => Volatile.Read(ref usedBytes);

    /// <summary>Bytes taken from the system for slabs and large blocks' count, for statistics.</summary>
    public long SlabBytes
    {
        get
        {
            lock (gate)
            {
                return (long)slabs.Count * SlabSize;
            }
        }
    }

    /// <summary>Bytes that a row of this length takes.</summary>
    public static int BlockSize(int length)
    {
        int size = length + RowHeader;
        return size <= MaxBlock ? ClassSizes[ClassOf[(size + 7) >> 3]] : size;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Data(nint row) => (byte*)(row & ~7) + RowHeader;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length(nint row) => *(int*)(row & ~7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Span(nint row) => new(Data(row), Length(row));

    /// <summary>An epoch not after the one in which the row was committed.</summary>
    public static long Birth(nint row) => (long)((uint*)(row & ~7))[1] << 12;

    public static void SetBirth(nint row, long epoch) => ((uint*)(row & ~7))[1] = (uint)(epoch >> 12);

    public nint AllocateRow(ReadOnlySpan<byte> tuple)
    {
        byte* block = Allocate(tuple.Length + RowHeader);
        *(int*)block = tuple.Length;
        ((uint*)block)[1] = 0;
        tuple.CopyTo(new Span<byte>(block + RowHeader, tuple.Length));
        return (nint)block;
    }

    public void FreeRow(nint row) => Free((byte*)(row & ~7), Length(row) + RowHeader);

    public byte* Allocate(int size)
    {
        lock (gate)
        {
            return size <= MaxBlock ? AllocateBlock(ClassOf[(size + 7) >> 3]) : AllocateLarge(size);
        }
    }

    public void Free(byte* block, int size)
    {
        lock (gate)
        {
            if (size > MaxBlock)
            {
                usedBytes -= size;
                large.Remove((nint)block);
                NativeMemory.Free(block);
            }
            else
            {
                FreeBlock(block);
            }
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private byte* AllocateLarge(int size)
    {
        byte* block = (byte*)NativeMemory.Alloc((nuint)size);
        large.Add((nint)block);
        usedBytes += size;
        return block;
    }

    private byte* AllocateBlock(int sizeClass)
    {
        Slab* slab = open[sizeClass];
        if (slab == null)
        {
            slab = AddSlab(sizeClass);
        }

        byte* block;
        if (slab->FreeList != null)
        {
            block = slab->FreeList;
            slab->FreeList = *(byte**)block;
        }
        else
        {
            block = (byte*)slab + slab->Fresh;
            slab->Fresh += slab->BlockSize;
        }

        slab->Used++;
        usedBytes += slab->BlockSize;
        if (slab->FreeList == null && slab->Fresh + slab->BlockSize > SlabSize)
        {
            Unlink(slab);
        }

        return block;
    }

    private void FreeBlock(byte* block)
    {
        var slab = (Slab*)((nint)block & ~(SlabSize - 1));
        bool wasFull = slab->FreeList == null && slab->Fresh + slab->BlockSize > SlabSize;
        *(byte**)block = slab->FreeList;
        slab->FreeList = block;
        slab->Used--;
        usedBytes -= slab->BlockSize;
        if (wasFull)
        {
            Link(slab);
        }

        if (slab->Used == 0 && (slab->Next != null || slab->Previous != null))
        {
            Unlink(slab);
            slabs.Remove((nint)slab);
            NativeMemory.AlignedFree(slab);
        }
    }

    private Slab* AddSlab(int sizeClass)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var slab = (Slab*)NativeMemory.AlignedAlloc(SlabSize, SlabSize);
        *slab = new Slab { BlockSize = ClassSizes[sizeClass], Class = sizeClass, Fresh = SlabHeader };
        slabs.Add((nint)slab);
        Link(slab);
        return slab;
    }

    private void Link(Slab* slab)
    {
        slab->Previous = null;
        slab->Next = open[slab->Class];
        if (slab->Next != null)
        {
            slab->Next->Previous = slab;
        }

        open[slab->Class] = slab;
    }

    private void Unlink(Slab* slab)
    {
        if (slab->Previous != null)
        {
            slab->Previous->Next = slab->Next;
        }
        else
        {
            open[slab->Class] = slab->Next;
        }

        if (slab->Next != null)
        {
            slab->Next->Previous = slab->Previous;
        }

        slab->Next = slab->Previous = null;
    }

    private void Free()
    {
        lock (gate)
        {
            disposed = true;
            foreach (nint slab in slabs)
            {
                NativeMemory.AlignedFree((void*)slab);
            }

            foreach (nint block in large)
            {
                NativeMemory.Free((void*)block);
            }

            slabs.Clear();
            large.Clear();
            Array.Clear(open);
            usedBytes = 0;
        }
    }

    private static int[] MakeClasses()
    {
        var sizes = new List<int>();
        for (int size = 16; size < 128; size += 8)
        {
            sizes.Add(size);
        }

        for (int size = 128; size < MaxBlock; size += Math.Max(16, (int)(size * 0.12) & ~15))
        {
            sizes.Add(size);
        }

        sizes.Add(RowTree.NodeSize);
        sizes.Add(MaxBlock);
        return [.. sizes.Distinct().Order()];
    }

    private static byte[] MakeClassTable(int[] sizes)
    {
        var table = new byte[(MaxBlock >> 3) + 1];
        int current = 0;
        for (int i = 0; i < table.Length; i++)
        {
            while (sizes[current] < i << 3)
            {
                current++;
            }

            table[i] = (byte)current;
        }

        return table;
    }

    private struct Slab
    {
        public Slab* Next;
        public Slab* Previous;
        public byte* FreeList;
        public int BlockSize;
        public int Class;
        public int Used;
        public int Fresh;
    }
}
