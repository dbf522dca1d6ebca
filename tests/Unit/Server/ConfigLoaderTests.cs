using Picodata.Server;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Server;

public sealed class ConfigLoaderTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("pico-config-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private static readonly Dictionary<string, string> Nothing = [];

    private InstanceConfig Load(
        string? yaml = null,
        Dictionary<string, string>? flags = null,
        Dictionary<string, string>? environment = null,
        params string[] items)
    {
        if (yaml is not null)
        {
            File.WriteAllText(Path.Combine(directory, "picodata.yaml"), yaml);
        }

        return new ConfigLoader().Load(flags ?? Nothing, null, items, name => environment?.GetValueOrDefault(name), directory);
    }

    private string Refusal(string? yaml = null, Dictionary<string, string>? flags = null, params string[] items) =>
        Assert.Throws<ConfigException>(() => Load(yaml, flags, null, items)).Message;

    [Fact]
    public void Each_source_overrides_the_ones_before_it()
    {
        const string yaml = "cluster:\n  name: c\ninstance:\n  tier: default\n  log:\n    level: warn\n";
        Dictionary<string, string> environment = new() { ["PICODATA_CONFIG_PARAMETERS"] = "instance.log.level=error" };
        Assert.Equal("info", Load().LogLevel);
        Assert.Equal("warn", Load(yaml).LogLevel);
        Assert.Equal("error", Load(yaml, environment: environment).LogLevel);
        environment["PICODATA_LOG_LEVEL"] = "debug";
        Assert.Equal("debug", Load(yaml, environment: environment).LogLevel);
        Dictionary<string, string> flags = new() { ["instance.log.level"] = "verbose" };
        Assert.Equal("verbose", Load(yaml, flags, environment).LogLevel);
        Assert.Equal("crit", Load(yaml, flags, environment, "instance.log.level=crit").LogLevel);
    }

    [Fact]
    public void Defaults_are_those_of_the_reference()
    {
        InstanceConfig config = Load();
        Assert.Equal("demo", config.ClusterName);
        Assert.Equal(64L << 20, config.MemtxMemory);
        Assert.Equal(("127.0.0.1", 4327), config.PgListen);
        Assert.Equal(("127.0.0.1", 5327), config.HttpListen);
        Assert.Equal(1, config.ReplicationFactor);
        Assert.Equal(3000, config.BucketCount);
        Assert.Equal(WalMode.Fsync, config.WalMode);
        Assert.Equal("default", config.Tier);
    }

    [Theory]
    [InlineData("region=us,zone=us-west-1", "REGION=US;ZONE=US-WEST-1")]
    [InlineData("rack=12-90,server=srv_007", "RACK=12-90;SERVER=SRV_007")]
    [InlineData("a=b=c", "A=B=C")]
    [InlineData("a=1,A=2", "A=2")]
    [InlineData("a=", "A=")]
    public void Failure_domains_are_split_and_upper_cased(string text, string expected)
    {
        InstanceConfig config = Load(flags: new() { ["instance.failure_domain"] = text });
        Assert.Equal(expected, string.Join(';', config.FailureDomain.Select(label => $"{label.Key}={label.Value}")));
    }

    [Fact]
    public void A_failure_domain_may_be_a_mapping_in_the_file() =>
        Assert.Equal("US", Load("cluster:\n  name: c\ninstance:\n  failure_domain: {region: us}\n").FailureDomain["REGION"]);

    [Fact]
    public void A_label_without_equals_sign_is_refused() =>
        Assert.Equal("invalid KEY=value: no `=` found in `us`", Refusal(flags: new() { ["instance.failure_domain"] = "us" }));

    [Theory]
    [InlineData("32M", 32L << 20)]
    [InlineData("1G", 1L << 30)]
    [InlineData("67108864", 64L << 20)]
    [InlineData("40000K", 40000L << 10)]
    public void Sizes_have_suffixes(string text, long bytes) =>
        Assert.Equal(bytes, Load(flags: new() { ["instance.memtx.memory"] = text }).MemtxMemory);

    [Theory]
    [InlineData("32m", "expected a size")]
    [InlineData("", "expected a size")]
    [InlineData("-1", "expected a size")]
    [InlineData("9223372036854775807T", "Value is too large")]
    [InlineData("1M", "the minimum is 32M")]
    public void Bad_sizes_are_refused(string text, string because) =>
        Assert.Contains(because, Refusal(flags: new() { ["instance.memtx.memory"] = text }));

    [Fact]
    public void Unknown_keys_are_named_together_with_a_suggestion() =>
        Assert.Equal(
            "unknown parameters: `instance.instance_id` (did you mean `name`?), `instance.memtx.memori` (did you mean `memory`?), `nothing`",
            Refusal("cluster:\n  name: c\ninstance:\n  instance_id: x\n  memtx:\n    memori: 1G\nnothing: 1\n"));

    [Fact]
    public void A_file_needs_the_name_of_the_cluster() =>
        Assert.Equal("empty `cluster.name` parameter which is required to define instance membership", Refusal("instance:\n  name: i1\n"));

    [Fact]
    public void An_empty_tier_section_is_refused() =>
        Assert.Equal("empty `cluster.tier` section which is required to define the initial tiers", Refusal("cluster:\n  name: c\n  tier:\n"));

    [Fact]
    public void The_first_tier_of_the_file_is_the_default_one()
    {
        InstanceConfig config = Load("cluster:\n  name: c\n  tier:\n    hot:\n      replication_factor: 3\n    cold:\n      can_vote: false\n");
        Assert.Equal("hot", config.Tier);
        Assert.Equal(3, config.ReplicationFactor);
    }

    [Fact]
    public void An_instance_of_an_unknown_tier_is_refused() =>
        Assert.Equal(
            "invalid configuration: current instance is assigned tier 'warm' which is not defined in the configuration file",
            Refusal(flags: new() { ["instance.tier"] = "warm" }));

    [Fact]
    public void Somebody_must_vote() =>
        Assert.Equal("at least one tier must be allowed to vote (`can_vote = true`)", Refusal("cluster:\n  name: c\n  tier:\n    a:\n      can_vote: false\n"));

    [Fact]
    public void A_tier_cannot_go_without_a_log() =>
        Assert.Contains("would lose acknowledged rows", Refusal("cluster:\n  name: c\n  tier:\n    a:\n      wal_mode: none\n"));

    [Fact]
    public void Two_listeners_on_one_address_are_refused() =>
        Assert.Equal(
            "`instance.http.listen` (127.0.0.1:4327) conflicts with `instance.pgproto.listen` (127.0.0.1:4327): both bind to the same address",
            Refusal(flags: new() { ["instance.http.listen"] = "127.0.0.1:4327" }));

    [Fact]
    public void An_item_needs_an_equals_sign() =>
        Assert.Equal("failed parsing --config-parameter value: expected '=' after 'instance.name'", Refusal(null, null, "instance.name"));

    [Fact]
    public void Old_and_new_keys_of_one_protocol_do_not_mix() =>
        Assert.Contains(
            "please use only one configuration style",
            Refusal("cluster:\n  name: c\ninstance:\n  pgproto:\n    listen: 127.0.0.1:1\n  pg:\n    listen: 127.0.0.1:2\n"));

    [Fact]
    public void Old_keys_work_alone() =>
        Assert.Equal(("127.0.0.1", 7), Load("cluster:\n  name: c\ninstance:\n  pg:\n    listen: 127.0.0.1:7\n").PgListen);

    [Fact]
    public void The_initial_replication_factor_does_not_go_with_a_file() =>
        Assert.Contains("cannot be used with `--config`", Refusal("cluster:\n  name: c\n", new() { ["cluster.default_replication_factor"] = "2" }));

    [Fact]
    public void Broken_yaml_is_refused_with_its_place() =>
        Assert.Matches("picodata.yaml' line \\d+, column \\d+", Refusal("cluster:\n  name: [\n"));

    [Fact]
    public void The_default_file_runs_and_changes_nothing()
    {
        InstanceConfig without = Load();
        InstanceConfig with = Load(DefaultConfig.Yaml());
        Assert.Equal(
            without.Values.Select(value => (value.Path, value.Text)).Where(value => !value.Path.EndsWith("advertise") && value.Path != "instance.peer"),
            with.Values.Select(value => (value.Path, value.Text)).Where(value => !value.Path.EndsWith("advertise") && value.Path != "instance.peer"));
    }
}
