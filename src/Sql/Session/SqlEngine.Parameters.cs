using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Parameters of ALTER SYSTEM that govern this instance: they take effect without a restart.</summary>
public sealed partial class SqlEngine
{
    /// <summary>Bytes that one statement may hold.</summary>
    internal long StatementMemoryLimit { get; private set; } = 256 << 20;

    /// <summary>Time limit of statements of sessions that set none themselves; zero for none.</summary>
    internal TimeSpan StatementTimeout { get; private set; }

    /// <summary>Gives the storage and the engine the values that are stored; those that nobody ever set leave the start-up options as they are.</summary>
    internal void ApplyParameters()
    {
        CatalogState current = State;
        StatementMemoryLimit = current.Parameter("sql_statement_memory_max", Options.Tier).AsInt;
        StatementTimeout = TimeSpan.FromSeconds(current.Parameter("sql_statement_timeout", Options.Tier).AsDouble);
        long? count = Stored(current, "memtx_checkpoint_count");
        long? interval = Stored(current, "memtx_checkpoint_interval");
        long? threshold = Stored(current, "memtx_checkpoint_wal_threshold");
        long? walMax = Stored(current, "wal_max_size");
        long? grace = Stored(current, "copy_grace");
        long? memory = Stored(current, "memtx_memory") is > 0 and var set ? set : null;
        Database.Reconfigure(options => options with
        {
            CheckpointCount = count is null ? options.CheckpointCount : (int)count,
            CheckpointInterval = interval is null ? options.CheckpointInterval : TimeSpan.FromSeconds(interval.Value),
            CheckpointWalThreshold = threshold ?? options.CheckpointWalThreshold,
            WalMaxSize = walMax ?? options.WalMaxSize,
            CopyGrace = grace is null ? options.CopyGrace : TimeSpan.FromSeconds(grace.Value),
            MemtxMemory = memory ?? options.MemtxMemory,
        });
    }

    /// <summary>What RESET goes back to is the parameter's default, so a removed row gives that.</summary>
    private long? Stored(CatalogState current, string name)
    {
        SystemParameter parameter = SystemParameter.Find(name);
        return current.Config.TryGetValue((name, parameter.IsOfTier ? Options.Tier : ""), out Datum value) && value.Kind == DatumKind.Int ? value.AsInt : null;
    }
}
