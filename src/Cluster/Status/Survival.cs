using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>One thing that may fail: an instance, or all instances with one failure-domain value.</summary>
/// <param name="Label">Label of the failure domain, or null for a single instance.</param>
/// <param name="Value">The value, or the instance's name.</param>
public sealed record Loss(string? Label, string Value)
{
    /// <inheritdoc/>
    public override string ToString() => Label is null ? $"instance {Value}" : $"{Label}={Value}";
}

/// <summary>What a loss would cost at this moment.</summary>
/// <param name="LostReplicasets">Replicasets with data whose last in-sync copy would go.</param>
/// <param name="LosesMajority">The catalog would have no majority of voters: no failover, no change.</param>
public sealed record LossVerdict(Loss Loss, ImmutableArray<string> LostReplicasets, bool LosesMajority)
{
    /// <summary>All data stays available without anybody's help.</summary>
    public bool IsSurvived => LostReplicasets.IsEmpty && !LosesMajority;
}

/// <summary>
/// What this cluster would survive right now, computed from who is in sync and who votes; not from what was configured. Pure.
/// </summary>
public static class Survival
{
    /// <summary>A verdict for every value of every label, then for every instance that is Online.</summary>
    /// <param name="voters">iproto addresses of the Raft voters.</param>
    /// <param name="isUp">Instances that are up.</param>
    public static ImmutableArray<LossVerdict> Judge(ClusterModel model, IReadOnlyCollection<string> voters, Func<InstanceRow, bool> isUp)
    {
        InstanceRow[] up = [.. model.Instances.Values.Where(row => !row.IsExpelled && isUp(row))];
        var losses = up.SelectMany(row => row.FailureDomain.Labels.Select(pair => new Loss(pair.Key, pair.Value)))
            .Concat(up.Select(row => new Loss(null, row.Name))).Distinct()
            .OrderBy(loss => loss.Label is null).ThenBy(loss => loss.Label, StringComparer.Ordinal).ThenBy(loss => loss.Value, StringComparer.Ordinal);
        return [.. losses.Select(loss => Judge(model, voters, up, loss))];
    }

    private static LossVerdict Judge(ClusterModel model, IReadOnlyCollection<string> voters, InstanceRow[] up, Loss loss)
    {
        InstanceRow[] left = [.. up.Where(row => loss.Label is { } label ? row.FailureDomain.Labels.GetValueOrDefault(label) != loss.Value : row.Name != loss.Value)];
        ImmutableArray<string> lost =
        [
            .. model.Reigns.Values.Where(reign => model.Replicasets.GetValueOrDefault(reign.Replicaset)?.State != ReplicasetState.Expelled && HoldsData(model, reign.Replicaset)
                && up.Any(row => reign.InSync.Contains(row.Name)) && !left.Any(row => reign.InSync.Contains(row.Name))).Select(reign => reign.Replicaset),
        ];
        int votes = left.Count(row => model.AddressOf(row) is { } address && voters.Contains(address));
        return new LossVerdict(loss, lost, votes <= voters.Count / 2);
    }

    private static bool HoldsData(ClusterModel model, string replicaset) => replicaset == model.DataReplicaset || model.HoldsBuckets(replicaset);
}
