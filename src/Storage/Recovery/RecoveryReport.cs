using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>What recovery found on its way. Without force every damage is thrown; forced, it is listed and passed over.</summary>
public sealed class RecoveryReport(bool forced, ILogger log)
{
    private readonly List<string> skipped = [];
    private readonly List<string> remarks = [];

    public bool IsForced { get; } = forced;

    /// <summary>Everything that a forced start passed over, in order.</summary>
    public IReadOnlyList<string> Skipped => skipped;

    /// <summary>What was odd but harmless, such as a torn tail.</summary>
    public IReadOnlyList<string> Remarks => remarks;

    /// <summary>Throws the damage, or lists it when forced.</summary>
    internal void Damage(CorruptionException damage)
    {
        if (!IsForced)
            throw damage;
        skipped.Add(damage.Message);
        log.LogWarning("skipped: {Damage}", damage.Message);
    }

    internal void Remark(string text)
    {
        remarks.Add(text);
        log.LogInformation("{Remark}", text);
    }

    /// <summary>Takes over what a reader recorded about its file, from index <paramref name="from"/> on.</summary>
    internal int Take(LogFileReader reader, int from)
    {
        for (; from < reader.Problems.Count; from++)
        {
            LogProblem problem = reader.Problems[from];
            if (problem.IsError)
                Damage(problem.ToException(reader.Path, reader.Kind));
            else if (problem.Kind is not (DamageKinds.LsnStep or DamageKinds.SnapLsnStep or DamageKinds.NoEofMarker or DamageKinds.TxSpansBlocks))
                Remark($"{reader.Path}: {problem}");
        }
        return from;
    }
}
