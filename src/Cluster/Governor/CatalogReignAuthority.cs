using Picodata.Replication;

namespace Picodata.Cluster;

/// <summary>
/// Changes of an in-sync set, as compare-and-swap on the reign's row (R2). A member that is expelled, or a reign with another term or primary, is not touched:
/// the caller learns what holds instead.
/// </summary>
public sealed class CatalogReignAuthority(string replicaset, ICatalog catalog, Chance chance) : IReignAuthority
{
    /// <inheritdoc/>
    public ValueTask<Reign> RemoveFromInSyncAsync(Reign known, string member, string reason, CancellationToken cancel) =>
        ChangeAsync(known, row => row.Primary != member && row.InSync.Contains(member) ? row with { InSync = row.InSync.Remove(member) } : row, cancel);

    /// <inheritdoc/>
    public ValueTask<Reign> AddToInSyncAsync(Reign known, string member, CancellationToken cancel) =>
        ChangeAsync(known, row => row with { InSync = row.InSync.Add(member) }, cancel, member);

    private async ValueTask<Reign> ChangeAsync(Reign known, Func<ReignRow, ReignRow> change, CancellationToken cancel, string? added = null)
    {
        ClusterModel model = ClusterModel.From(catalog.Image);
        if (Present(model) is not { } row || row.Epoch < known.Epoch)
        {
            model = ClusterModel.From(await catalog.ReadBarrierAsync(cancel));
        }

        while (true)
        {
            row = Present(model) ?? throw new InvalidOperationException($"replicaset {replicaset} has no reign");
            ReignRow next = change(row);
            bool isForeign = row.Term != known.Term || row.Primary != known.Primary || row.Epoch != known.Epoch;
            bool isGone = added is not null && !(model.Instances.TryGetValue(added, out InstanceRow? instance) && !instance.IsExpelled && instance.TargetState.Variant != StateVariant.Expelled && instance.ReplicasetName == replicaset);
            if (isForeign || isGone || next.InSync.SetEquals(row.InSync))
            {
                return model.ReignOf(replicaset)!;
            }

            var proposal = new ProposalBuilder(model).Put(next with { Epoch = row.Epoch + 1 });
            if (added is not null)
            {
                // an expel of the member must not pass by unseen
                proposal.Expect(CatalogTables.Instance, added);
            }

            await catalog.ProposeAsync(proposal.Build(chance.NextUuid()), cancel);
            model = ClusterModel.From(catalog.Image);
            if (Present(model)?.Epoch == known.Epoch)
            {
                // the swap failed for another row's sake: look once more
                model = ClusterModel.From(await catalog.ReadBarrierAsync(cancel));
            }
        }
    }

    private ReignRow? Present(ClusterModel model) => model.Reigns.GetValueOrDefault(replicaset);
}
