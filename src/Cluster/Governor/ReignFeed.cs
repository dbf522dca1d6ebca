using Picodata.Replication;

namespace Picodata.Cluster;

/// <summary>
/// The reigns of one replicaset as one instance may act on them, in the order of their epochs: each change of the reign's row or of the members' addresses. A
/// reign that was given to an earlier process of this instance is withheld (R8, <see cref="ClusterModel.MayFollowReign"/>).
/// </summary>
public sealed class ReignFeed(ICatalog catalog, string instance, Func<long> incarnation)
{
    private Reign? last;
    private long index = -1;

    /// <summary>Waits for the next reign that differs from the one before.</summary>
    public async ValueTask<Reign> NextAsync(CancellationToken cancel)
    {
        while (true)
        {
            CatalogImage image = await catalog.WaitBeyondAsync(index, cancel);
            index = image.Index;
            ClusterModel model = ClusterModel.From(image);
            if (!model.Instances.TryGetValue(instance, out InstanceRow? row) || model.ReignOf(row.ReplicasetName) is not { } reign || !model.MayFollowReign(instance, incarnation()))
            {
                continue;
            }

            if (last is null || last.Epoch != reign.Epoch || last.Term != reign.Term || !last.Members.SequenceEqual(reign.Members))
            {
                last = reign;
                return reign;
            }
        }
    }
}
