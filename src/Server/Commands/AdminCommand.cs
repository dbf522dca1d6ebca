using System.CommandLine;

namespace Picodata.Server;

/// <summary><c>picodata admin SOCKET_PATH</c>.</summary>
internal static class AdminCommand
{
    public static Command Create()
    {
        var command = new Command("admin", "Connect to the admin console of an instance");
        var path = new Argument<string>("SOCKET_PATH") { Description = "The instance's admin.sock" };
        var ignoreErrors = new Option<bool>("--ignore-errors") { Description = "Go on with the remaining statements after an error" };
        var tuplesOnly = new Option<bool>("--tuples-only", "-t") { Description = "Values only, separated by tabs" };
        var json = new Option<bool>("--json", "-j") { Description = "A JSON array of objects" };
        var csv = new Option<bool>("--csv", "-c") { Description = "Comma-separated values with a header" };
        var separator = new Option<string?>("--field-separator", "-F") { Description = "One character between values (with --csv or --tuples-only)" };
        var prompts = new Option<bool>("--prompts", "-p") { Description = "Show banner and prompt even when standard input is not a terminal" };
        command.Arguments.Add(path);
        foreach (Option option in new Option[] { ignoreErrors, tuplesOnly, json, csv, separator, prompts })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            int formats = new[] { tuplesOnly, json, csv }.Count(result.GetValue);
            if (formats > 1)
            {
                result.AddError("--tuples-only, --json and --csv exclude each other: choose one");
            }
            else if (formats == 1 && result.GetValue(prompts))
            {
                result.AddError("--prompts cannot be used with --tuples-only, --json or --csv");
            }

            if (result.GetValue(separator) is { } text && (text.Length != 1 || result.GetValue(json)))
            {
                result.AddError("--field-separator takes one character and does not go with --json");
            }
        });
        command.SetAction((parsed, cancel) =>
        {
            AdminFormat format = parsed.GetValue(tuplesOnly) ? AdminFormat.TuplesOnly
                : parsed.GetValue(json) ? AdminFormat.Json
                : parsed.GetValue(csv) ? AdminFormat.Csv
                : AdminFormat.Table;
            char between = parsed.GetValue(separator)?[0] ?? (format == AdminFormat.Csv ? ',' : '\t');
            var options = new AdminOptions(parsed.GetValue(path)!, parsed.GetValue(ignoreErrors), format, between, parsed.GetValue(prompts));
            return new AdminConsole(options, Console.In, Console.Out, Console.Error, !Console.IsInputRedirected).RunAsync(cancel);
        });
        return command;
    }
}
