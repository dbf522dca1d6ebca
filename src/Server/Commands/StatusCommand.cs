using System.CommandLine;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary><c>picodata status</c>: instances by tier and failure domain, then replication and what the cluster would survive.</summary>
internal static class StatusCommand
{
    /// <summary>Answers the text; no arguments: as the leader sees it; <see cref="OfThisInstance"/>: as the asked instance does.</summary>
    public const string Procedure = ".proc_cluster_status";

    /// <summary>Arguments [true].</summary>
    public static ReadOnlySpan<byte> OfThisInstance => [0x91, 0xc3];

    public static Command Create()
    {
        var command = new Command("status", "Show the instances of the cluster, their replication, and what it would survive");
        var peer = new PeerOptions(command, "--service-password-file", "PICODATA_SERVICE_PASSWORD_FILE", 20);
        command.SetAction(async (parsed, cancel) =>
        {
            ReadOnlyMemory<byte> answer = await peer.CallAsync(parsed, Procedure, static _ => [0x90], cancel);
            var reader = new MsgPackReader(answer.Span);
            Console.Out.Write(reader.ReadString());
            return 0;
        });
        return command;
    }
}
