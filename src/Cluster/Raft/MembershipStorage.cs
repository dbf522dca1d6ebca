using System.Net;
using System.Text;
using DotNext.Buffers;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.Membership;

namespace Picodata.Cluster;

/// <summary>
/// The set of voters as the log last committed it, on disk. The base class replaces the file atomically; the codec of an end point is ours, see
/// <see cref="RaftEndPoint.ToBytes"/>.
/// </summary>
internal sealed class MembershipStorage(string file) : PersistentClusterConfigurationStorage<EndPoint>(file)
{
    protected override void Encode(EndPoint address, ref BufferWriterSlim<byte> output) => output.Write(((RaftEndPoint)address).ToBytes());

    protected override EndPoint Decode(ref SequenceReader reader)
    {
        Span<byte> head = stackalloc byte[18];
        reader.Read(head);
        byte[] text = new byte[System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(head[16..])];
        reader.Read(text.AsSpan());
        return new RaftEndPoint(new Guid(head[..16]), Encoding.UTF8.GetString(text));
    }
}
