using System.CommandLine;
using Spectre.Console;

namespace Picodata.Server;

/// <summary><c>picodata demo</c>: the promises, before the eyes of a new user, on loopback.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var command = new Command("demo", "See the promises kept: load, kill -9, restart, hot copy; nothing missing (exit code 1 otherwise)");
        var directory = new Option<string?>("--working-directory") { Description = "Where the demo's instances live; made new (default: a temporary directory, removed afterwards)" };
        var seconds = new Option<int>("--seconds") { Description = "Length of each phase under load", DefaultValueFactory = _ => 4 };
        var writers = new Option<int>("--writers") { Description = "Concurrent writers", DefaultValueFactory = _ => 8 };
        command.Options.Add(directory);
        command.Options.Add(seconds);
        command.Options.Add(writers);
        foreach (Option<int> count in new[] { seconds, writers })
        {
            count.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < 1)
                {
                    result.AddError($"{count.Name} takes a number from 1");
                }
            });
        }

        command.SetAction(async (parsed, cancel) =>
        {
            string? given = parsed.GetValue(directory);
            if (given is not null && Directory.Exists(given) && Directory.EnumerateFileSystemEntries(given).Any())
            {
                throw new ConfigException($"'{given}' is not empty: the demo takes a new directory only");
            }

            string root = Path.GetFullPath(given ?? Directory.CreateTempSubdirectory("pico-demo-").FullName);
            using var stop = new StopSignal(cancel);
            try
            {
                var demo = new Demo(root, TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(writers), AnsiConsole.Console);
                return await demo.RunAsync(stop.Token) ? 0 : 1;
            }
            catch (OperationCanceledException)
            {
                Console.Error.WriteLine("picodata: the demo was interrupted; nothing was judged");
                return 130;
            }
            finally
            {
                if (given is null)
                {
                    Directory.Delete(root, recursive: true);
                }
            }
        });
        return command;
    }
}
