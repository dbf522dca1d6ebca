using System.CommandLine;

namespace Picodata.Server;

/// <summary><c>picodata config default</c>: all parameters with their defaults, as a file that <c>run</c> accepts.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var command = new Command("config", "Work with configuration files");
        var print = new Command("default", "Print a configuration file with all defaults");
        var output = new Option<string?>("--output-file", "-o") { Description = "File to write; - is standard output" };
        print.Options.Add(output);
        print.SetAction(parsed =>
        {
            string yaml = DefaultConfig.Yaml();
            if (parsed.GetValue(output) is { } file && file != "-")
            {
                File.WriteAllText(file, yaml);
            }
            else
            {
                Console.Out.Write(yaml);
            }

            return 0;
        });
        command.Subcommands.Add(print);
        return command;
    }
}
