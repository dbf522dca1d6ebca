using System.Globalization;
using Picodata.Sql.Execution;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>A physical plan as PostgreSQL prints one: a title per node, details below it, children behind arrows.</summary>
internal static class PhysicalText
{
    public static List<string> Lines(PlanNode root, bool costs, PlanStatistics? statistics)
    {
        var lines = new List<string>();
        Add(root, 0, "", costs, statistics, lines);
        return lines;
    }

    private static void Add(PlanNode node, int indent, string label, bool costs, PlanStatistics? statistics, List<string> lines)
    {
        string margin = new(' ', indent);
        string arrow = indent == 0 ? "" : "->  ";
        if (label.Length > 0)
        {
            lines.Add(margin + label);
            margin += "  ";
            indent += 2;
        }

        lines.Add(margin + arrow + node.Title + Costs(node, costs) + Actual(node, statistics));
        string below = margin + new string(' ', arrow.Length + 2);
        foreach (string detail in node.Details)
        {
            lines.Add(below + detail);
        }

        if (statistics?.Of(node) is { Removed: > 0 } done)
        {
            lines.Add($"{below}Rows Removed by Filter: {done.Removed}");
        }

        int inner = indent + arrow.Length + 2;
        int number = 0;
        foreach (SubPlanExpression plan in PlanExpressions.SubPlans(node))
        {
            Add(plan.Plan, inner, plan.Bindings.Count == 0 ? $"InitPlan {++number}" : $"SubPlan {++number}", costs, statistics, lines);
        }

        foreach (PlanNode child in node.Children)
        {
            Add(child, inner, "", costs, statistics, lines);
        }
    }

    private static string Costs(PlanNode node, bool costs) => costs
        ? string.Create(CultureInfo.InvariantCulture, $"  (cost={node.Estimate.Cost:F2} rows={Math.Round(node.Estimate.Rows)})")
        : "";

    private static string Actual(PlanNode node, PlanStatistics? statistics)
    {
        if (statistics is null)
        {
            return "";
        }

        NodeStatistics done = statistics.Of(node);
        return done.Loops == 0
            ? " (never executed)"
            : string.Create(CultureInfo.InvariantCulture, $" (actual time={statistics.Milliseconds(done):F3} rows={done.Rows} loops={done.Loops})");
    }
}
