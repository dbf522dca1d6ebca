using System.Collections.Immutable;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>What an instance says of its part in the catalog.</summary>
/// <param name="IsVoter">It votes and knows it.</param>
/// <param name="IsLeader">It leads.</param>
/// <param name="Group">The group as it knows it.</param>
/// <param name="VoterIds">Raft identities of the voters in the order of their addresses; empty from an instance that does not vote.</param>
/// <param name="SelfId">Its own Raft identity, also while it stands by or opens its log again; null when it has none.</param>
/// <param name="Index">Index of its image.</param>
/// <param name="Hash">Hash of its image.</param>
internal sealed record CatalogDescription(bool IsVoter, bool IsLeader, GroupView Group, ImmutableArray<Guid> VoterIds, Guid? SelfId, long Index, ulong Hash);

/// <summary>
/// The catalog's procedures, as MessagePack arrays:
/// <code>
/// .proc_cas_v2        [command (bin)]         -> [isApplied, index]    at the leader only
/// .proc_read_index    []                      -> [index]               at the leader only, behind a round to the majority
/// .proc_raft_info     []                      -> [isVoter, isLeader, term, leader or nil, [voter ...], [id ...], own id or nil, index, hash]
/// .proc_raft_promote  []                      -> [id (bin), address]   makes Raft files and waits to be admitted; idempotent
/// .proc_raft_demote   [id (bin)]              -> []                    gives up the Raft files of this identity
/// </code>
/// Refusals carry Picodata's codes: 10001 not a leader, 10027 proposal dropped (the end is unknown, repeat it).
/// </summary>
internal static class CatalogCalls
{
    public const string Propose = ".proc_cas_v2", ReadIndex = ".proc_read_index", Describe = ".proc_raft_info", Promote = ".proc_raft_promote", Demote = ".proc_raft_demote";

    public const int NotALeader = 10001, ProposalDropped = 10027;

    public static byte[] Arguments(ReadOnlySpan<byte> argument)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(1);
        writer.WriteBinary(argument);
        return writer.ToArray();
    }

    public static byte[] NoArguments() => [0x90];

    public static byte[] ReadArgument(ReadOnlyMemory<byte> arguments)
    {
        var reader = new MsgPackReader(arguments.Span);
        return reader.TryReadArrayHead(out int count) && count == 1 && reader.TryReadBinary(out ReadOnlySpan<byte> bytes)
            ? bytes.ToArray()
            : throw new PeerException(PeerFailure.Refused, "one argument of bytes was expected");
    }

    public static byte[] Write(ProposalResult result)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(2);
        writer.WriteBoolean(result.IsApplied);
        writer.WriteInt64(result.Index);
        return writer.ToArray();
    }

    public static ProposalResult ReadResult(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MsgPackReader(bytes.Span);
        reader.ReadArrayHead();
        bool isApplied = reader.ReadBoolean();
        return new ProposalResult(isApplied, reader.ReadInt64());
    }

    public static byte[] WriteIndex(long index)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(1);
        writer.WriteInt64(index);
        return writer.ToArray();
    }

    public static long ReadIndexOf(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MsgPackReader(bytes.Span);
        reader.ReadArrayHead();
        return reader.ReadInt64();
    }

    public static byte[] Write(RaftEndPoint member)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(2);
        writer.WriteBinary(member.Id.ToByteArray());
        writer.WriteString(member.Address);
        return writer.ToArray();
    }

    public static RaftEndPoint ReadMember(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MsgPackReader(bytes.Span);
        reader.ReadArrayHead();
        Guid id = CatalogCommand.ReadId(ref reader);
        return new RaftEndPoint(id, reader.ReadString());
    }

    public static byte[] Write(CatalogDescription description)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(9);
        writer.WriteBoolean(description.IsVoter);
        writer.WriteBoolean(description.IsLeader);
        writer.WriteInt64(description.Group.Term);
        FeedMessages.WriteText(writer, description.Group.Leader);
        writer.WriteArrayHead(description.Group.Voters.Length);
        foreach (string voter in description.Group.Voters)
            writer.WriteString(voter);
        writer.WriteArrayHead(description.VoterIds.Length);
        foreach (Guid id in description.VoterIds)
            writer.WriteBinary(id.ToByteArray());
        if (description.SelfId is { } self)
            writer.WriteBinary(self.ToByteArray());
        else
            writer.WriteNil();
        writer.WriteInt64(description.Index);
        writer.WriteUInt64(description.Hash);
        return writer.ToArray();
    }

    public static CatalogDescription ReadDescription(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MsgPackReader(bytes.Span);
        reader.ReadArrayHead();
        bool isVoter = reader.ReadBoolean(), isLeader = reader.ReadBoolean();
        long term = reader.ReadInt64();
        string? leader = reader.TryReadNil() ? null : reader.ReadString();
        ImmutableArray<string> voters = FeedMessages.ReadTexts(ref reader);
        var ids = ImmutableArray.CreateBuilder<Guid>();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
            ids.Add(CatalogCommand.ReadId(ref reader));
        Guid? self = reader.TryReadNil() ? null : CatalogCommand.ReadId(ref reader);
        return new CatalogDescription(isVoter, isLeader, new GroupView(term, leader, voters), ids.ToImmutable(), self, reader.ReadInt64(), reader.ReadUInt64());
    }
}
