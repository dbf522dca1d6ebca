using System.Collections.Immutable;
using DotNext.Net.Cluster.Consensus.Raft;
using Microsoft.Extensions.Logging;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>Becoming, being and ceasing to be a voter.</summary>
public sealed partial class ReplicatedCatalog
{
    private const int VotersMax = 3;

    private static readonly TimeSpan KeepInterval = TimeSpan.FromMilliseconds(500), RestartPause = TimeSpan.FromSeconds(2);

    /// <summary>A leaderless voter asks others after so many looks whether it was removed without being told.</summary>
    private const int LeaderlessLooks = 6;

    private volatile bool isDiverged;

    /// <summary>What this instance's voter has applied; the feed may have brought more.</summary>
    private long votedIndex;

    /// <summary>Voters look at each other every so many looks.</summary>
    private const int ComparisonLooks = 4;

    private string RaftDirectory => Path.Combine(options.Directory, RaftFolder);

    public async ValueTask SetVotersAsync(ImmutableArray<string> wanted, CancellationToken cancel)
    {
        if (wanted.Length is 0 or > VotersMax)
            throw new ArgumentException($"{wanted.Length} voters: one to {VotersMax} are possible", nameof(wanted));
        if (voter is not { IsLeader: true } leading)
            throw new CatalogUnavailableException($"{options.Address} does not lead the catalog");
        try
        {
            await ChangeVotersAsync(leading, wanted, cancel).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is PeerException or InvalidOperationException or RaftProtocolException or InvalidDataException)
        {
            throw new CatalogUnavailableException($"the voters of the catalog could not be changed to {string.Join(", ", wanted)}: {failed.Message}", failed);
        }
    }

    /// <summary>
    /// Gives up leading, before a planned stop; who is next is chance. Nothing happens when this instance does not lead or nobody else votes.
    /// </summary>
    public async ValueTask ResignAsync(CancellationToken cancel)
    {
        if (voter is { IsLeader: true } leading && leading.Members.Length > 1)
            await leading.ResignAsync(cancel).ConfigureAwait(false);
    }

