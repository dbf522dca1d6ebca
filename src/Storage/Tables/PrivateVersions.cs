namespace Picodata.Storage;

/// <summary>Trees that nobody else sees yet: all nodes may change, and go at once. Stateless.</summary>
internal sealed unsafe class PrivateVersions(RowArena arena) : NodeVersions
{
    /// <summary>The least epoch of the engine, so that the nodes count as old when the tree becomes the engine's.</summary>
    public override long WriteEpoch => 1;

    public override long SharedUpTo => 0;

    public override void Retire(nint node) => arena.Free((byte*)node, RowTree.NodeSize);
}
