using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Picodata.Server;

/// <summary>
/// Collects the values of all parameters in the order of precedence: default, file, PICODATA_CONFIG_PARAMETERS,
/// environment, flags, -c. A later source overrides an earlier one; every value remembers its source.
/// </summary>
internal sealed class ConfigLoader
{
    private readonly Dictionary<string, ConfigValue> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, string>> tiers = new(StringComparer.Ordinal);
    private readonly List<string> tierOrder = [];
    private readonly List<string> unknown = [];
    private readonly List<string> warnings = [];
    private bool usesFile;
    private bool fileHasTiers;

    /// <summary>What the operator should hear before the instance starts.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    /// <param name="arguments">Values given as flags, by parameter path.</param>
    /// <param name="configFile">--config, or null.</param>
    /// <param name="items">-c items, <c>path=value</c>.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="currentDirectory">Where <c>picodata.yaml</c> is looked for.</param>
    public InstanceConfig Load(
        IReadOnlyDictionary<string, string> arguments,
        string? configFile,
        IReadOnlyList<string> items,
        Func<string, string?> environment,
        string currentDirectory)
    {
        LoadFile(configFile ?? Present(environment("PICODATA_CONFIG_FILE")), currentDirectory);
        LoadItems(EnvironmentItems(environment), ConfigSource.EnvironmentItems);
        foreach (ConfigParameter parameter in ConfigParameter.All)
        {
            if (parameter.Environment.Select(environment).FirstOrDefault(text => text is not null) is { } text)
            {
                Set(parameter, parameter.Path, text, ConfigSource.Environment);
            }

            if (arguments.TryGetValue(parameter.Path, out string? flag))
            {
                Set(parameter, parameter.Path, flag, ConfigSource.Flag);
            }
        }

        if (usesFile && arguments.ContainsKey("cluster.default_replication_factor"))
        {
            throw new ConfigException("option `--init-replication-factor` cannot be used with `--config` simultaneously");
        }

        LoadItems(items.Select(item => (Item: item, Where: "failed parsing --config-parameter value")), ConfigSource.FlagItems);
        return Finish();
    }

    private static string? Present(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static IEnumerable<(string Item, string Where)> EnvironmentItems(Func<string, string?> environment) =>
        (environment("PICODATA_CONFIG_PARAMETERS") ?? "")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(item => (item, "error when parsing PICODATA_CONFIG_PARAMETERS environment variable"));

    private void LoadFile(string? configFile, string currentDirectory)
    {
        string standard = Path.Combine(currentDirectory, "picodata.yaml");
        if (configFile is null)
        {
            if (!File.Exists(standard))
            {
                return;
            }

            configFile = standard;
        }
        else if (File.Exists(standard) && Path.GetFullPath(configFile, currentDirectory) != standard)
        {
            warnings.Add($"both --config '{configFile}' and '{standard}' exist, using '{configFile}'");
        }

        string text;
        try
        {
            text = File.ReadAllText(Path.GetFullPath(configFile, currentDirectory));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"can't read from '{configFile}': {problem.Message}");
        }

        usesFile = true;
        ReadYaml(configFile, text);
    }

    private void ReadYaml(string file, string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException problem)
        {
            throw new ConfigException($"error in '{file}' line {problem.Start.Line}, column {problem.Start.Column}: {problem.Message}");
        }

