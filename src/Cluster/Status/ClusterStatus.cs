using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Picodata.Cluster;

/// <summary>
/// The text of <c>picodata status</c>: Picodata's output (section 1.3 of the reference), then, for each replicaset, primary, in-sync set and lag, and what the cluster would
/// survive. Pure.
/// </summary>
public static class ClusterStatus
{
    /// <summary>Picodata's part: everything up to the instances' rows.</summary>
    public static string Instances(ClusterModel model)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $" CLUSTER NAME: {model.ClusterName}\n CLUSTER UUID: {model.ClusterUuid:D}\n");
        InstanceRow[] rows = [.. model.Instances.Values.Where(row => !row.IsExpelled)];
        int nameWidth = rows.Select(row => row.Name.Length).Append(4).Max() + 3, stateWidth = rows.Select(row => State(row).Length).Append(5).Max() + 3;
        foreach (var block in rows.GroupBy(Heading).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $" TIER/DOMAIN: {block.Key}\n\n");
            text.Append(CultureInfo.InvariantCulture, $" {"name".PadRight(nameWidth)}{"state".PadRight(stateWidth)}{"uuid".PadRight(39)}uri\n");
            foreach (InstanceRow row in block.OrderByDescending(State, StringComparer.Ordinal).ThenBy(row => row.Name, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $" {row.Name.PadRight(nameWidth)}{State(row).PadRight(stateWidth)}{row.Uuid.ToString("D").PadRight(39)}{model.AddressOf(row)}\n");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Both parts.</summary>
    /// <param name="sights">What the leader sees; empty when the asked instance does not lead: then lags are not shown.</param>
    /// <param name="voters">iproto addresses of the Raft voters.</param>
    public static string Full(ClusterModel model, IReadOnlyDictionary<string, InstanceSight> sights, ImmutableArray<string> voters)
    {
        var text = new StringBuilder(Instances(model));
        text.Append(" REPLICATION\n\n");
        foreach (ReplicasetRow replicaset in model.Replicasets.Values.Where(row => row.State != ReplicasetState.Expelled))
        {
            AppendReplicaset(text, model, replicaset, sights);
        }

        foreach ((_, string advice) in PartnerAdvice.For(model))
        {
            text.Append(CultureInfo.InvariantCulture, $" note: {advice}\n");
        }

        text.Append("\n SURVIVES THE LOSS OF\n\n");
        foreach (LossVerdict verdict in Survival.Judge(model, voters, row => IsUp(row, sights)))
        {
            AppendVerdict(text, verdict);
        }

        return text.ToString();
    }

    private static bool IsUp(InstanceRow row, IReadOnlyDictionary<string, InstanceSight> sights) =>
        sights.TryGetValue(row.Name, out InstanceSight? sight) ? sight.IsConnected && row.TargetState.Variant == StateVariant.Online : row.IsOnline;

    private static string Heading(InstanceRow row) => row.FailureDomain.Labels.IsEmpty ? row.Tier : $"{row.Tier}/{row.FailureDomain.Values}";

    private static string State(InstanceRow row) => row.CurrentState.Variant + (row.CurrentState.Variant == row.TargetState.Variant ? "" : "?");

    private static void AppendReplicaset(StringBuilder text, ClusterModel model, ReplicasetRow replicaset, IReadOnlyDictionary<string, InstanceSight> sights)
    {
        TierOptions options = model.OptionsOf(replicaset.Tier);
        text.Append(CultureInfo.InvariantCulture, $" {replicaset.Name}: {RowCodec.Text(replicaset.State)}, {(options.IsAsync ? "async (acknowledged rows may be lost with the primary)" : "sync")}");
        if (!model.Reigns.TryGetValue(replicaset.Name, out ReignRow? reign))
        {
            text.Append(", no primary yet\n");
            return;
        }

        text.Append(CultureInfo.InvariantCulture, $", primary {reign.Primary} (term {reign.Term})\n");
        long? head = sights.TryGetValue(reign.Primary, out InstanceSight? primary) ? primary.Report.Position.Lsn : null;
        foreach (InstanceRow member in model.MembersOf(replicaset.Name))
        {
            string role = member.Name == reign.Primary ? "primary" : reign.InSync.Contains(member.Name) ? "in sync" : "not in sync";
            text.Append(CultureInfo.InvariantCulture, $"   {member.Name}: {role}");
            if (sights.TryGetValue(member.Name, out InstanceSight? sight))
            {
                text.Append(CultureInfo.InvariantCulture, $", at {sight.Report.Position}");
                text.Append(member.Name != reign.Primary && head is { } lsn ? string.Create(CultureInfo.InvariantCulture, $", {Math.Max(0, lsn - sight.Report.Position.Lsn)} rows behind") : "");
                text.Append(sight.IsConnected ? "" : string.Create(CultureInfo.InvariantCulture, $", not connected for {sight.SilentFor.TotalSeconds:F0} s"));
            }

            text.Append('\n');
        }

        if (reign.InSync.Count < options.MinInSync)
        {
            text.Append(CultureInfo.InvariantCulture, $"   writes are refused: {reign.InSync.Count} in sync, `min_in_sync` is {options.MinInSync}\n");
        }
    }

    private static void AppendVerdict(StringBuilder text, LossVerdict verdict)
    {
        string cost = verdict.IsSurvived ? "yes"
            : string.Join(", ", new[]
            {
                verdict.LostReplicasets.IsEmpty ? null : $"no: the last in-sync copy of {string.Join(", ", verdict.LostReplicasets)} would go",
                verdict.LosesMajority ? (verdict.LostReplicasets.IsEmpty ? "no: " : "") + "the catalog would lose its majority" : null,
            }.OfType<string>());
        text.Append(CultureInfo.InvariantCulture, $" {verdict.Loss}: {cost}\n");
    }
}
