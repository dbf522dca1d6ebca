using System.CommandLine;

namespace Picodata.Server;

/// <summary><c>picodata inspect FILE|DIR</c>: prints and verifies .snap and .xlog files without a server.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var command = new Command("inspect", "Print and verify .snap and .xlog files, without a server and without changing them");
        var path = new Argument<string>("PATH") { Description = "A .snap or .xlog file, or a working directory (or a copy of one)" };
        var json = new Option<bool>("--json", "-j") { Description = "One JSON object a line" };
        command.Arguments.Add(path);
        command.Options.Add(json);
        command.SetAction(parsed => 0);
        return command;
    }
}
