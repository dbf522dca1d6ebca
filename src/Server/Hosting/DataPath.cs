using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Replication;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>An open database and the data path over it; replaced together when the rows are copied anew.</summary>
internal sealed record DataPath(Database Database, IReplicationNode Node)
{
    /// <summary>Service of the peers' streams that <see cref="IReplicationNode.ServeAsync"/> serves.</summary>
    public const string Service = "replication";
}

/// <summary>The primary's lease as the gate of all answers (invariant C4): closed, nothing is shown and nothing acknowledged.</summary>
internal sealed class LeaseGate(LeaseClock lease, Func<IReplicationNode?> node, TimeProvider time) : IAnswerGate
{
    /// <summary>A lease that ran out comes back with a heartbeat, or never: this instance is deposed then, and its sessions are ended.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5), Patience = TimeSpan.FromSeconds(30);

    public bool IsOpen => node() is { } path && path.Answers switch
    {
        AnswerRule.Always => true,
        AnswerRule.WithLease => lease.IsValidFor(path.PrimaryTerm),
        _ => false,
    };

    public async ValueTask WaitOpenAsync(CancellationToken cancel)
    {
        long begun = time.GetTimestamp();
        while (!IsOpen)
        {
            bool isDeposed = node() is not { Role: ReplicationRole.Primary };
            if (isDeposed || time.GetElapsedTime(begun) > Patience)
            {
                throw new DbException(
                    SqlStates.StatementCompletionUnknown,
                    isDeposed ? "the instance is not primary any more" : "the instance has lost touch with the cluster and cannot tell whether it is still primary",
                    hint: isDeposed ? "connect again" : "connect to another instance; `picodata status` tells what is reachable");
            }

            await Task.Delay(Interval, time, cancel).ConfigureAwait(false);
        }
    }
}

/// <summary>Making and replacing the data path.</summary>
internal sealed partial class ClusterInstance
{
    private void StartData(Database database)
    {
        InstanceRow row = self!;
        TierOptions tier = ClusterModel.From(catalog!.Image).OptionsOf(row.Tier);
        var gate = new LeaseGate(lease, () => data?.Node, time);
        database.SetAnswerGate(gate);
        var options = new ReplicationOptions
        {
            Name = row.Name,
            ClusterUuid = identity.ClusterUuid,
            IsAsync = tier.IsAsync,
            MinInSync = tier.MinInSync,
            MayAcknowledge = () => gate.IsOpen,
        };
        var environment = new ReplicationEnvironment { Log = loggers.CreateLogger("Replication") };
        var authority = new CatalogReignAuthority(row.ReplicasetName, catalog, chance);
        var node = new ReplicationNode(database, PromiseFile.Open(files.Disk, files.Directory), options, network, authority, environment);
        data = new DataPath(database, node);
    }

    /// <summary>Fetches all rows from the primary of the own replicaset, whoever that is by then, and opens them. Tries until it has them.</summary>
    /// <param name="own">Rows of replica-local spaces that the copy begins with.</param>
    private async Task<Database> CopyFromPrimaryAsync(Guid uuid, IReadOnlyList<(uint, ReadOnlyMemory<byte>)> own, CancellationToken stop)
    {
        while (true)
        {
            Task next = changes.Next;
            ClusterModel model = ClusterModel.From(catalog!.Image);
            if (model.FindInstance(uuid) is { } row && model.ReignOf(row.ReplicasetName) is { } reign && reign.Primary != row.Name
                && model.Instances.TryGetValue(reign.Primary, out InstanceRow? primary) && model.AddressOf(primary) is { } address)
            {
                try
                {
                    var request = new CopyRequest
                    {
                        Storage = files.Environment,
                        Directory = files.Directory,
                        Name = row.Name,
                        InstanceUuid = uuid,
                        ReplicasetUuid = row.ReplicasetUuid,
                        ClusterUuid = identity.ClusterUuid,
                        PrimaryAddress = address,
                        LocalRows = own,
                    };
                    long lsn = await ReplicaCopy.ReceiveAsync(request, network, stop);
                    log.LogInformation("received a copy of {Primary}'s rows up to LSN {Lsn}", primary.Name, lsn);
                    return await files.OpenDatabaseAsync(uuid, row.ReplicasetUuid, stop);
                }
                catch (Exception problem) when (problem is PeerException or IOException or InvalidDataException)
                {
                    log.LogWarning("no copy from {Primary} yet: {Reason}", primary.Name, problem.Message);
                }
            }

            await UntilAsync(next, TimeSpan.FromMilliseconds(200), stop);
        }
    }
}
