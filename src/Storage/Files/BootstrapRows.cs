namespace Picodata.Storage.Files;

/// <summary>A row that a new instance starts with.</summary>
public readonly record struct BootstrapRow(uint SpaceId, ReadOnlyMemory<byte> Tuple);

/// <summary>
/// The rows of a new directory: those of a fresh Tarantool 2.6 (schema version 2.3.1), in file order: ascending space id,
/// inside a space in primary key order.
/// </summary>
public static class BootstrapRows
{
    /// <summary>All 513 rows.</summary>
    /// <param name="instance">UUID of the instance: row 1 of <c>_cluster</c>.</param>
    /// <param name="replicaset">UUID of the replicaset: <c>cluster</c> in <c>_schema</c>.</param>
    public static IReadOnlyList<BootstrapRow> Create(Guid instance, Guid replicaset) => throw new NotImplementedException();
}
