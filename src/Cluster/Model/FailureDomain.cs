using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// Where an instance runs: a map of labels to values (<c>REGION</c> to <c>US</c>), upper-cased by the configuration. Comparison is
/// exact. Two domains conflict when they share a label with an equal value; an empty one conflicts with nothing.
/// </summary>
public sealed class FailureDomain : IEquatable<FailureDomain>
{
    public static readonly FailureDomain Empty = new(ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal));

    private FailureDomain(ImmutableSortedDictionary<string, string> labels) => Labels = labels;

    /// <summary>Labels in ordinal order.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; }

    /// <summary>The domain with these labels; both sides are upper-cased, the last of equal labels wins.</summary>
    public static FailureDomain From(IEnumerable<KeyValuePair<string, string>> labels)
    {
        var map = Empty.Labels.ToBuilder();
        foreach ((string label, string value) in labels)
        {
            map[label.ToUpperInvariant()] = value.ToUpperInvariant();
        }

        return map.Count == 0 ? Empty : new FailureDomain(map.ToImmutable());
    }

    /// <summary>True when a label has the same value on both sides.</summary>
    public bool SharesValueWith(FailureDomain other) =>
        Labels.Any(pair => other.Labels.TryGetValue(pair.Key, out string? value) && value == pair.Value);

    /// <summary>The labels that both sides have with the same value, <c>LABEL=VALUE</c>, in ordinal order.</summary>
    public IEnumerable<string> SharedWith(FailureDomain other) =>
        Labels.Where(pair => other.Labels.TryGetValue(pair.Key, out string? value) && value == pair.Value).Select(pair => $"{pair.Key}={pair.Value}");

    /// <summary>Number of labels (of either side) whose values differ or are missing on one side.</summary>
    public int DistanceTo(FailureDomain other) =>
        Labels.Keys.Union(other.Labels.Keys, StringComparer.Ordinal)
            .Count(label => !Labels.TryGetValue(label, out string? mine) || !other.Labels.TryGetValue(label, out string? theirs) || mine != theirs);

    /// <summary>Values in the order of their labels, joined with a colon: the form of <c>status</c>.</summary>
    public string Values => string.Join(":", Labels.Values);

    /// <inheritdoc/>
    public bool Equals(FailureDomain? other) => other is not null && Labels.SequenceEqual(other.Labels);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FailureDomain);

    /// <inheritdoc/>
    public override int GetHashCode() => Labels.Aggregate(17, (hash, pair) => HashCode.Combine(hash, pair.Key, pair.Value));

    /// <summary><c>{K: V, K: V}</c>.</summary>
    public override string ToString() => "{" + string.Join(", ", Labels.Select(pair => $"{pair.Key}: {pair.Value}")) + "}";
}
