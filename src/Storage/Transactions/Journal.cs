namespace Picodata.Storage;

/// <summary>What a transaction did to a row.</summary>
internal enum JournalKind : byte
{
    /// <summary>The row is new or replaces the one with its primary key.</summary>
    Put,

    /// <summary>The row is a tombstone: the key of what is deleted.</summary>
    Delete,
}

/// <summary>
/// One write of a transaction: it is redone on the tables at commit and undone on the overlay at a rollback.
/// </summary>
/// <param name="Kind">What was done.</param>
/// <param name="SpaceId">Where.</param>
/// <param name="Row">Row or tombstone that went into the overlay.</param>
/// <param name="Previous">What the overlay had for the key before: 0, a row, or a tombstone.</param>
/// <param name="Change">The change of the schema that the row means.</param>
internal readonly record struct JournalEntry(JournalKind Kind, uint SpaceId, nint Row, nint Previous, PendingChange? Change);

/// <summary>A change of a space by a transaction, and how to take it back.</summary>
/// <param name="Step">The change.</param>
/// <param name="WasPending">The space had been changed by the transaction before.</param>
/// <param name="Overlay">The overlay of the changed space before, or null.</param>
internal sealed record PendingChange(SchemaStep Step, bool WasPending, SpaceOverlay? Overlay);
