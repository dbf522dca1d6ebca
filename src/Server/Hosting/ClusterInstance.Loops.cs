using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Replication;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>What an instance does as long as it lives.</summary>
internal sealed partial class ClusterInstance
{
    /// <summary>A role may change without a word of the catalog (a fence, a failed disk): it is looked at this often besides.</summary>
    private static readonly TimeSpan RoleInterval = TimeSpan.FromMilliseconds(100);

    private async Task ActivateAsync(string reason, CancellationToken stop)
    {
        try
        {
            InstanceUpdateAnswer answer = await membership!.UpdateAsync(Update(StateVariant.Online, reason), LeaderAddresses, stop);
            Activated(answer);
        }
        catch (PeerException refused)
        {
            throw new ConfigException(refused.Message);
        }
    }

    private void Activated(InstanceUpdateAnswer answer)
    {
        Interlocked.Exchange(ref incarnation, answer.Incarnation);
        self = answer.Instance;
        heartbeats!.Nudge();
        changes.Beat();
    }

    private HeartbeatReport Report()
    {
        IReplicationNode? node = data?.Node;
        return new HeartbeatReport(
            0, self!.Name, self.Uuid, Interlocked.Read(ref incarnation), boots, node?.Role ?? ReplicationRole.NeedsCopy, node?.Position ?? default, node?.CommitLsn ?? 0,
            node?.Reign?.Epoch ?? 0, catalog!.Image.Index, node?.PromisedTerm ?? 0);
    }

    /// <summary>Takes over the catalog's word about the own replicaset.</summary>
    private async Task FollowReignsAsync(CancellationToken cancel)
    {
        var feed = new ReignFeed(catalog!, self!.Name, () => Interlocked.Read(ref incarnation));
        while (true)
        {
            Reign reign = await feed.NextAsync(cancel);
            newest = reign;
            await ApplyAsync(reign, cancel);
        }
    }

    private async Task ApplyAsync(Reign reign, CancellationToken cancel)
    {
        if (data is not { } path)
        {
            return;
        }

        try
        {
            await path.Node.ApplyReignAsync(reign, cancel);
        }
        catch (Exception problem) when (problem is DbException or PeerException or IOException or ObjectDisposedException)
        {
            log.LogWarning("reign {Term} of {Primary} is not followed: {Reason}", reign.Term, reign.Primary, problem.Message);
        }

        heartbeats!.Nudge();
        changes.Beat();
    }

    /// <summary>Sessions run while, and only while, the data path is primary.</summary>
    private async Task FollowRoleAsync(CancellationToken cancel)
    {
        while (true)
        {
            Task next = changes.Next;
            bool before = sql.IsOpen;
            await sql.FollowAsync(data?.Node.Role == ReplicationRole.Primary, cancel);
            if (before != sql.IsOpen)
            {
                log.LogInformation(sql.IsOpen ? "primary of replicaset {Replicaset}" : "not primary of replicaset {Replicaset} any more", self!.ReplicasetName);
                changes.Beat();
            }

            await UntilAsync(next, RoleInterval, cancel);
        }
    }

    /// <summary>When the rows cannot be continued by the primary's log, or are not to be trusted, they are copied anew.</summary>
    private async Task ReplaceCopiesAsync(CancellationToken cancel)
    {
        while (true)
        {
            IReadOnlyList<(uint, ReadOnlyMemory<byte>)> kept = distrusted;
            distrusted = [];
            if (data is { } path)
            {
                CopyNeed need = await path.Node.CopyNeeded.WaitAsync(cancel);
                log.LogWarning("the rows of this instance are copied anew: {Reason}", need.Text);
                await sql.CloseAsync("the instance's rows are copied anew");
                data = null;
                await path.Node.DisposeAsync();
                kept = await CloseForCopyAsync(path.Database);
            }

            Database database = await CopyFromPrimaryAsync(self!.Uuid, kept, cancel);
            await images.AttachAsync(AppliedIn(database), catalog!.Image, cancel);
            StartData(database);
            if (newest is { } reign)
            {
                await ApplyAsync(reign, cancel);
            }
        }
    }

    /// <summary>Closes a database whose rows are given up; gives those that are the instance's own, the applied catalog among them: its next database begins with them.</summary>
    private async Task<IReadOnlyList<(uint, ReadOnlyMemory<byte>)>> CloseForCopyAsync(Database database)
    {
        await images.DetachAsync();
        IReadOnlyList<(uint, ReadOnlyMemory<byte>)> own = database.LocalRows();
        await database.DisposeAsync();
        return own;
    }

    /// <summary>Found Offline although it lives: it asks to come back.</summary>
    private Task WatchOfflineAsync(CancellationToken cancel) =>
        new OnlineSentinel(catalog!, membership!, time, () => Update(StateVariant.Online, "auto-online"), () => isStopping).RunAsync(Activated, cancel);

    private async Task WatchSupersededAsync(CancellationToken cancel)
    {
        await heartbeats!.Superseded.WaitAsync(cancel);
        mustEnd.TrySetResult("the instance was expelled, or another process was started under its name");
    }

    /// <summary>Keeps what is known of oneself, and wakes whoever waits for a change.</summary>
    private async Task WatchMembershipAsync(CancellationToken cancel)
    {
        long index = -1;
        while (true)
        {
            CatalogImage image = await catalog!.WaitBeyondAsync(index, cancel);
            index = image.Index;
            ClusterModel model = ClusterModel.From(image);
            identity = identity with { FormerClusters = model.TextProperty(RescueRules.FormerUuidsKey) ?? "" };
            if (model.FindInstance(self!.Uuid) is { } row)
            {
                self = row;
                if (row.IsExpelled)
                {
                    mustEnd.TrySetResult($"instance {row.Name} was expelled from the cluster");
                }
            }

            changes.Beat();
        }
    }

    private async Task UntilAsync(Task next, TimeSpan limit, CancellationToken cancel)
    {
        try
        {
            await next.WaitAsync(limit, time, cancel);
        }
        catch (TimeoutException)
        {
            // look again
        }
    }
}
