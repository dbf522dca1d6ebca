using System.CommandLine;
using System.Globalization;
using Picodata.Core;
using Picodata.Server;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand("Picodata.NET: a distributed in-memory SQL database whose data survives");
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(AdminCommand.Create());
root.Subcommands.Add(StatusCommand.Create());
root.Subcommands.Add(ExpelCommand.Create());
root.Subcommands.Add(ConfigCommand.Create());
root.Subcommands.Add(InspectCommand.Create());
root.Subcommands.Add(DemoCommand.Create());
if (root.Options.FirstOrDefault(option => option is VersionOption) is { } version)
{
    version.Aliases.Add("-V");
}

try
{
    ParseResult parsed = root.Parse(args);
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception problem) when (problem is ConfigException or CorruptionException or DirectoryLockedException or DbException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"picodata: {problem.Message}");
    return 1;
}
