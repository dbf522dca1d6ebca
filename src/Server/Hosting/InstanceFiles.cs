using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>Opens what stands on the instance's directory: the database, and the SQL engine on it.</summary>
internal sealed class InstanceFiles(InstanceConfig config, RecoveryChoice recovery, ILoggerFactory loggers, Action<string> die)
{
    /// <summary>File with the UUID of an instance whose join has not come to its end: the next start asks with the same.</summary>
    private string PendingUuidFile => Path.Combine(config.InstanceDir, "instance_uuid");

    public IFileSystem Disk => Environment.Files;

    /// <summary>The order to begin a new cluster on this directory alone, or null.</summary>
    public RescueOrder? Rescue => recovery.Rescue;

    public string Directory => config.InstanceDir;

    /// <summary>What storage reaches the world with.</summary>
    public StorageEnvironment Environment { get; } = new(new RealFileSystem()) { Log = loggers.CreateLogger("Storage"), OnFatal = die };

    /// <summary>False for a directory that never held an instance's data.</summary>
    public bool HasSnapshot => System.IO.Directory.EnumerateFiles(Directory, "*.snap").Any();

    /// <summary>True when a join has been begun here and not ended.</summary>
    public bool HasPendingUuid => File.Exists(PendingUuidFile);

    /// <param name="instance">For a new directory; null draws one.</param>
    /// <param name="replicaset">For a new directory; null draws one.</param>
    public async Task<Database> OpenDatabaseAsync(Guid? instance, Guid? replicaset, CancellationToken stop)
    {
        var options = new StorageOptions
        {
            Directory = Directory,
            WalMode = config.WalMode,
            MemtxMemory = config.MemtxMemory,
            MaxTupleSize = config.MaxTupleSize,
            ForceRecovery = recovery.Force,
            RecoverToGap = recovery.ToGap,
            InstanceUuid = instance,
            ReplicasetUuid = replicaset,
        };
        using var progress = new RecoveryProgress(Console.Error, !Console.IsErrorRedirected);
        return await Database.OpenAsync(options, Environment with { OnRecoveryProgress = progress.Report }, stop);
    }

    /// <summary>The engine; makes the system tables where there are none.</summary>
    public Task<SqlEngine> OpenEngineAsync(Database database, Guid cluster, string instanceName, string replicasetName, CancellationToken stop)
    {
        var options = new SqlEngineOptions
        {
            InstanceName = instanceName,
            ReplicasetName = replicasetName,
            InstanceUuid = database.InstanceUuid,
            ReplicasetUuid = database.ReplicasetUuid,
            ClusterUuid = cluster,
            ClusterName = config.ClusterName,
            Tier = config.Tier,
            BucketCount = (int)config.BucketCount,
            ReplicationFactor = config.ReplicationFactor,
            FailureDomain = config.FailureDomain,
            AdminPassword = System.Environment.GetEnvironmentVariable("PICODATA_ADMIN_PASSWORD"),
            IprotoAddress = config.IprotoAdvertise,
            PgprotoAddress = config.PgAdvertise,
            HttpAddress = config.HttpAdvertise,
            Version = ProgramVersion.Text,
            InstanceDirectory = Directory,
            OwnsTopology = false,
        };
        return SqlEngine.OpenAsync(database, options, TimeProvider.System, Random.Shared, loggers.CreateLogger("Sql"), stop);
    }

    /// <summary>The UUID to join with: that of an attempt that was cut off, else a new one, kept until <see cref="ForgetPendingUuid"/>.</summary>
    public Guid PendingUuid()
    {
        if (File.Exists(PendingUuidFile) && Guid.TryParse(File.ReadAllText(PendingUuidFile).Trim(), out Guid kept))
        {
            return kept;
        }

        Guid drawn = Guid.NewGuid();
        string unfinished = PendingUuidFile + ".inprogress";
        using (FileStream file = File.Create(unfinished))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(drawn.ToString("D")));
            file.Flush(flushToDisk: true);
        }

        File.Move(unfinished, PendingUuidFile, overwrite: true);
        Disk.SyncDirectory(Directory);
        return drawn;
    }

    public void ForgetPendingUuid() => File.Delete(PendingUuidFile);

    /// <summary>What this instance asks for when it joins.</summary>
    public JoinRequest JoinRequest(Guid uuid) => new(
        config.ClusterName, uuid, config.InstanceName, config.ReplicasetName, config.Tier, FailureDomain.From(config.FailureDomain), ProgramVersion.Text,
        config.IprotoAdvertise, config.PgEnabled ? config.PgAdvertise : null, config.HttpEnabled ? config.HttpAdvertise : null);
}
