using System.CommandLine;

namespace Picodata.Server;

/// <summary><c>picodata run</c>: starts an instance and serves until SIGTERM or SIGINT.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Start an instance");
        var values = new List<(ConfigParameter Parameter, Option<string?> Option)>();
        foreach (ConfigParameter parameter in ConfigParameter.All.Where(parameter => parameter.Flags.Length > 0))
        {
            foreach (string flag in parameter.Flags)
            {
                bool documented = flag == parameter.Flags[0];
                var option = new Option<string?>(flag)
                {
                    Description = documented ? Describe(parameter) : $"Older spelling of {parameter.Flags[0]}",
                    HelpName = HelpName(parameter.Kind),
                    Hidden = !documented,
                    Arity = parameter.Kind == ConfigKind.Bool ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
                };
                command.Options.Add(option);
                values.Add((parameter, option));
            }
        }

        var config = new Option<string?>("--config") { HelpName = "PATH", Description = "Configuration file (default: ./picodata.yaml if it exists) [env: PICODATA_CONFIG_FILE]" };
        var items = new Option<string[]>("--config-parameter", "-c") { HelpName = "KEY=VALUE", Description = "KEY=VALUE, overrides everything else; may be repeated [env: PICODATA_CONFIG_PARAMETERS]" };
        var force = new Option<bool>("--force-recovery") { Description = "Start although files are damaged: skips and lists every damaged part [env: PICODATA_UNSAFE_FORCE_RECOVERY]" };
        var toGap = new Option<bool>("--recover-to-gap") { Description = "When a log is missing, start with the state before the hole instead of refusing" };
        var rescue = new Option<string?>("--rescue")
        {
            HelpName = "CLUSTER_UUID",
            Arity = ArgumentArity.ZeroOrOne,
            Description = "The rest of the cluster is lost for good, or this directory is a copy that shall stand alone: begin a new cluster of this one instance with the rows that it holds. "
                + "All others are fenced off for ever. With the UUID of the lost cluster also when the instance was not in sync",
        };
        command.Options.Add(rescue);
        command.Options.Add(config);
        command.Options.Add(items);
        command.Options.Add(force);
        command.Options.Add(toGap);
        command.SetAction((parsed, cancel) =>
        {
            var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach ((ConfigParameter parameter, Option<string?> option) in values)
            {
                if (parsed.GetResult(option) is not null)
                {
                    arguments[parameter.Path] = parsed.GetValue(option) ?? "true";
                }
            }

            var loader = new ConfigLoader();
            InstanceConfig loaded = loader.Load(
                arguments, parsed.GetValue(config), parsed.GetValue(items) ?? [], Environment.GetEnvironmentVariable, Directory.GetCurrentDirectory());
            bool forced = parsed.GetValue(force) || Environment.GetEnvironmentVariable("PICODATA_UNSAFE_FORCE_RECOVERY") == "true";
            return InstanceHost.RunAsync(loaded, loader.Warnings, new RecoveryChoice(forced, parsed.GetValue(toGap)) { Rescue = parsed.GetResult(rescue) is null ? null : RescueOrder.Parse(parsed.GetValue(rescue)) }, cancel);
        });
        return command;
    }

    private static string HelpName(ConfigKind kind) => kind switch
    {
        ConfigKind.Address => "HOST:PORT",
        ConfigKind.AddressList => "HOST:PORT,...",
        ConfigKind.Byte or ConfigKind.Unsigned => "N",
        ConfigKind.FailureDomain => "KEY=VALUE,...",
        ConfigKind.LogLevel => "LEVEL",
        _ => kind.ToString().ToUpperInvariant(),
    };

    private static string Describe(ConfigParameter parameter) =>
        parameter.Help
        + (string.IsNullOrEmpty(parameter.Default) ? "" : $" [default: {parameter.Default}]")
        + (parameter.Environment.Length == 0 ? "" : $" [env: {parameter.Environment[0]}]");
}

/// <param name="Force">Skip damaged parts, listing each.</param>
/// <param name="ToGap">Stop at a hole in the chain of logs.</param>
internal sealed record RecoveryChoice(bool Force, bool ToGap)
{
    /// <summary>The order to begin a new cluster on this directory alone, or null.</summary>
    public RescueOrder? Rescue { get; init; }
}

/// <summary>The operator's order <c>--rescue</c>.</summary>
/// <param name="Cluster">UUID of the cluster that is given up, or null when the order names none.</param>
internal sealed record RescueOrder(Guid? Cluster)
{
    public static RescueOrder Parse(string? text) =>
        string.IsNullOrEmpty(text) ? new RescueOrder((Guid?)null)
        : Guid.TryParse(text, out Guid cluster) ? new RescueOrder(cluster)
        : throw new ConfigException($"--rescue={text}: that is not the UUID of a cluster");
}