        if (stream.Documents.Count > 0 && stream.Documents[0].RootNode is YamlMappingNode root)
        {
            ReadMapping("", root, ConfigSource.ConfigFile);
        }
        else if (stream.Documents.Count > 0 && stream.Documents[0].RootNode is not YamlScalarNode { Value: "" or null })
        {
            throw new ConfigException($"error in '{file}': expected a mapping with the sections `cluster` and `instance`");
        }
    }

    private void ReadMapping(string prefix, YamlMappingNode mapping, ConfigSource source)
    {
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            string name = (key as YamlScalarNode)?.Value ?? "";
            ReadNode(prefix.Length == 0 ? name : prefix + "." + name, value, source);
        }
    }

    private void ReadNode(string path, YamlNode node, ConfigSource source)
    {
        if (path == "cluster.tier")
        {
            ReadTiers(node);
        }
        else if (ConfigParameter.Find(path) is { } parameter)
        {
            if (Scalar(parameter, node) is { } text)
            {
                Set(parameter, path, text, source);
            }
        }
        else if (node is YamlMappingNode mapping && IsSection(path))
        {
            ReadMapping(path, mapping, source);
        }
        else if (!(IsSection(path) && node is YamlScalarNode { Value: null or "" or "null" or "~" }))
        {
            unknown.Add(path);
        }
    }

    private static bool IsSection(string path) =>
        ConfigParameter.All.Any(parameter => parameter.Path.StartsWith(path + ".", StringComparison.Ordinal)) || path is "instance.vinyl";

    /// <summary>The text of a value in a file: scalars as they are, lists joined with commas, domain mappings as KEY=VALUE.</summary>
    private static string? Scalar(ConfigParameter parameter, YamlNode node) => node switch
    {
        YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" } => null,
        YamlScalarNode scalar => scalar.Value,
        YamlSequenceNode list => string.Join(',', list.Children.Select(child => child.ToString())),
        YamlMappingNode mapping when parameter.Kind == ConfigKind.FailureDomain =>
            string.Join(',', mapping.Children.Select(child => $"{child.Key}={child.Value}")),
        _ => throw new ConfigException($"invalid value for `{parameter.Path}`: expected a single value, not a mapping"),
    };

    private void ReadTiers(YamlNode node)
    {
        tiers.Clear();
        tierOrder.Clear();
        fileHasTiers = true;
        if (node is not YamlMappingNode mapping || mapping.Children.Count == 0)
        {
            throw new ConfigException("empty `cluster.tier` section which is required to define the initial tiers");
        }

        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            string tier = key.ToString();
            var settings = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach ((YamlNode name, YamlNode setting) in (value as YamlMappingNode)?.Children ?? Enumerable.Empty<KeyValuePair<YamlNode, YamlNode>>())
            {
                string path = $"cluster.tier.{tier}.{name}";
                if (ConfigParameter.OfTier.FirstOrDefault(known => known.Path == name.ToString()) is not { } parameter)
                {
                    unknown.Add(path);
                    continue;
                }

                if (parameter.Kind == ConfigKind.WalMode && setting.ToString() == "none")
                {
                    throw new ConfigException($"invalid value 'none' for `{path}`: a tier without a log would lose acknowledged rows; expected write or fsync");
                }

                ConfigText.Check(parameter, path, setting.ToString());
                settings[parameter.Path] = setting.ToString();
            }

            tiers[tier] = settings;
            tierOrder.Add(tier);
        }
    }

    private void LoadItems(IEnumerable<(string Item, string Where)> items, ConfigSource source)
    {
        foreach ((string item, string where) in items)
        {
            int equals = item.IndexOf('=');
            if (equals < 0)
            {
                throw new ConfigException($"{where}: expected '=' after '{item}'");
            }

            string path = item[..equals].Trim();
            var stream = new YamlStream();
            try
            {
                stream.Load(new StringReader(item[(equals + 1)..]));
            }
            catch (YamlException problem)
            {
                throw new ConfigException($"{where}: '{item}': {problem.Message}");
            }

            ReadNode(path, stream.Documents.Count > 0 ? stream.Documents[0].RootNode : new YamlScalarNode(""), source);
        }
    }

    private void Set(ConfigParameter parameter, string path, string text, ConfigSource source)
    {
        ConfigText.Check(parameter, path, text);
        string target = path;
        if (parameter.ReplacedBy is { } present)
        {
            string section = present[..present.LastIndexOf('.')];
            if (values.FirstOrDefault(value => value.Key.StartsWith(section, StringComparison.Ordinal) && value.Value.Source == source && value.Value.Written == value.Key).Key is { } mixed)
            {
                throw new ConfigException($"cannot use both old settings ({path}) and new `{section}` section ({mixed}) simultaneously; please use only one configuration style");
            }

            target = present;
        }
        else if (values.TryGetValue(path, out ConfigValue? other) && other.Source == source && other.Written != path)
        {
            throw new ConfigException($"cannot use both old settings ({other.Written}) and new `{path}` simultaneously; please use only one configuration style");
        }

        if (!values.TryGetValue(target, out ConfigValue? earlier) || earlier.Source <= source)
        {
            values[target] = new ConfigValue(text, source, path);
        }
    }

    private InstanceConfig Finish()
    {
        if (unknown.Count > 0)
        {
            throw new ConfigException("unknown parameters: " + string.Join(", ", unknown.Select(path => $"`{path}`{Suggestion(path)}")));
        }

        if (usesFile && !values.ContainsKey("cluster.name"))
        {
            throw new ConfigException("empty `cluster.name` parameter which is required to define instance membership");
        }

        foreach (ConfigParameter parameter in ConfigParameter.All.Where(parameter => parameter.Default is not null))
        {
            values.TryAdd(parameter.Path, new ConfigValue(parameter.Default!, ConfigSource.Default, parameter.Path));
        }

        if (!fileHasTiers)
        {
            tiers["default"] = new Dictionary<string, string>(StringComparer.Ordinal);
            tierOrder.Add("default");
        }
        else if (values["instance.tier"].Source == ConfigSource.Default)
        {
            values["instance.tier"] = new ConfigValue(tierOrder[0], ConfigSource.Default, "instance.tier");
        }

        return new InstanceConfig(values, tiers, tierOrder);
    }

    /// <summary>" (did you mean `x`?)" when a known key of the same section is near enough.</summary>
    private static string Suggestion(string path)
    {
        int dot = path.LastIndexOf('.');
        string section = dot < 0 ? "" : path[..(dot + 1)];
        string name = path[(dot + 1)..];
        IEnumerable<string> candidates = ConfigParameter.All
            .Where(parameter => parameter.ReplacedBy is null && parameter.Path.StartsWith(section, StringComparison.Ordinal))
            .Select(parameter => parameter.Path[section.Length..].Split('.')[0])
            .Concat(name is "instance_id" ? ["name"] : name is "cluster_id" ? ["name"] : name is "replicaset_id" ? ["replicaset_name"] : [])
            .Distinct();
        string? renamed = name switch { "instance_id" or "cluster_id" => "name", "replicaset_id" => "replicaset_name", "data_dir" => "instance_dir", _ => null };
        string? best = renamed ?? candidates
            .Select(candidate => (candidate, distance: EditDistance(candidate, name)))
            .Where(pair => pair.distance * 2 < name.Length)
            .OrderBy(pair => pair.distance)
            .Select(pair => pair.candidate)
            .FirstOrDefault();
        return best is null ? "" : $" (did you mean `{best}`?)";
    }

    private static int EditDistance(string left, string right)
    {
        int[] row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[right.Length];
    }
}

/// <summary>A value with its source and the key under which it was written (an older spelling, perhaps).</summary>
internal sealed record ConfigValue(string Text, ConfigSource Source, string Written);
