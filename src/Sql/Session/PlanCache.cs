using System.Collections.Concurrent;
using Picodata.Core;
using Picodata.Sql.Execution;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>A statement that was bound, planned and compiled against one catalog. Immutable but for its counters; shared by sessions.</summary>
internal sealed class CachedPlan
{
    private int uses;

    public required BoundStatement Bound { get; init; }

    public required ExecutablePlan Plan { get; init; }

    public required CatalogState Catalog { get; init; }

    /// <summary>The statement that it was made of.</summary>
    public required Statement Statement { get; init; }

    public required IReadOnlyList<ResultColumn>? Columns { get; init; }

    /// <summary>Rows of the tables when it was planned.</summary>
    public required (uint Space, long Rows)[] Sizes { get; init; }

    /// <summary>Runs in microseconds whatever the tables hold (<see cref="BriefPlans"/>).</summary>
    public required bool IsBrief { get; init; }

    /// <summary>Which tag its completion has.</summary>
    public required string Tag { get; init; }

    public IReadOnlyList<SqlType> ParameterTypes => Bound.ParameterTypes;

    /// <summary>
    /// True when tables have grown or shrunk so much that another plan may be better. Looks only now and then, for it is asked on
    /// every execution.
    /// </summary>
    public bool IsStale(Func<uint, long> rows)
    {
        int count = Interlocked.Increment(ref uses);
        if ((count & (count - 1)) != 0 && (count & 1023) != 0)
        {
            return false;
        }

        foreach ((uint space, long planned) in Sizes)
        {
            long now = rows(space);
            if ((now > 1000 || planned > 1000) && (now > planned * 4 || now * 4 < planned))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>
/// Plans by statement text, shared by all sessions whose settings give literals the same meaning. A plan is good as long as the catalog is
/// the one it was made with.
/// </summary>
internal sealed class PlanCache
{
    private const int MostPlans = 4096;

    private readonly ConcurrentDictionary<string, CachedPlan> plans = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CachedPlan>.AlternateLookup<ReadOnlySpan<char>> bySpan;

    public PlanCache() => bySpan = plans.GetAlternateLookup<ReadOnlySpan<char>>();

    public CachedPlan? Find(ReadOnlySpan<char> key, CatalogState catalog) =>
        bySpan.TryGetValue(key, out CachedPlan? plan) && ReferenceEquals(plan.Catalog, catalog) ? plan : null;

    public void Add(string key, CachedPlan plan)
    {
        if (plans.Count >= MostPlans)
        {
            plans.Clear();
        }

        plans[key] = plan;
    }

    public void Clear() => plans.Clear();
}

/// <summary>One plan cache for each combination of the settings that literals depend on.</summary>
internal sealed class PlanCaches
{
    private const int MostCaches = 64;

    private readonly ConcurrentDictionary<string, PlanCache> caches = new(StringComparer.Ordinal);

    public PlanCache For(string settings)
    {
        if (caches.Count >= MostCaches && !caches.ContainsKey(settings))
        {
            caches.Clear();
        }

        return caches.GetOrAdd(settings, _ => new PlanCache());
    }
}
