using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// Who votes (section 3.10, with at most three voters, invariant C2).
///
/// V1 Only instances of tiers that may vote, not expelled nor being expelled; nobody is made a voter who is not Online.
/// V2 Three when three may vote, else all that may.
/// V3 Spread: a new voter is the one with the greatest sum of distances to the others, ties go to the lowest number.
/// V4 An offline voter is replaced when a candidate exists, else it stays; a present one only by one that is strictly farther.
/// V5 A replacement is two changes, the removal first: the library never sees a fourth voter.
/// </summary>
public static class VoterChoice
{
    public const int VotersMax = 3;

    /// <summary>The set after the next change (addresses in ordinal order), or null when the voters are as they should be.</summary>
    /// <param name="voters">iproto addresses of the voters in force.</param>
    public static ImmutableArray<string>? Next(ClusterModel model, ImmutableArray<string> voters)
    {
        InstanceRow[] eligible = [.. model.Instances.Values.Where(row => IsEligible(model, row)).OrderBy(row => row.RaftId)];
        string Address(InstanceRow row) => model.AddressOf(row)!;
        ImmutableArray<string> With(InstanceRow row) => voters.Add(Address(row)).Sort(StringComparer.Ordinal);

        InstanceRow[] present = [.. eligible.Where(row => voters.Contains(Address(row)))];
        if (voters.FirstOrDefault(voter => eligible.All(row => Address(row) != voter)) is { } stranger)
        {
            // never the last one: somebody must be there to decide on the next
            return voters.Length > 1 ? voters.Remove(stranger) : Farthest(eligible, present) is { } heir ? With(heir) : null;
        }

        int wanted = Math.Min(VotersMax, eligible.Length);
        if (present.Length > wanted)
        {
            return voters.Remove(Address(present.OrderBy(row => row.IsOnline).ThenByDescending(row => row.RaftId).First()));
        }

        return present.Length < wanted
            ? Farthest(eligible, present) is { } added ? With(added) : null
            : ToReplace(eligible, present) is { } replaced ? voters.Remove(Address(replaced)) : null;
    }

    private static bool IsEligible(ClusterModel model, InstanceRow row) =>
        !row.IsExpelled && row.TargetState.Variant != StateVariant.Expelled && model.Tiers.TryGetValue(row.Tier, out TierRow? tier) && tier.CanVote && model.AddressOf(row) is not null;

    private static InstanceRow? Farthest(InstanceRow[] eligible, InstanceRow[] others) =>
        eligible.Where(row => row.IsOnline && !others.Contains(row)).OrderByDescending(row => Distance(row, others)).ThenBy(row => row.RaftId).FirstOrDefault();

    /// <summary>The voter whose place a better one can take, or null.</summary>
    private static InstanceRow? ToReplace(InstanceRow[] eligible, InstanceRow[] present)
    {
        InstanceRow[] candidates = [.. eligible.Where(row => row.IsOnline && !present.Contains(row))];
        return present.OrderBy(row => row.CurrentState.Variant == StateVariant.Online).ThenByDescending(row => row.RaftId).FirstOrDefault(voter =>
        {
            InstanceRow[] others = [.. present.Where(row => row != voter)];
            bool isOffline = voter.CurrentState.Variant == StateVariant.Offline && voter.TargetState.Variant == StateVariant.Offline;
            return candidates.Any(candidate => isOffline || Distance(candidate, others) > Distance(voter, others));
        });
    }

    private static int Distance(InstanceRow row, InstanceRow[] others) => others.Sum(other => row.FailureDomain.DistanceTo(other.FailureDomain));
}
