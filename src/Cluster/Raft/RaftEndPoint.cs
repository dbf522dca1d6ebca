using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Picodata.Cluster;

/// <summary>
/// A voter as the Raft library knows it. The library has no identity besides the end point, so the end point carries one: <see cref="Id"/> is drawn
/// anew for every set of Raft files. An instance that lost its files comes back with another id and is another voter, which owes nothing to the
/// votes and acknowledgements that it forgot (C3). Equal when the ids are.
/// </summary>
/// <param name="id">Identity of one set of Raft files.</param>
/// <param name="address">iproto address at which the voter is reached.</param>
public sealed class RaftEndPoint(Guid id, string address) : EndPoint, IEquatable<RaftEndPoint>
{
    public Guid Id { get; } = id;

    public string Address { get; } = address;

    public override AddressFamily AddressFamily => AddressFamily.Unspecified;

    public bool Equals(RaftEndPoint? other) => other is not null && other.Id == Id;

    public override bool Equals(object? obj) => Equals(obj as RaftEndPoint);

    public override int GetHashCode() => Id.GetHashCode();

    /// <remarks>The library derives its member id, which goes into the vote on disk, from these bytes.</remarks>
    public override SocketAddress Serialize()
    {
        Span<byte> bytes = stackalloc byte[16];
        Id.TryWriteBytes(bytes);
        var found = new SocketAddress(AddressFamily.Unspecified, 2 + bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
            found[i + 2] = bytes[i];
        return found;
    }

    public override string ToString() => $"{Address}#{Id.ToString("N")[..8]}";

    /// <summary>Id (16 bytes), length of the address in UTF-8 bytes (2, little endian), the address.</summary>
    internal byte[] ToBytes()
    {
        byte[] text = Encoding.UTF8.GetBytes(Address);
        byte[] bytes = new byte[16 + 2 + text.Length];
        Id.TryWriteBytes(bytes);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(16), checked((ushort)text.Length));
        text.CopyTo(bytes, 18);
        return bytes;
    }
}
