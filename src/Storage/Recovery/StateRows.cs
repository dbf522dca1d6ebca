using System.Text;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>The rows of system spaces that say who this instance is (R5).</summary>
internal static class StateRows
{
    /// <summary>Id of the instance in <c>_cluster</c>; NOT_REGISTERED when it has none.</summary>
    public static int ReplicaId(Engine engine, HeadedFile snapshot, RecoveryReport report)
    {
        using ReadView view = engine.OpenReadView();
        return ReplicaId(view, snapshot.Header.Instance) ?? throw new CorruptionException(
            DamageKinds.NotRegistered, snapshot.Path, -1, $"a row of _cluster for instance {snapshot.Header.Instance}", $"none{(report.Skipped.Count > 0 ? " (rows were skipped)" : "")}",
            "the snapshot is not one of this instance, or it is not whole: take it from a backup");
    }

    /// <summary>Throws when the state cannot be one of an instance.</summary>
    public static void Require(Engine engine, HeadedFile snapshot, RecoveryReport report)
    {
        using ReadView view = engine.OpenReadView();
        if (SchemaText(view, "version", mustBeText: false) is null)
        {
            throw new CorruptionException(
                DamageKinds.NoSchemaVersion, snapshot.Path, -1, "a row 'version' in _schema", "none",
                "the snapshot is not whole: take it from a backup");
        }
        _ = ReplicaId(engine, snapshot, report);
    }

    public static int? ReplicaId(ReadView view, Guid instance)
    {
        int? found = null;
        ReadCluster(view, (id, uuid) => found = uuid == instance ? found ?? id : found);
        return found;
    }

    /// <summary>Tells the usable rows of <c>_cluster</c>, by id.</summary>
    public static void ReadCluster(ReadView view, Action<int, Guid> tell)
    {
        using IndexCursor cursor = view.OpenCursor(SystemSpaces.Cluster);
        while (cursor.MoveNext())
        {
            var reader = new MsgPackReader(cursor.Current);
            if (reader.TryReadArrayHead(out int fields) && fields >= 2
                && reader.TryReadUInt32(out uint id) && reader.TryReadString(out ReadOnlySpan<byte> text)
                && Guid.TryParse(text, out Guid uuid) && id is > 0 and < VClock.Size)
                tell((int)id, uuid);
        }
    }

    /// <summary>UUID of the replicaset, under its old or its new key; empty when there is none.</summary>
    public static Guid ReplicasetUuid(ReadView view) =>
        Guid.TryParse(SchemaText(view, "cluster", mustBeText: true) ?? SchemaText(view, "replicaset_uuid", mustBeText: true), out Guid uuid) ? uuid : Guid.Empty;

    private static string? SchemaText(ReadView view, string key, bool mustBeText)
    {
        using IndexCursor cursor = view.OpenCursor(SystemSpaces.Schema);
        while (cursor.MoveNext())
        {
            var reader = new MsgPackReader(cursor.Current);
            if (!reader.TryReadArrayHead(out int fields) || fields < 2 || !reader.TryReadString(out ReadOnlySpan<byte> found) || Encoding.UTF8.GetString(found) != key)
                continue;
            if (!mustBeText)
                return "";
            return reader.TryReadString(out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value) : null;
        }
        return null;
    }
}
