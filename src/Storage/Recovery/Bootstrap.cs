using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>A new instance in an empty directory: the rows of a fresh Tarantool 2.6, then their snapshot at the empty clock.</summary>
internal static class Bootstrap
{
    public static RecoveredState Run(Engine engine, StorageOptions options, StorageEnvironment environment, InstanceDirectory directory)
    {
        Guid instance = options.InstanceUuid ?? NewUuid(environment.Random);
        Guid replicaset = options.ReplicasetUuid ?? NewUuid(environment.Random);
        foreach (BootstrapRow row in BootstrapRows.Create(instance, replicaset))
            engine.LoadSnapshotRow(row.SpaceId, row.Tuple.Span);
        engine.FinishSnapshot();
        engine.FinishRecovery(1);
        return new RecoveredState(VClock.Empty, instance, null) { Leftovers = directory.Leftovers, NeedsCheckpoint = true };
    }

    /// <summary>A version 4 UUID from the environment's chance.</summary>
    private static Guid NewUuid(Random chance)
    {
        Span<byte> bytes = stackalloc byte[16];
        chance.NextBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
