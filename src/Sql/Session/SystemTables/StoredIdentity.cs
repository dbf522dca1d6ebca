using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>
/// Who an instance is stands in its directory from its first start on: names, tier, and what its tier was made with. A later start may leave these
/// parameters out, and then goes on as who it was; one that says something else is refused, before anything is written.
/// </summary>
internal static class StoredIdentity
{
    private const string ClusterNameKey = "cluster_name";

    /// <summary>The options with the stored identity in place of what was assumed; the options themselves in a new directory.</summary>
    /// <exception cref="DbException">55000: the operator stated something else than the directory holds.</exception>
    public static SqlEngineOptions Settle(Transaction transaction, SqlEngineOptions options)
    {
        if (Find(transaction, PicoSystemTables.Instance, "uuid", options.InstanceUuid.ToString("D")) is not { } instance)
        {
            return options;
        }

        StatedIdentity stated = options.Stated;
        string? cluster = Find(transaction, PicoSystemTables.Property, "key", ClusterNameKey) is { } property ? property["value"] : null;
        Check("cluster_name", cluster, stated.ClusterName);
        Check("instance_name", instance["name"], stated.InstanceName);
        Check("replicaset_name", instance["replicaset_name"], stated.ReplicasetName);
        Check("tier", instance["tier"], stated.Tier);
        SqlEngineOptions settled = options with
        {
            ClusterName = cluster ?? options.ClusterName,
            InstanceName = instance["name"]!,
            ReplicasetName = instance["replicaset_name"]!,
            Tier = instance["tier"]!,
        };
        if (Find(transaction, PicoSystemTables.Tier, "name", settled.Tier) is not { } tier)
        {
            return settled;
        }

        Check("replication_factor", tier["replication_factor"], Text(stated.ReplicationFactor));
        Check("bucket_count", tier["bucket_count"], Text(stated.BucketCount));
        return settled with
        {
            ReplicationFactor = tier["replication_factor"] is { } factor ? int.Parse(factor, System.Globalization.CultureInfo.InvariantCulture) : settled.ReplicationFactor,
            BucketCount = tier["bucket_count"] is { } buckets ? int.Parse(buckets, System.Globalization.CultureInfo.InvariantCulture) : settled.BucketCount,
        };
    }

    private static string? Text(long? number) => number?.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static void Check(string name, string? was, string? stated)
    {
        if (was is not null && stated is not null && was != stated)
        {
            throw new DbException(
                SqlStates.ObjectNotInPrerequisiteState,
                $"instance restarted with a different `{name}`, which is not allowed, was: '{was}' became: '{stated}'",
                hint: $"start it with '{was}' or without the parameter, or choose the directory of the instance that was meant");
        }
    }

    /// <summary>Texts and numbers of the first row of a system table with this text in a column, by the names of its columns.</summary>
    private static Dictionary<string, string?>? Find(Transaction transaction, SystemTable table, string column, string value)
    {
        if (transaction.Schema.Space(table.Name) is not { } space)
        {
            return null;
        }

        using IndexCursor cursor = transaction.OpenCursor(space.Id, 0, KeyRange.All, descending: false);
        while (cursor.MoveNext())
        {
            Dictionary<string, string?> row = Read(space, cursor.Current);
            if (row.GetValueOrDefault(column) == value)
            {
                return row;
            }
        }

        return null;
    }

    private static Dictionary<string, string?> Read(SpaceDef space, ReadOnlySpan<byte> tuple)
    {
        var row = new Dictionary<string, string?>(StringComparer.Ordinal);
        var reader = new MsgPackReader(tuple);
        long fields = reader.ReadArrayHead();
        for (int i = 0; i < fields; i++)
        {
            string? value = null;
            switch (reader.PeekKind())
            {
                case MsgPackKind.String:
                    value = reader.ReadString();
                    break;
                case MsgPackKind.Integer:
                    value = Text(reader.ReadInt64());
                    break;
                default:
                    reader.Skip();
                    break;
            }

            if (i < space.Format.Count)
            {
                row[space.Format[i].Name] = value;
            }
        }

        return row;
    }
}
