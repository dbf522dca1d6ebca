using Picodata.Storage;

namespace Picodata.Replication;

/// <summary>
/// Whether a member's log can be continued by a primary's (R5). With T, L the member's position:
///   T is above every term of the primary: the primary is the old one, the member must not be touched;
///   L = 0: a member without rows, which needs a copy;
///   T &gt; 0 is no term of the primary's log: the member holds the row of a reign that was not kept;
///   the primary's first reign above T begins at S: rows of the member from S on were not kept;
///   T is the primary's last term: the member cannot have more than the primary.
/// </summary>
internal static class LogComparison
{
    public static LogVerdict Compare(IReadOnlyList<ReignRow> primary, long primaryLsn, ReplicaPosition member)
    {
        long newest = primary.Count > 0 ? primary[^1].Term : 0;
        if (member.Term > newest)
            return new LogVerdict(IsOlderPrimary: true, null);
        if (member.Lsn == 0)
            return Copy(CopyReason.Behind, "the member has no rows yet");
        if (PlantedBugs.SkipsDivergence)
            return new LogVerdict(false, null);
        if (member.Term > 0 && !primary.Any(reign => reign.Term == member.Term))
            return Copy(CopyReason.Diverged, $"the member holds rows of term {member.Term}, which no reign after it kept");
        foreach (ReignRow reign in primary)
        {
            if (reign.Term > member.Term)
            {
                return member.Lsn >= reign.StartLsn
                    ? Copy(CopyReason.Diverged, $"the member's log of term {member.Term} ends at LSN {member.Lsn}, term {reign.Term} begins at LSN {reign.StartLsn}: what lies between was not kept")
                    : new LogVerdict(false, null);
            }
        }
        return member.Lsn > primaryLsn
            ? Copy(CopyReason.Diverged, $"the member's log ends at LSN {member.Lsn}, the primary's at {primaryLsn} of the same term {newest}")
            : new LogVerdict(false, null);
    }

    private static LogVerdict Copy(CopyReason reason, string text) => new(false, new CopyNeed(reason, text));
}

/// <param name="IsOlderPrimary">The member has seen a higher term.</param>
/// <param name="Need">Not null: the member must be copied anew.</param>
internal sealed record LogVerdict(bool IsOlderPrimary, CopyNeed? Need);
