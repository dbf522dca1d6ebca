using System.Buffers.Binary;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Picodata.Cluster;
using Picodata.Server;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>
/// The guards of the library's log (G1, G2) and of its state machine (S1-S3), each beside what happens without it: when a newer version
/// of the library closes a hole, the test of the hole says so.
/// </summary>
public sealed class GuardedLogTests : IAsyncDisposable
{
    private readonly VoterGroup group = new();
    private readonly List<IAsyncDisposable> opened = [];

    private sealed record Opened(GuardedLog Log, string Directory, VoterNode Sink)
    {
        public IAuditTrail<IRaftLogEntry> Trail => Log;

        /// <summary>Index of the last entry that a restart after a loss of power would find.</summary>
        public long LastDurable
        {
            get
            {
                using FileStream stream = new(Path.Combine(Directory, "wal", "checkpoint"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                Span<byte> bytes = stackalloc byte[20];
                return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]) : 0;
            }
        }
    }

    private async Task<Opened> OpenAsync(RaftGuards guards)
    {
        string directory = group.NewDirectory();
        Directory.CreateDirectory(directory);
        var sink = new VoterNode();
        var membership = new MembershipStorage(Path.Combine(directory, "membership"));
        var machine = new RaftStateMachine(Path.Combine(directory, "snapshots"), new RealFileSystem(), membership, new CatalogMachine(), sink, new SnapshotRule());
        await machine.RestoreAsync();
        var log = new GuardedLog(new WriteAheadLog.Options { Location = Path.Combine(directory, "wal"), ChunkSize = 1 << 16 }, machine, guards) { ConfigurationStorage = membership };
        opened.AddRange([log, machine]);
        return new Opened(log, directory, sink);
    }

    private static BinaryLogEntry Entry(long term, CatalogProposal proposal, object? context = null) =>
        new() { Term = term, Content = CatalogCommand.Encode(proposal), Context = context };

    private static ILogEntryProducer<BinaryLogEntry> FromLeader(params BinaryLogEntry[] entries) => new LogEntryProducer<BinaryLogEntry>(entries);

    private static async Task<int> CountUnflushedAnswersAsync(Opened log)
    {
        int unflushed = 0;
        for (int i = 1; i <= 60; i++)
        {
            await log.Trail.AppendAsync(FromLeader(Entry(1, RaftVoterTests.Put($"k{i}"))), i);
            if (log.LastDurable < i)
                unflushed++;
        }
        return unflushed;
    }

    [Fact]
    public async Task A_follower_answers_for_what_is_on_its_disk() =>
        Assert.Equal(0, await CountUnflushedAnswersAsync(await OpenAsync(RaftGuards.All)));

    [Fact]
    public async Task The_library_alone_answers_before() =>
        Assert.True(await CountUnflushedAnswersAsync(await OpenAsync(RaftGuards.TermOfReign)) > 0);

    [Theory]
    [InlineData(RaftGuards.All, true)]
    [InlineData(RaftGuards.FlushBeforeAnswer, false)]
    internal async Task A_leader_appends_nothing_with_the_term_of_another_reign(RaftGuards guards, bool isRefused)
    {
        Opened log = await OpenAsync(guards);
        await log.Trail.AppendAsync(new EmptyLogEntry { Term = 3 });
        Assert.Equal(2, await log.Trail.AppendAsync(Entry(3, RaftVoterTests.Put("own"))));
        Exception? refused = await Record.ExceptionAsync(async () => await log.Trail.AppendAsync(Entry(4, RaftVoterTests.Put("late"))));
        Assert.Equal(isRefused, refused is NotLeaderException);
        Assert.Equal(isRefused ? 2 : 3, log.Log.LastEntryIndex);
        // its next reign is its own
        await log.Trail.AppendAsync(new EmptyLogEntry { Term = 5 });
        await log.Trail.AppendAsync(Entry(5, RaftVoterTests.Put("next")));
    }

    [Fact]
    public async Task A_context_whose_index_went_to_another_leaders_command_stays_unknown()
    {
        Opened log = await OpenAsync(RaftGuards.All);
        CatalogProposal mine = RaftVoterTests.Put("mine"), others = RaftVoterTests.Put("others");
        var pending = new PendingProposal(mine.Id);
        await log.Trail.AppendAsync(new EmptyLogEntry { Term = 1 });
        Assert.Equal(2, await log.Trail.AppendAsync(Entry(1, mine, pending)));
        await log.Trail.AppendAsync(FromLeader(Entry(2, others)), 2);
        await log.Log.CommitAsync(2);
        await log.Log.WaitForApplyAsync(2);
        Assert.NotNull(log.Sink.Image.Find("t", "others"));
        Assert.Null(log.Sink.Image.Find("t", "mine"));
        Assert.Null(pending.Result);
    }

    [Fact]
    public async Task A_context_of_a_command_that_was_committed_gets_its_result()
    {
        Opened log = await OpenAsync(RaftGuards.All);
        CatalogProposal mine = RaftVoterTests.Put("mine");
        var pending = new PendingProposal(mine.Id);
        await log.Trail.AppendAsync(Entry(0, mine, pending));
        await log.Log.CommitAsync(1);
        await log.Log.WaitForApplyAsync(1);
        Assert.Equal(new ProposalResult(true, 1), pending.Result);
    }

    [Fact]
    public void A_damaged_snapshot_is_set_aside_and_its_name_means_nothing_to_the_library_any_more()
    {
        string directory = group.NewDirectory();
        Directory.CreateDirectory(directory);
        var machine = new CatalogMachine();
        machine.Apply(7, 1, RaftVoterTests.Put("x"));
        byte[] whole = CatalogSnapshot.Encode(machine);
        File.WriteAllBytes(Path.Combine(directory, "7-1"), whole);
        File.WriteAllBytes(Path.Combine(directory, "9-1"), whole[..^1]);
        File.WriteAllBytes(Path.Combine(directory, "abcdef.tmp"), whole);
        Assert.Equal(["9-1"], RaftStateMachine.Quarantine(directory, new RealFileSystem()));
        Assert.Equal(["7-1", "9_1.bad"], Directory.EnumerateFiles(directory).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(RaftStateMachine.Quarantine(directory, new RealFileSystem()));
    }

    [Fact]
    public async Task Membership_in_the_log_is_no_command_and_is_not_lost_in_a_restart()
    {
        await group.FoundAsync(3);
        await group.ProposeAsync(RaftVoterTests.Put("x"));
        await group.CrashAllAsync();
        await group.ProposeAsync(RaftVoterTests.Put("y"));
        Assert.All(group.Nodes.Values, node => Assert.Equal(3, node.Voter.Members.Length));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable each in opened)
            await each.DisposeAsync();
        await group.DisposeAsync();
    }
}
