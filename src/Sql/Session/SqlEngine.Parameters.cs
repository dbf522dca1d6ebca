using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Parameters of ALTER SYSTEM that govern this instance: they take effect without a restart.</summary>
public sealed partial class SqlEngine
{
    /// <summary>What the instance was started with: it holds for parameters that stand at their defaults.</summary>
    private readonly StorageOptions initial;

    /// <summary>Bytes that one statement may hold.</summary>
    internal long StatementMemoryLimit { get; private set; } = 256 << 20;

    /// <summary>Time limit of statements of sessions that set none themselves; zero for none.</summary>
    internal TimeSpan StatementTimeout { get; private set; }

    /// <summary>Puts the stored parameters into effect.</summary>
    internal void ApplyParameters()
    {
        SystemConfiguration config = State.Config;
        StatementMemoryLimit = config.Integer("sql_statement_memory_max");
        StatementTimeout = config.Seconds("sql_statement_timeout");
        Database.Reconfigure(options => options with
        {
            CheckpointCount = Changed(config, "memtx_checkpoint_count") is { } count ? (int)count : initial.CheckpointCount,
            CheckpointInterval = Changed(config, "memtx_checkpoint_interval") is { } interval ? TimeSpan.FromSeconds(Math.Min(interval, 1_000_000_000)) : initial.CheckpointInterval,
            CheckpointWalThreshold = Changed(config, "memtx_checkpoint_wal_threshold") ?? initial.CheckpointWalThreshold,
            WalMaxSize = Changed(config, "wal_max_size") ?? initial.WalMaxSize,
            CopyGrace = Changed(config, "copy_grace") is { } grace ? TimeSpan.FromSeconds(Math.Min(grace, 1_000_000_000)) : initial.CopyGrace,
            MemtxMemory = Changed(config, "memtx_memory") ?? initial.MemtxMemory,
        });
    }

    private static long? Changed(SystemConfiguration config, string name)
    {
        long value = config.Integer(name);
        return value == SystemParameter.Find(name).DefaultValue.AsInt ? null : value;
    }
}
