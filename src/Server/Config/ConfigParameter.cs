namespace Picodata.Server;

/// <summary>How the text of a parameter is read and checked.</summary>
internal enum ConfigKind { Text, Path, Address, AddressList, Size, Byte, Unsigned, Number, Bool, FailureDomain, LogLevel, LogFormat, ReplicationMode, WalMode }

/// <summary>Where a value came from, weakest first: section 2.1 of Picodata's behaviour.</summary>
internal enum ConfigSource { Default, ConfigFile, EnvironmentItems, Environment, Flag, FlagItems }

/// <summary>
/// One configuration parameter. The table below is the only place where its names, default and kind are written: the
/// command line, the environment, the file and <c>config default</c> are all read from it.
/// </summary>
/// <param name="Path">Dotted key of the configuration file.</param>
/// <param name="Kind">How its text is read.</param>
/// <param name="Default">Default as text, or null when there is none (or it is derived from another parameter).</param>
internal sealed record ConfigParameter(string Path, ConfigKind Kind, string? Default)
{
    /// <summary>Flags of <c>picodata run</c>; the first is the documented one, the others are spellings of older releases.</summary>
    public string[] Flags { get; init; } = [];

    /// <summary>Environment variables, the documented one first.</summary>
    public string[] Environment { get; init; } = [];

    /// <summary>One line for --help.</summary>
    public string Help { get; init; } = "";

    /// <summary>Key of an older release, still accepted in files but left out of <c>config default</c>; names the present key.</summary>
    public string? ReplacedBy { get; init; }

    /// <summary>True when values are not written by <c>config default</c> (they have no default that means anything).</summary>
    public bool LeftOutOfDefault { get; init; }