    private async ValueTask ChangeVotersAsync(RaftVoter leading, ImmutableArray<string> wanted, CancellationToken cancel)
    {
        foreach (string address in wanted.Where(address => leading.Members.All(member => member.Address != address)))
        {
            // whoever is to be added answers before anybody is removed for it
            RaftEndPoint added = CatalogCalls.ReadMember(await environment.Network.CallAsync(address, CatalogCalls.Promote, CatalogCalls.NoArguments(), cancel).ConfigureAwait(false));
            if (leading.Members.Length >= VotersMax)
                await RemoveVoterAsync(leading, leading.Members.First(member => member.Address != options.Address && !wanted.Contains(member.Address)), cancel).ConfigureAwait(false);
            if (!await leading.AddAsync(added, cancel).ConfigureAwait(false) && !leading.Members.Contains(added))
                throw new CatalogUnavailableException($"{address} did not catch up with the catalog's log");
            await UntilAsync(() => leading.Members.Contains(added), cancel).ConfigureAwait(false);
            await TellAdmissionAsync(leading, added, cancel).ConfigureAwait(false);
            log.LogInformation("{Address} votes for the catalog now", added);
        }
        foreach (RaftEndPoint member in leading.Members.Where(member => !wanted.Contains(member.Address)).OrderBy(member => member.Address == options.Address))
            await RemoveVoterAsync(leading, member, cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Waits until the new voter knows that it is one. The library makes a set of voters valid when its entry is committed, and a voter that has not heard
    /// of that votes for nobody: with the leader gone at this moment, a group of two would never have another (see also <see cref="AdoptAsync"/>).
    /// </summary>
    private async ValueTask TellAdmissionAsync(RaftVoter leading, RaftEndPoint added, CancellationToken cancel)
    {
        using TimeLimit limit = environment.Time.Limit(RestartPause, cancel);
        try
        {
            while (true)
            {
                leading.PushCommit();
                if (await DescribeAsync(added.Address, limit.Token).ConfigureAwait(false) is { IsVoter: true } said && said.VoterIds.Contains(added.Id))
                    return;
                await environment.Time.WaitAsync(RetryPause, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            log.LogWarning("{Address} has not confirmed that it votes for the catalog", added);
        }
    }

    /// <summary>The library shows a change a moment after it has made it: the next change must see it.</summary>
    private async ValueTask UntilAsync(Func<bool> isShown, CancellationToken cancel)
    {
        for (TimeSpan waited = TimeSpan.Zero; !isShown() && waited < RestartPause; waited += RetryPause)
            await environment.Time.WaitAsync(RetryPause, cancel).ConfigureAwait(false);
    }

    /// <summary>What another instance says of itself; null when it does not answer.</summary>
    private async ValueTask<CatalogDescription?> DescribeAsync(string address, CancellationToken cancel)
    {
        using TimeLimit limit = environment.Time.Limit(KeepInterval, cancel);
        try
        {
            return CatalogCalls.ReadDescription(await environment.Network.CallAsync(address, CatalogCalls.Describe, CatalogCalls.NoArguments(), limit.Token).ConfigureAwait(false));
        }
        catch (Exception failed) when (failed is PeerException or InvalidDataException || (failed is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            log.LogDebug("{Address} does not say who votes for the catalog: {Reason}", address, failed.Message);
            return null;
        }
    }

    private async ValueTask RemoveVoterAsync(RaftVoter leading, RaftEndPoint member, CancellationToken cancel)
    {
        if (!await leading.RemoveAsync(member, cancel).ConfigureAwait(false))
            return;
        await UntilAsync(() => !leading.Members.Contains(member), cancel).ConfigureAwait(false);
        log.LogInformation("{Address} does not vote for the catalog any more", member);
        if (member.Equals(leading.Self))
        {
            // behind this call: who removes itself does not wait for its own end
            _ = Task.Run(() => Timing.QuietAsync(DemoteAsync(member.Id, "it removed itself", stopping.Token)), CancellationToken.None);
            return;
        }
        using TimeLimit limit = environment.Time.Limit(RestartPause, cancel);
        try
        {
            await environment.Network.CallAsync(member.Address, CatalogCalls.Demote, CatalogCalls.Arguments(member.Id.ToByteArray()), limit.Token).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is PeerException || (failed is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            log.LogInformation("{Address} could not be told that it was removed; it will ask: {Reason}", member, failed.Message);
        }
    }

    /// <summary>Takes up the role that the files and the order give.</summary>
    private async Task BeginAsync(CancellationToken cancel)
    {
        RaftEndPoint? own = environment.Identity.Raft;
        bool hasTraces = board.Image.Index > 0 || (own is null && HasRaftFiles());
        switch (options.Start)
        {
            case CatalogStart.Found when hasTraces:
                throw new InvalidOperationException($"{options.Directory} holds traces of a catalog (index {board.Image.Index}): it is not founded over them");
            case CatalogStart.Found:
                if (own is null)
                    environment.Identity.SetRaft(own = NewEndPoint());
                await StartVoterAsync(own, isFounder: true, cancel).ConfigureAwait(false);
                break;
            case CatalogStart.FoundAgain:
                environment.Identity.SetRaft(null);
                ClearRaftFiles();
                own = NewEndPoint();
                SeedSnapshot(board.Image);
                environment.Identity.SetRaft(own);
                await StartVoterAsync(own, isFounder: true, cancel).ConfigureAwait(false);
                break;
            default:
                await ResumeAsync(own, cancel).ConfigureAwait(false);
                break;
        }
    }

    private async Task ResumeAsync(RaftEndPoint? own, CancellationToken cancel)
    {
        bool isAlone = !OtherAddresses.Any();
        if (own is null)
        {
            if (HasRaftFiles())
                log.LogWarning("the Raft files in {Directory} are not this instance's own and are not used: {Reason}", RaftDirectory, environment.Identity.Reason);
            ClearRaftFiles();
            return;
        }
        if (own.Address != options.Address && !isAlone)
        {
            log.LogWarning("this instance voted as {Was} and is {Now} now: it asks to be admitted anew", own, options.Address);
            GiveUpRaft();
            return;
        }
        try
        {
            await StartVoterAsync(own, isFounder: false, cancel).ConfigureAwait(false);
        }
        catch (Exception unusable) when (unusable is not (DiskFullException or OperationCanceledException))
        {
            if (isAlone)
                throw new CorruptionException("RAFT_FILES_UNUSABLE", RaftDirectory, -1, "the files of the only voter of the catalog", unusable.Message,
                    $"start the instance once with the order to found the catalog again on what it has applied (index {board.Image.Index})");
            log.LogError(unusable, "the Raft files in {Directory} are unusable: this instance does not vote until the others admit it anew", RaftDirectory);
            if (isDiverged)
                board.Distrust();
            isDiverged = false;
            GiveUpRaft();
        }
    }

    private RaftEndPoint NewEndPoint() => new(environment.Chance.NextUuid(), options.Address);

    /// <summary>Starts the voter; checks that its files are not below what was noted and applied (L4).</summary>
    private async Task StartVoterAsync(RaftEndPoint self, bool isFounder, CancellationToken cancel)
    {
        bool hasMembership = environment.Files.FileExists(Path.Combine(RaftDirectory, RaftVoter.MembershipFile));
        var settings = new RaftVoterOptions(RaftDirectory, self, isFounder && !hasMembership)
        {
            Timing = options.Timing,
            Snapshots = options.Snapshots,
            LeastTerm = environment.Identity.HighestTerm,
            LeastIndex = environment.Identity.HighestIndex,
        };
        if (!hasMembership && environment.Identity.HighestIndex > 0)
            throw new InvalidDataException($"{RaftDirectory} has no set of voters, but this instance has applied index {environment.Identity.HighestIndex} as one of them");
        Volatile.Write(ref votedIndex, 0);
        RaftVoter started = await RaftVoter.StartAsync(settings, new Sink(this), environment.Files, environment.Network, environment.Logging, cancel).ConfigureAwait(false);
        environment.Identity.NotePlaces([RaftFolder, $"{RaftFolder}/wal", $"{RaftFolder}/wal/checkpoint", $"{RaftFolder}/wal/state"]);
        voter = started;
        TellRoleChange();
    }

    private async Task StopVoterAsync()
    {
        if (voter is not { } voting)
            return;
        lock (gate)
            learned = View with { Leader = null };
        voter = null;
        TellRoleChange();
        environment.Identity.Note(voting.Term, Volatile.Read(ref votedIndex), []);
        await voting.DisposeAsync().ConfigureAwait(false);
    }

    private void TellRoleChange()
    {
        TaskCompletionSource changed;
        lock (gate)
        {
            changed = roleChanged;
            roleChanged = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.TrySetResult();
    }

    /// <summary>Makes this instance one that can be admitted: Raft files of a new identity, standing by. Idempotent.</summary>
    private async ValueTask<RaftEndPoint> PromoteAsync(CancellationToken cancel)
    {
        await roleGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (voter is { } present)
                return present.Self;
            stopping.Token.ThrowIfCancellationRequested();
            ClearRaftFiles();
            RaftEndPoint self = NewEndPoint();
            environment.Identity.SetRaft(self);
            await StartVoterAsync(self, isFounder: false, cancel).ConfigureAwait(false);
            return self;
        }
        finally
        {
            roleGate.Release();
        }
    }

    private async Task DemoteAsync(Guid id, string why, CancellationToken cancel)
    {
        await roleGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (voter is not { } voting || voting.Self.Id != id)
                return;
            log.LogInformation("{Address} votes no more: {Reason}", voting.Self, why);
            await StopVoterAsync().ConfigureAwait(false);
            GiveUpRaft();
        }
        finally
        {
            roleGate.Release();
        }
    }

    /// <summary>The identity goes first: whatever is left of the files belongs to nobody then.</summary>
    private void GiveUpRaft()
    {
        environment.Identity.SetRaft(null);
        ClearRaftFiles();
    }

    private bool HasRaftFiles() => environment.Files.DirectoryExists(RaftDirectory) && environment.Files.List(RaftDirectory).Count > 0;

    private void ClearRaftFiles()
    {
        if (environment.Files.DirectoryExists(RaftDirectory))
            Clear(RaftDirectory);

        void Clear(string directory)
        {
            foreach (FileEntry entry in environment.Files.List(directory))
            {
                string path = Path.Combine(directory, entry.Name);
                if (entry.IsDirectory)
                    Clear(path);
                else
                    environment.Files.Delete(path);
            }
            environment.Files.SyncDirectory(directory);
        }
    }

    /// <summary>A folder with nothing but a snapshot is a valid start of a log: indices go on behind it.</summary>
    private void SeedSnapshot(CatalogImage image)
    {
        if (image.Index == 0)
            return;
        string directory = Path.Combine(RaftDirectory, RaftVoter.SnapshotFolder);
        environment.Files.CreateDirectory(directory);
        using (IFile file = environment.Files.Create(Path.Combine(directory, FormattableString.Invariant($"{image.Index}-{image.Term}"))))
        {
            file.Write(0, CatalogSnapshot.Encode(image, []));
            file.Sync();
        }
        environment.Files.SyncDirectory(directory);
    }

    /// <summary>Restarts a voter whose log failed, notes its term, and finds out when it was removed without being told.</summary>
    private async Task KeepVotingAsync(CancellationToken cancel)
    {
        int leaderless = 0, looks = 0;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                Task changed = RoleChanged;
                if (voter is not { } voting)
                {
                    await changed.WaitAsync(cancel).ConfigureAwait(false);
                    continue;
                }
                await Task.WhenAny(voting.Failure, changed, environment.Time.WaitAsync(KeepInterval, cancel).AsTask()).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                if (voting.Failure.IsCompletedSuccessfully)
                    await RestartVoterAsync(voting, cancel).ConfigureAwait(false);
                if (voter != voting)
                    continue;
                bool isAdmitted = IsAdmitted(voting);
                if (isAdmitted)
                    environment.Identity.Note(voting.Term, Volatile.Read(ref votedIndex), View.Voters);
                leaderless = isAdmitted && voting.Leader is not null ? 0 : leaderless + 1;
                if (leaderless > 0 && leaderless % LeaderlessLooks == 0)
                    await AskAboutAdmissionAsync(voting, isAdmitted, cancel).ConfigureAwait(false);
                if (isAdmitted && ++looks % ComparisonLooks == 0)
                    await LookAtOthersAsync(voting, cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception unexpected)
            {
                log.LogError(unexpected, "keeping the catalog's voter failed; trying again");
                await Timing.QuietAsync(environment.Time.WaitAsync(RestartPause, cancel).AsTask()).ConfigureAwait(false);
            }
        }
    }

    private async Task RestartVoterAsync(RaftVoter failed, CancellationToken cancel)
    {
        Exception cause = await failed.Failure.ConfigureAwait(false);
        await roleGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (voter != failed)
                return;
            log.LogError(cause, "the catalog's log of {Address} failed and is opened again", failed.Self);
            if (isDiverged)
            {
                await GiveUpDivergedAsync(failed).ConfigureAwait(false);
                return;
            }
            await StopVoterAsync().ConfigureAwait(false);
            while (voter is null)
            {
                try
                {
                    await StartVoterAsync(failed.Self, isFounder: false, cancel).ConfigureAwait(false);
                }
                catch (Exception again) when (!cancel.IsCancellationRequested)
                {
                    // a full disk empties, a damaged one does not: either way the others go on, and the operator reads this
                    log.LogError(again, "the catalog's log of {Address} cannot be opened; trying again in {Pause} s", failed.Self, RestartPause.TotalSeconds);
                    await environment.Time.WaitAsync(RestartPause, cancel).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            roleGate.Release();
        }
    }

    /// <summary>
    /// L2 between voters, which replicate commands and not their effects: who differs from all others, about an index that all have applied, stops voting.
    /// And the leader removes voters whose instance says that it has another identity by now, or none: they are gone for ever.
    /// </summary>
    private async Task LookAtOthersAsync(RaftVoter voting, CancellationToken cancel)
    {
        int alike = 0, unlike = 0;
        foreach (RaftEndPoint other in voting.Members.Where(member => !member.Equals(voting.Self)))
        {
            if (await DescribeAsync(other.Address, cancel).ConfigureAwait(false) is not { } said)
                continue;
            if (said.SelfId != other.Id)
            {
                await RemoveGoneAsync(voting, other, cancel).ConfigureAwait(false);
                continue;
            }
            if (!said.IsVoter || feed.HashAt(said.Index) is not { } mine)
                continue;
            if (mine == said.Hash)
            {
                alike++;
                continue;
            }
            unlike++;
            log.LogCritical("the catalogs of {Here} and {There} differ at index {Index}: one of them is broken; compare their _raft_state", options.Address, other.Address, said.Index);
        }
        if (IsOddOneOut(alike, unlike))
            await StopDivergedAsync(voting, cancel).ConfigureAwait(false);
    }

    private async Task RemoveGoneAsync(RaftVoter voting, RaftEndPoint gone, CancellationToken cancel)
    {
        if (!voting.IsLeader)
            return;
        log.LogWarning("{Address} has lost its Raft files or given them up: it is removed from the voters and can be admitted anew", gone);
        using TimeLimit limit = environment.Time.Limit(RestartPause, cancel);
        try
        {
            await RemoveVoterAsync(voting, gone, limit.Token).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is InvalidOperationException or RaftProtocolException || (failed is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            log.LogWarning("{Address} could not be removed from the voters; trying again: {Reason}", gone, failed.Message);
        }
    }

    /// <summary>One against one says nothing about who is broken.</summary>
    internal static bool IsOddOneOut(int alike, int unlike) => alike == 0 && unlike >= 2;

    private async Task StopDivergedAsync(RaftVoter voting, CancellationToken cancel)
    {
        await roleGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (voter == voting)
                await GiveUpDivergedAsync(voting).ConfigureAwait(false);
        }
        finally
        {
            roleGate.Release();
        }
    }

    private async Task GiveUpDivergedAsync(RaftVoter voting)
    {
        log.LogCritical("{Address} holds another catalog than the others and votes no more until they admit it anew", voting.Self);
        await StopVoterAsync().ConfigureAwait(false);
        isDiverged = false;
        board.Distrust();
        GiveUpRaft();
    }

    /// <summary>A voter without a leader may have been removed, and one that stands by may have been admitted, without hearing of it.</summary>
    private async Task AskAboutAdmissionAsync(RaftVoter voting, bool isAdmitted, CancellationToken cancel)
    {
        foreach (string address in OtherAddresses.ToArray())
        {
            if (await DescribeAsync(address, cancel).ConfigureAwait(false) is not { } said)
                continue;
            bool isCounted = said.VoterIds.Contains(voting.Self.Id);
            // a removal is believed from a leader whose term this voter's own log does not surpass, and from nobody else
            if (isAdmitted && said.IsLeader && said.Group.Term >= voting.Term && !isCounted)
            {
                Learn(said.Group);
                await DemoteAsync(voting.Self.Id, $"{address}, which leads, does not count it among the voters", cancel).ConfigureAwait(false);
                return;
            }
            if (!isAdmitted && said.IsVoter && isCounted && said.Group.Leader is null && said.VoterIds.Length == said.Group.Voters.Length)
            {
                await AdoptAsync(voting, said, cancel).ConfigureAwait(false);
                return;
            }
            if (said.IsVoter)
                environment.Identity.NoteVoters(said.Group.Voters);
        }
    }

    /// <summary>
    /// A voter counts this one, which was not told, and has no leader: perhaps only because this one does not vote. The set that a voter knows was
    /// committed by a leader; it is what this one would have heard.
    /// </summary>
    private async Task AdoptAsync(RaftVoter voting, CatalogDescription said, CancellationToken cancel)
    {
        await roleGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (voter != voting || IsAdmitted(voting))
                return;
            log.LogWarning("{Address} was admitted as a voter without hearing of it; it takes the set of voters from {Voters}", voting.Self, string.Join(", ", said.Group.Voters));
            await StopVoterAsync().ConfigureAwait(false);
            await RaftVoter.AdoptAsync(RaftDirectory, said.VoterIds.Zip(said.Group.Voters, (id, address) => new RaftEndPoint(id, address)), cancel).ConfigureAwait(false);
            await StartVoterAsync(voting.Self, isFounder: false, cancel).ConfigureAwait(false);
        }
        finally
        {
            roleGate.Release();
        }
    }

    /// <summary>What the voter applies comes in here, on the log's applier.</summary>
    private sealed class Sink(ReplicatedCatalog catalog) : ICatalogSink
    {
        public void Applied(CatalogEffect effect, CatalogImage image) => Guarded(image.Index, () => catalog.Receive(effect, image.Hash, image));

        public void VotersChanged(ImmutableArray<RaftEndPoint> voters) => catalog.environment.Identity.NoteVoters([.. voters.Select(voter => voter.Address)]);

        public void Restored(CatalogImage image) => Guarded(image.Index, () => catalog.Receive(image));

        private void Guarded(long index, Action receive)
        {
            try
            {
                receive();
                Volatile.Write(ref catalog.votedIndex, index);
            }
            catch (DivergedException)
            {
                // stops this voter's log; the restart sees the mark
                catalog.isDiverged = true;
                throw;
            }
        }
    }
}
