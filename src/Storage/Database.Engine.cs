using Picodata.Core;

namespace Picodata.Storage;

/// <summary>What a space takes.</summary>
/// <param name="Rows">Committed rows.</param>
/// <param name="RowBytes">Bytes of its rows, headers and rounding included.</param>
/// <param name="IndexBytes">Bytes of its trees.</param>
public readonly record struct SpaceStatistics(long Rows, long RowBytes, long IndexBytes);

public sealed partial class Database
{
    internal Engine Engine { get; private init; } = null!;

    /// <summary>The newest committed schema.</summary>
    public DatabaseSchema Schema => Engine.Schema;

    /// <summary>LSN of the newest commit that is applied in memory; not necessarily durable.</summary>
    public long AppliedLsn => Engine.AppliedLsn;

    /// <summary>Bytes of rows and indexes in use, of <see cref="StorageOptions.MemtxMemory"/>.</summary>
    public long UsedMemory => Engine.UsedMemory;

    /// <summary>Begins a transaction; it costs nothing until it reads or writes.</summary>
    public Transaction BeginTransaction(IsolationLevel isolation, bool readOnly) => new(Engine, isolation, readOnly);

    /// <summary>
    /// Next value of a sequence (a row of <c>_sequence</c>); not part of any transaction, never given out twice, not even
    /// after a crash: the advanced <c>_sequence_data</c> row precedes in the log every commit that could use the value.
    /// 2200H at its end. For sequences that the transaction itself made, see <see cref="Transaction.NextSequenceValue"/>.
    /// </summary>
    public long NextSequenceValue(uint sequenceId)
    {
        lock (Engine.Gate)
        {
            return Engine.Sequences.Next(sequenceId);
        }
    }

    /// <summary>setval: the next value will be behind <paramref name="value"/> (or it itself when not <paramref name="isCalled"/>).</summary>
    public void SetSequenceValue(uint sequenceId, long value, bool isCalled)
    {
        lock (Engine.Gate)
        {
            Engine.Sequences.Set(sequenceId, value, isCalled);
        }
    }

    /// <summary>Rows and bytes of a space; zero when there is none.</summary>
    public SpaceStatistics Statistics(uint spaceId) => Engine.Statistics(spaceId);
}
