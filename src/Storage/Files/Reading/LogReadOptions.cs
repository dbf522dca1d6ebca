namespace Picodata.Storage.Files;

/// <summary>What a reader does about damage.</summary>
public enum DamagePolicy
{
    /// <summary>The first damage is thrown as a <see cref="Core.CorruptionException"/>.</summary>
    Refuse,

    /// <summary>Damage is recorded; reading ends where nothing can be trusted any more.</summary>
    Stop,

    /// <summary>Damage is recorded; reading goes on at the next valid block behind it.</summary>
    Skip,
}

/// <summary>How a file is read.</summary>
public sealed record LogReadOptions
{
    public DamagePolicy Damage { get; init; } = DamagePolicy.Refuse;

    /// <summary>Units of blocks that are unpacked and parsed at the same time on other threads; 0 works on the calling thread.</summary>
    public int Parallelism { get; init; }

    /// <summary>Most bytes that a compressed block (with its up to three neighbours that are decoded together) may unpack to.</summary>
    public long MaxUnpacked { get; init; } = 1L << 30;

    /// <summary>
    /// For the newest log of an instance that may have lost power: damage in the last block is a remark
    /// (<see cref="DamageKinds.TailTorn"/>) when it looks as unsynced writes do: no valid block and no EOF marker
    /// behind it, and at least one of its sectors of 512 bytes not written (zeros). Whoever sets it must have
    /// written every batch as one block.
    /// </summary>
    public bool AcceptTornTail { get; init; }
}

/// <summary>Where and how a file ended.</summary>
/// <param name="IsFinished">True when the EOF marker was there.</param>
/// <param name="ValidBytes">Offset of the EOF marker, or of the first byte that is not part of a whole block: where a log may be cut and appended to.</param>
public sealed record LogEnd(bool IsFinished, long ValidBytes);
