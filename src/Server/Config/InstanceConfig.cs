using System.Globalization;
using Picodata.Cluster;
using Picodata.Sql;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>The configuration of one instance, checked: typed access to what <see cref="ConfigLoader"/> collected.</summary>
internal sealed class InstanceConfig
{
    private const long MemoryMin = 32L << 20;

    private readonly IReadOnlyDictionary<string, ConfigValue> values;
    private readonly IReadOnlyDictionary<string, Dictionary<string, string>> tiers;

    public InstanceConfig(
        IReadOnlyDictionary<string, ConfigValue> values,
        IReadOnlyDictionary<string, Dictionary<string, string>> tiers,
        IReadOnlyList<string> tierOrder)
    {
        this.values = values;
        this.tiers = tiers;
        TierNames = tierOrder;
        Check();
    }

    /// <summary>Tiers in the order of the file; the first is the default tier.</summary>
    public IReadOnlyList<string> TierNames { get; }

    public string ClusterName => values["cluster.name"].Text;

    public int ReplicationFactor => int.Parse(TierSetting("replication_factor") ?? values["cluster.default_replication_factor"].Text, CultureInfo.InvariantCulture);

    public long BucketCount => long.Parse(TierSetting("bucket_count") ?? values["cluster.default_bucket_count"].Text, CultureInfo.InvariantCulture);

    /// <summary>All tiers of the configuration, as a new cluster begins with them.</summary>
    public IReadOnlyList<TierDefinition> Tiers => [.. TierNames.Select(Definition)];

    /// <summary>True when the tiers are the operator's word, not defaults: then they are compared at a restart.</summary>
    public bool HasTiers => tiers.Values.Any(tier => tier.Count > 0);

    /// <summary>Addresses to discover the cluster by; only the own one when none are given.</summary>
    public IReadOnlyList<string> Peers => Text("instance.peer") is { Length: > 0 } peers ? peers.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [IprotoAdvertise];

    public (string Host, int Port) IprotoListen => Address("instance.iproto.listen");

    public bool CanVote => (TierSetting("can_vote") ?? "true") == "true";

    /// <summary>Working directory, absolute.</summary>
    public string InstanceDir => Path.GetFullPath(values["instance.instance_dir"].Text);

    public string BackupDir => Path.GetFullPath(Text("instance.backup_dir") ?? Path.Combine(InstanceDir, "backup"));

    public string AdminSocket => Path.GetFullPath(Text("instance.admin_socket") ?? Path.Combine(InstanceDir, "admin.sock"));

    public string? InstanceName => Text("instance.name");

    public string? ReplicasetName => Text("instance.replicaset_name");

    public string Tier => values["instance.tier"].Text;

    public IReadOnlyDictionary<string, string> FailureDomain => ConfigText.FailureDomain(values["instance.failure_domain"].Text);

    public string LogLevel => values["instance.log.level"].Text;

    public string? LogDestination => Text("instance.log.destination");

    public bool LogsJson => values["instance.log.format"].Text == "json";

    public long MemtxMemory => ConfigText.Size("instance.memtx.memory", values["instance.memtx.memory"].Text);

    public int MaxTupleSize => (int)Math.Min(int.MaxValue / 2, ConfigText.Size("instance.memtx.max_tuple_size", values["instance.memtx.max_tuple_size"].Text));

    public WalMode WalMode => TierSetting("wal_mode") == "write" ? WalMode.Write : WalMode.Fsync;

    public bool PgEnabled => values["instance.pgproto.enabled"].Text == "true";

    public (string Host, int Port) PgListen => Address("instance.pgproto.listen");

    public string PgAdvertise => Text("instance.pgproto.advertise") ?? values["instance.pgproto.listen"].Text;

    public bool HttpEnabled => values["instance.http.enabled"].Text == "true";

    public (string Host, int Port) HttpListen => Address("instance.http.listen");

    public bool KubernetesProbes => values["instance.http.kubernetes_probes"].Text == "true";

    public string IprotoAdvertise => Text("instance.iproto.advertise") ?? values["instance.iproto.listen"].Text;

    public string HttpAdvertise => Text("instance.http.advertise") ?? values["instance.http.listen"].Text;

    public bool TlsEnabled => values["instance.pgproto.tls.enabled"].Text == "true";

    public string TlsCertificateFile => Path.GetFullPath(Text("instance.pgproto.tls.cert_file") ?? Path.Combine(InstanceDir, "server.crt"));

