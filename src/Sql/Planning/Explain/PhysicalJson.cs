using System.Text.Json;
using System.Text.Json.Nodes;
using Picodata.Sql.Execution;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>EXPLAIN (FORMAT JSON): the keys that tools look for.</summary>
internal static class PhysicalJson
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static List<string> Lines(PlanNode root, bool costs, PlanStatistics? statistics)
    {
        var document = new JsonArray(new JsonObject { ["Plan"] = Node(root, costs, statistics) });
        return [.. document.ToJsonString(Indented).Split('\n').Select(l => l.TrimEnd('\r'))];
    }

    private static JsonObject Node(PlanNode node, bool costs, PlanStatistics? statistics)
    {
        var json = new JsonObject { ["Node Type"] = node.Title };
        if (costs)
        {
            json["Total Cost"] = Math.Round(node.Estimate.Cost, 2);
            json["Plan Rows"] = Math.Round(node.Estimate.Rows);
        }

        if (statistics is not null)
        {
            NodeStatistics done = statistics.Of(node);
            json["Actual Total Time"] = Math.Round(statistics.Milliseconds(done), 3);
            json["Actual Rows"] = done.Rows;
            json["Actual Loops"] = done.Loops;
        }

        foreach (string detail in node.Details)
        {
            int colon = detail.IndexOf(": ", StringComparison.Ordinal);
            json[colon < 0 ? "Detail" : detail[..colon]] = colon < 0 ? detail : detail[(colon + 2)..];
        }

        var plans = new JsonArray();
        foreach (PlanNode child in PlanExpressions.SubPlans(node).Select(s => s.Plan).Concat(node.Children))
        {
            plans.Add(Node(child, costs, statistics));
        }

        if (plans.Count > 0)
        {
            json["Plans"] = plans;
        }

        return json;
    }
}
