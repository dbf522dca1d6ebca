namespace Picodata.Harness.Disk;

/// <summary>The operations of a disk that change something, or promise something.</summary>
public enum DiskOperationKind { Create, Write, Reserve, Truncate, Sync, Rename, Delete, SyncDirectory }

/// <param name="Number">Counts all operations of this disk from 1.</param>
/// <param name="Kind">What is about to be done.</param>
/// <param name="Path">The file or directory; for a rename its new name.</param>
/// <param name="Length">Bytes, for a write or a reservation.</param>
public readonly record struct DiskOperation(int Number, DiskOperationKind Kind, string Path, long Length = 0);

/// <summary>What happens to an operation in place of its success.</summary>
public enum DiskFault
{
    None,

    /// <summary>EIO. A write may have put a part of its bytes; a sync leaves what it should have saved unknown for ever.</summary>
    IoError,

    /// <summary>ENOSPC, after a part of a write.</summary>
    Full,

    /// <summary>A sync answers that all is well and has done nothing.</summary>
    Lie,

    /// <summary>The operation is under way when the power goes; nothing works any more.</summary>
    PowerLoss,
}

/// <summary>What unsynced operations leave behind when the power goes.</summary>
public enum Survival
{
    /// <summary>Only what was synced.</summary>
    Nothing,

    /// <summary>All that was asked for: the same as a killed process on a machine that goes on.</summary>
    Everything,

    /// <summary>The first operations of each file and directory up to some moment.</summary>
    Prefix,

    /// <summary>Any of them, by sector, some torn; lengths without data and data without names.</summary>
    Random,
}

/// <summary>The power is gone; only <see cref="ModelledDisk.AfterPowerLoss"/> is left to call.</summary>
public sealed class PowerLossException() : IOException("the power is gone");
