using System.CommandLine;
using Picodata.Storage.Files.Inspection;

namespace Picodata.Server;

/// <summary><c>picodata inspect FILE|DIR</c>: prints and verifies .snap and .xlog files without a server.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var command = new Command("inspect", "Print and verify .snap and .xlog files, without a server and without changing them; exit code 1 when there is damage");
        var path = new Argument<string>("PATH") { Description = "A .snap or .xlog file, or a working directory (or a copy of one)" };
        var json = new Option<bool>("--json", "-j") { Description = "One JSON object a line" };
        var quiet = new Option<bool>("--summary", "-s") { Description = "No rows: headers, findings and the summary only (what a directory shows anyway)" };
        var rows = new Option<bool>("--rows") { Description = "Rows too when PATH is a directory" };
        var spaces = new Option<string[]>("--space") { Description = "Only rows of this space (name or id); may be repeated" };
        command.Arguments.Add(path);
        foreach (Option option in new Option[] { json, quiet, rows, spaces })
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            string target = parsed.GetValue(path)!;
            bool isDirectory = Directory.Exists(target);
            var options = new InspectOptions
            {
                Json = parsed.GetValue(json),
                ShowRows = isDirectory ? parsed.GetValue(rows) : !parsed.GetValue(quiet),
                Spaces = parsed.GetValue(spaces) ?? [],
            };
            using var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 1 << 16);
            return FileInspector.Inspect(new RealFileSystem(), target, options, output);
        });
        return command;
    }
}
