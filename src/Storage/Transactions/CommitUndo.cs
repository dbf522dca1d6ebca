namespace Picodata.Storage;

/// <summary>
/// How to take one applied commit back: replaced rows and schemas, in the order of application. Opaque to the log, which keeps
/// it until the commit is durable or lost. Until then replaced rows are alive. Filled and emptied under the gate.
/// </summary>
internal sealed class CommitUndo
{
    internal enum StepKind : byte { Put, Delete, Schema }

    /// <summary>Steps in the order in which they were applied.</summary>
    internal List<Step> Steps { get; } = [];

    /// <summary>Spaces that were changed, with the LSN of the change before.</summary>
    internal List<(SpaceState Space, long LastLsn)> Touched { get; } = [];

    /// <summary>Newest commit before this one.</summary>
    internal long PreviousLsn { get; set; }

    internal void Clear()
    {
        Steps.Clear();
        Touched.Clear();
        if (Steps.Capacity > 1024)
        {
            Steps.Capacity = 0;
        }
    }

    /// <summary>One change.</summary>
    /// <param name="Kind">Put: <paramref name="New"/> stands where <paramref name="Old"/> (0: nothing) stood. Delete: Old went.</param>
    /// <param name="Space">Put, Delete: the space. Schema: the new version, null when it was dropped.</param>
    /// <param name="Old">Row that went.</param>
    /// <param name="New">Row that came.</param>
    /// <param name="Change">Schema: what was changed.</param>
    internal readonly record struct Step(StepKind Kind, Space? Space, nint Old, nint New, SchemaStep? Change = null);
}

/// <summary>A new version of a space.</summary>
/// <param name="SpaceId">Its id.</param>
/// <param name="Before">What was there, or null.</param>
/// <param name="After">What is there now, or null.</param>
/// <param name="DropsRows">The rows of the old version go with it (drop, truncate).</param>
internal sealed record SchemaStep(uint SpaceId, Space? Before, Space? After, bool DropsRows)
{
    /// <summary>Bytes of rows that went; set when applied.</summary>
    public long DroppedBytes { get; set; }
}
