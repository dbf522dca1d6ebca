using System.CommandLine;
using Picodata.Cluster;

namespace Picodata.Server;

/// <summary><c>picodata expel INSTANCE_UUID</c>: takes an instance out of the cluster for ever.</summary>
internal static class ExpelCommand
{
    public static Command Create()
    {
        var command = new Command("expel", "Take an instance out of the cluster for ever");
        var uuid = new Argument<Guid>("INSTANCE_UUID") { Description = "UUID of the instance, as `picodata status` shows it" };
        var force = new Option<bool>("--force", "-f") { Description = "Also when the instance is online, or primary of its replicaset" };
        command.Arguments.Add(uuid);
        command.Options.Add(force);
        var peer = new PeerOptions(command, "--password-file", "PICODATA_PASSWORD_FILE", 60);
        command.SetAction(async (parsed, cancel) =>
        {
            try
            {
                await peer.CallAsync(
                    parsed, ExpelDesk.Procedure, limit => new ExpelRequest(Guid.Empty, parsed.GetValue(uuid), parsed.GetValue(force), limit).Encode(), cancel);
            }
            catch (ConfigException refused) when (!parsed.GetValue(force) && refused.Message.Contains("attempt to expel", StringComparison.Ordinal))
            {
                throw new ConfigException($"{refused.Message}\nrerun with --force if you still want to expel the instance");
            }

            Console.Out.WriteLine($"instance {parsed.GetValue(uuid):D} is expelled");
            return 0;
        });
        return command;
    }
}