    /// <summary>All parameters of an instance, in the order of <c>config default</c>.</summary>
    public static readonly IReadOnlyList<ConfigParameter> All =
    [
        new("cluster.name", ConfigKind.Text, "demo")
        {
            Flags = ["--cluster-name", "--cluster-id"], Environment = ["PICODATA_CLUSTER_NAME", "PICODATA_CLUSTER_ID"],
            Help = "Name of the cluster; joining a differently named one is refused",
        },
        new("cluster.default_replication_factor", ConfigKind.Byte, "1")
        {
            Flags = ["--init-replication-factor"], Environment = ["PICODATA_INIT_REPLICATION_FACTOR"],
            Help = "Instances in a replicaset of a new cluster",
        },
        new("cluster.default_bucket_count", ConfigKind.Unsigned, "3000"),
        new("cluster.shredding", ConfigKind.Bool, "false")
        {
            Flags = ["--shredding"], Environment = ["PICODATA_SHREDDING"], Help = "Overwrite removed .snap and .xlog files before they are unlinked",
        },
        new("instance.instance_dir", ConfigKind.Path, ".")
        {
            Flags = ["--instance-dir", "--data-dir"], Environment = ["PICODATA_INSTANCE_DIR", "PICODATA_DATA_DIR"],
            Help = "Working directory with the *.snap and *.xlog files; made when missing",
        },
        new("instance.backup_dir", ConfigKind.Path, null)
        {
            Flags = ["--backup-dir"], Environment = ["PICODATA_BACKUP_DIR"], Help = "Root of backups (default: backup in the working directory)",
        },
        new("instance.share_dir", ConfigKind.Path, "/usr/share/picodata/")
        {
            Flags = ["--share-dir", "--plugin-dir"], Environment = ["PICODATA_SHARE_DIR"], Help = "Directory of plugins",
        },
        new("instance.admin_socket", ConfigKind.Path, null)
        {
            Flags = ["--admin-sock"], Environment = ["PICODATA_ADMIN_SOCK"], Help = "Unix socket of the admin console (default: admin.sock in the working directory)",
        },
        new("instance.name", ConfigKind.Text, null)
        {
            Flags = ["--instance-name", "--instance-id"], Environment = ["PICODATA_INSTANCE_NAME", "PICODATA_INSTANCE_ID"],
            Help = "Name of the instance (default: <replicaset>_<n>)",
        },
        new("instance.replicaset_name", ConfigKind.Text, null)
        {
            Flags = ["--replicaset-name", "--replicaset-id"], Environment = ["PICODATA_REPLICASET_NAME", "PICODATA_REPLICASET_ID"],
            Help = "Replicaset to belong to (default: chosen by failure domain)",
        },
        new("instance.tier", ConfigKind.Text, "default")
        {
            Flags = ["--tier"], Environment = ["PICODATA_INSTANCE_TIER"], Help = "Tier to belong to",
        },
        new("instance.failure_domain", ConfigKind.FailureDomain, "")
        {
            Flags = ["--failure-domain"], Environment = ["PICODATA_FAILURE_DOMAIN"],
            Help = "Where the instance stands, KEY=VALUE[,KEY=VALUE...], such as region=us,zone=us-west-1",
        },
        new("instance.peer", ConfigKind.AddressList, null)
        {
            Flags = ["--peer"], Environment = ["PICODATA_PEER"], Help = "Instances to discover the cluster by, HOST:PORT[,HOST:PORT...]",
        },
        new("instance.boot_timeout", ConfigKind.Unsigned, "7200"),
        new("instance.audit", ConfigKind.Text, null)
        {
            Flags = ["--audit"], Environment = ["PICODATA_AUDIT_LOG"], Help = "Destination of the audit log",
        },
        new("instance.deprecated_script", ConfigKind.Path, null) { LeftOutOfDefault = true },
        new("instance.log.level", ConfigKind.LogLevel, "info")
        {
            Flags = ["--log-level"], Environment = ["PICODATA_LOG_LEVEL"], Help = "fatal, system, error, crit, warn, info, verbose or debug",
        },
        new("instance.log.destination", ConfigKind.Text, null)
        {
            Flags = ["--log"], Environment = ["PICODATA_LOG"], Help = "file:PATH (or a bare path), pipe:COMMAND (or | COMMAND); default: standard error",
        },
        new("instance.log.format", ConfigKind.LogFormat, "plain"),
        new("instance.memtx.memory", ConfigKind.Size, "64M")
        {
            Flags = ["--memtx-memory"], Environment = ["PICODATA_MEMTX_MEMORY"], Help = "Memory for rows and indexes of users, SIZE with K, M, G or T",
        },
        new("instance.memtx.system_memory", ConfigKind.Size, "256M")
        {
            Flags = ["--memtx-system-memory"], Environment = ["PICODATA_MEMTX_SYSTEM_MEMORY"], Help = "Memory for system tables",
        },
        new("instance.memtx.max_tuple_size", ConfigKind.Size, "1M")
        {
            Flags = ["--memtx-max-tuple-size"], Environment = ["PICODATA_MEMTX_MAX_TUPLE_SIZE"], Help = "Largest row",
        },
        new("instance.iproto.enabled", ConfigKind.Bool, "true"),
        new("instance.iproto.listen", ConfigKind.Address, "127.0.0.1:3301")
        {
            Flags = ["--iproto-listen", "--listen", "-l"], Environment = ["PICODATA_IPROTO_LISTEN", "PICODATA_LISTEN"],
            Help = "Address for other instances, HOST:PORT",
        },
        new("instance.iproto.advertise", ConfigKind.Address, null)
        {
            Flags = ["--iproto-advertise", "--advertise"], Environment = ["PICODATA_IPROTO_ADVERTISE", "PICODATA_ADVERTISE"],
            Help = "Address announced to other instances (default: the one listened on)",
        },
        new("instance.http.enabled", ConfigKind.Bool, "true"),
        new("instance.http.listen", ConfigKind.Address, "127.0.0.1:5327")
        {
            Flags = ["--http-listen"], Environment = ["PICODATA_HTTP_LISTEN"], Help = "Address for health probes and metrics, HOST:PORT",
        },
        new("instance.http.advertise", ConfigKind.Address, null),
        new("instance.http.kubernetes_probes", ConfigKind.Bool, "true"),
        new("instance.pgproto.enabled", ConfigKind.Bool, "true"),
        new("instance.pgproto.listen", ConfigKind.Address, "127.0.0.1:4327")
        {
            Flags = ["--pg-listen"], Environment = ["PICODATA_PG_LISTEN"], Help = "Address for PostgreSQL clients, HOST:PORT",
        },
        new("instance.pgproto.advertise", ConfigKind.Address, null)
        {
            Flags = ["--pg-advertise"], Environment = ["PICODATA_PG_ADVERTISE"], Help = "Address announced to PostgreSQL clients (default: the one listened on)",
        },
        new("instance.pgproto.tls.enabled", ConfigKind.Bool, "false"),
        new("instance.pgproto.tls.cert_file", ConfigKind.Path, null),
        new("instance.pgproto.tls.key_file", ConfigKind.Path, null),
        new("instance.pgproto.tls.ca_file", ConfigKind.Path, null),
        new("instance.pgproto.tls.password_file", ConfigKind.Path, null),
        new("instance.iproto_listen", ConfigKind.Address, null) { ReplacedBy = "instance.iproto.listen" },
        new("instance.iproto_advertise", ConfigKind.Address, null) { ReplacedBy = "instance.iproto.advertise" },
        new("instance.listen", ConfigKind.Address, null) { ReplacedBy = "instance.iproto.listen" },
        new("instance.http_listen", ConfigKind.Address, null) { ReplacedBy = "instance.http.listen" },
        new("instance.pg.listen", ConfigKind.Address, null) { ReplacedBy = "instance.pgproto.listen" },
        new("instance.pg.advertise", ConfigKind.Address, null) { ReplacedBy = "instance.pgproto.advertise" },
        new("instance.pg.ssl", ConfigKind.Bool, null) { ReplacedBy = "instance.pgproto.tls.enabled" },
        new("instance.pg.cert_file", ConfigKind.Path, null) { ReplacedBy = "instance.pgproto.tls.cert_file" },
        new("instance.pg.key_file", ConfigKind.Path, null) { ReplacedBy = "instance.pgproto.tls.key_file" },
        new("instance.pg.ca_file", ConfigKind.Path, null) { ReplacedBy = "instance.pgproto.tls.ca_file" },
    ];

    /// <summary>Keys under <c>cluster.tier.NAME</c>.</summary>
    public static readonly IReadOnlyList<ConfigParameter> OfTier =
    [
        new("replication_factor", ConfigKind.Byte, null),
        new("bucket_count", ConfigKind.Unsigned, null),
        new("can_vote", ConfigKind.Bool, "true"),
        new("replication_mode", ConfigKind.ReplicationMode, "sync"),
        new("wal_mode", ConfigKind.WalMode, "fsync"),
        new("survive", ConfigKind.Text, null),
        new("min_in_sync", ConfigKind.Byte, "1"),
    ];

    public static ConfigParameter? Find(string path) => All.FirstOrDefault(parameter => parameter.Path == path);
}
