using System.Collections.Immutable;
using System.Globalization;

namespace Picodata.Cluster;

/// <summary>What a rescue makes of a catalog, and what the operator has to know of it.</summary>
/// <param name="Image">The catalog of the cluster that begins anew, one index behind the one that the directory held.</param>
/// <param name="Warnings">What may be missing, or is not as it was.</param>
public sealed record Rescue(CatalogImage Image, ImmutableArray<string> Warnings);

/// <summary>
/// Rescue: a cluster begins anew on one directory of a larger cluster that is lost for good, or of which a copy shall stand alone. Pure.
///
/// S1 The cluster gets a new UUID; the old one is kept in <c>former_cluster_uuids</c>. Connections between instances prove the UUID, so members of the old group and
///    of the new one never exchange a word, whichever of them come back, and however their catalogs and logs have gone on.
/// S2 All other instances are expelled, their reigns end, the rescued one is primary and the only one in sync of its replicaset; the governor then
///    gives it a new term like any primary that was started anew.
/// S3 Only a member of the replicaset that holds the rows can be rescued: on another one there would be an empty cluster.
/// S4 A member that its own catalog does not count as in sync may lack acknowledged rows: it is rescued only when the cluster to be given up is named by its UUID.
/// S5 An order that was carried out is not carried out again: after a rescue the plain order is ignored by the instance that it was given to, and an order
///    with a UUID by every cluster of another UUID. So an order that is left in a unit file does no harm.
/// </summary>
public static class RescueRules
{
    /// <summary>Keys of <c>_pico_property</c>: UUIDs that the cluster had before rescues, newest first, joined by commas; UUID of the instance that was rescued last.</summary>
    public const string FormerUuidsKey = "former_cluster_uuids", RescuedKey = "rescued_instance_uuid";

    /// <summary>Why the order does nothing on this catalog, or null when it is to be carried out (S5).</summary>
    /// <param name="named">UUID of the cluster to give up, or null: the plain order.</param>
    public static string? WhyDone(ClusterModel model, InstanceRow self, Guid? named) =>
        named is { } cluster && cluster != model.ClusterUuid ? $"the cluster is {model.ClusterUuid:D}, not {cluster:D}: --rescue has nothing to do here"
        : named is null && model.TextProperty(RescuedKey) == self.Uuid.ToString("D") ? $"this instance was rescued before: --rescue is ignored, take it away (to rescue it once more, name the cluster that is lost: --rescue={model.ClusterUuid:D})"
        : null;

    /// <summary>The catalog of the new cluster, or <see cref="Core.PeerException"/> (refused) with the reason.</summary>
    /// <param name="isNamed">The operator named the cluster that is given up, or there is nobody else: rows that may be missing are no reason to refuse.</param>
    /// <param name="addresses">Addresses of the instance from now on.</param>
    public static Rescue Decide(ClusterModel model, InstanceRow self, bool isNamed, Guid newCluster, IReadOnlyList<PeerAddressRow> addresses, DateTimeOffset now)
    {
        if (model.DataReplicaset is { } holder && holder != self.ReplicasetName)
        {
            string members = string.Join(", ", model.MembersOf(holder).Select(member => $"{member.Name} ({model.AddressOf(member)})"));
            throw JoinRules.Refused($"instance {self.Name} holds no rows: all rows of the cluster are in replicaset {holder}; rescue one of its members: {members}");
        }

        var warnings = ImmutableArray.CreateBuilder<string>();
        model.Reigns.TryGetValue(self.ReplicasetName, out ReignRow? reign);
        if (reign is not null && !reign.InSync.Contains(self.Name))
        {
            string inSync = string.Join(", ", reign.InSync);
            if (!isNamed)
            {
                throw JoinRules.Refused(
                    $"instance {self.Name} was not in sync: acknowledged rows may be missing here; rescue one of {inSync} if any of them is left, else name the cluster that is given up: --rescue={model.ClusterUuid:D}");
            }

            warnings.Add($"instance {self.Name} was not in sync (in sync were: {inSync}): acknowledged rows may be missing");
        }

        int minInSync = model.OptionsOf(self.Tier).MinInSync;
        if (minInSync > 1)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"`min_in_sync` is {minInSync}: writes are refused until more instances have joined"));
        }

        CatalogProposal changes = Rows(model, self, reign, newCluster, addresses, now).Build(newCluster);
        return new Rescue(new CatalogEffect(model.Image.Index + 1, model.Image.Term, changes.Changes).ApplyTo(model.Image), warnings.ToImmutable());
    }

    private static ProposalBuilder Rows(ClusterModel model, InstanceRow self, ReignRow? reign, Guid newCluster, IReadOnlyList<PeerAddressRow> addresses, DateTimeOffset now)
    {
        string former = model.TextProperty(FormerUuidsKey) is { } older ? $"{model.ClusterUuid:D},{older}" : $"{model.ClusterUuid:D}";
        ProposalBuilder rows = new ProposalBuilder(model).ChangeTopology()
            .PutProperty(ClusterModel.ClusterUuidKey, newCluster.ToString("D"))
            .PutProperty(FormerUuidsKey, former)
            .PutProperty(RescuedKey, self.Uuid.ToString("D"));
        foreach (InstanceRow other in model.Instances.Values.Where(row => !row.IsExpelled && row.Name != self.Name))
        {
            var expelled = new InstanceState(StateVariant.Expelled, other.TargetState.Incarnation);
            rows.Put(other with { CurrentState = expelled, TargetState = expelled, TargetStateReason = "rescue", TargetStateChangeTime = ProposalBuilder.Time(now) });
        }

        foreach (PeerAddressRow address in model.Addresses)
        {
            rows.Delete(address);
        }

        foreach (PeerAddressRow address in addresses)
        {
            rows.Put(address);
        }

        foreach (ReplicasetRow replicaset in model.Replicasets.Values)
        {
            if (replicaset.Name == self.ReplicasetName)
            {
                rows.Put(replicaset with { CurrentMaster = self.Name, TargetMaster = self.Name, TargetConfigVersion = replicaset.TargetConfigVersion + 1 });
            }
            else
            {
                rows.Put(replicaset with { State = ReplicasetState.Expelled, Weight = 0 }).DeleteReign(replicaset.Name);
            }
        }

        return reign is null ? rows : rows.Put(reign with { Epoch = reign.Epoch + 1, Primary = self.Name, InSync = [self.Name] });
    }
}