    public string TlsKeyFile => Path.GetFullPath(Text("instance.pgproto.tls.key_file") ?? Path.Combine(InstanceDir, "server.key"));

    /// <summary>Certificates that clients must chain to, or null when clients need none.</summary>
    public string? TlsClientCaFile => Text("instance.pgproto.tls.ca_file") is { } file ? Path.GetFullPath(file) : null;

    public string? TlsPasswordFile => Text("instance.pgproto.tls.password_file");

    /// <summary>Parameters that were given but govern what this release does not do yet; the operator is told at the start.</summary>
    public IEnumerable<string> WithoutEffect =>
        new[] { "instance.audit", "instance.deprecated_script", "cluster.shredding", "instance.share_dir" }
            .Where(path => values.TryGetValue(path, out ConfigValue? value) && value.Source != ConfigSource.Default && value.Text != "false");

    /// <summary>All values with their sources, for the log at start.</summary>
    public IEnumerable<(string Path, string Text, ConfigSource Source)> Values =>
        values.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.Text, pair.Value.Source));

    /// <summary>What was said, not assumed, of who the instance is.</summary>
    public StatedIdentity Stated => new()
    {
        ClusterName = Given("cluster.name"),
        InstanceName = InstanceName,
        ReplicasetName = ReplicasetName,
        Tier = Given("instance.tier"),
        ReplicationFactor = TierSetting("replication_factor") is not null || Given("cluster.default_replication_factor") is not null ? ReplicationFactor : null,
        BucketCount = TierSetting("bucket_count") is not null || Given("cluster.default_bucket_count") is not null ? BucketCount : null,
    };

    private string? Given(string path) => values.TryGetValue(path, out ConfigValue? value) && value.Source != ConfigSource.Default ? value.Text : null;

    private string? Text(string path) => values.TryGetValue(path, out ConfigValue? value) ? value.Text : null;

    private (string Host, int Port) Address(string path) => ConfigText.Address(path, values[path].Text);

    /// <summary>True when the parameter was given, not defaulted.</summary>
    public bool IsGiven(string path) => values.TryGetValue(path, out ConfigValue? value) && value.Source != ConfigSource.Default;

    private TierDefinition Definition(string name)
    {
        Dictionary<string, string> tier = tiers[name];
        string Setting(string key, string fallback) => tier.GetValueOrDefault(key) ?? fallback;
        return new TierDefinition(
            name,
            int.Parse(Setting("replication_factor", values["cluster.default_replication_factor"].Text), CultureInfo.InvariantCulture),
            int.Parse(Setting("bucket_count", values["cluster.default_bucket_count"].Text), CultureInfo.InvariantCulture),
            Setting("can_vote", "true") == "true",
            new TierOptions(
                tier.GetValueOrDefault("survive")?.ToUpperInvariant(),
                Setting("replication_mode", "sync") == "async",
                Setting("wal_mode", "fsync"),
                int.Parse(Setting("min_in_sync", "1"), CultureInfo.InvariantCulture)));
    }

    private string? TierSetting(string name) => tiers[Tier].GetValueOrDefault(name);

    private void Check()
    {
        if (!tiers.ContainsKey(Tier))
        {
            throw new ConfigException($"invalid configuration: current instance is assigned tier '{Tier}' which is not defined in the configuration file");
        }

        if (tiers.Values.All(tier => tier.GetValueOrDefault("can_vote") == "false"))
        {
            throw new ConfigException("at least one tier must be allowed to vote (`can_vote = true`)");
        }

        if (values["instance.iproto.enabled"].Text != "true")
        {
            throw new ConfigException("invalid value 'false' for `instance.iproto.enabled`: instances cannot reach each other without it");
        }

        foreach (string path in new[] { "instance.memtx.memory", "instance.memtx.system_memory" })
        {
            if (ConfigText.Size(path, values[path].Text) < MemoryMin)
            {
                throw new ConfigException($"invalid value '{values[path].Text}' for `{path}`: the minimum is 32M");
            }
        }

        CheckListeners();
    }

    private void CheckListeners()
    {
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in new[] { "instance.iproto.listen", "instance.http.listen", "instance.pgproto.listen" })
        {
            string address = values[path].Text;
            if (!address.EndsWith(":0", StringComparison.Ordinal) && !seen.TryAdd(address, path))
            {
                throw new ConfigException($"`{seen[address]}` ({address}) conflicts with `{path}` ({address}): both bind to the same address");
            }
        }
    }
}
