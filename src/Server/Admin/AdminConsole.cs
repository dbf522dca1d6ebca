using System.Diagnostics;
using System.Net.Sockets;

namespace Picodata.Server;

/// <param name="SocketPath">The instance's admin socket.</param>
/// <param name="IgnoreErrors">Go on with the remaining statements after an error.</param>
/// <param name="Format">How rows are printed.</param>
/// <param name="Separator">Between values (csv, tuples only).</param>
/// <param name="Prompts">Show banner and prompt even when standard input is not a terminal.</param>
internal sealed record AdminOptions(string SocketPath, bool IgnoreErrors, AdminFormat Format, char Separator, bool Prompts);

/// <summary><c>picodata admin</c>: statements from a terminal or a pipe go to the instance, as user admin.</summary>
internal sealed class AdminConsole(AdminOptions options, TextReader input, TextWriter output, TextWriter errors, bool isTerminal)
{
    private const string Help =
        """
        Statements end with ; (or what \set delimiter says).
            \e                            edit the statement in $EDITOR
            \help                         this text
            \sql                          the language is SQL already
            \lua                          not available: this instance has no Lua
            \set delimiter X              end statements with X
            \set delimiter default        end statements with ;
            \set delimiter enter          end statements with the line
        Ctrl-D ends the console.
        """;

    private readonly StatementReader reader = new();
    private readonly ResultFormat format = new(options.Format, options.Separator);

    /// <summary>0 when every statement succeeded (or errors are ignored, or a person saw them), else 1.</summary>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        bool prompts = isTerminal || options.Prompts;
        PgClient client;
        try
        {
            client = await PgClient.ConnectAsync(options.SocketPath, cancel);
        }
        catch (Exception problem) when (problem is SocketException or IOException)
        {
            errors.WriteLine($"can't connect to the admin socket '{options.SocketPath}': {problem.Message}; is the instance running, and is this its admin.sock?");
            return 1;
        }

        using (client)
        {
            if (prompts)
            {
                output.WriteLine($"Connected to admin console by socket path \"{options.SocketPath}\"");
                output.WriteLine("type '\\help' for interactive help");
            }

            return await ReadLoopAsync(client, prompts, cancel);
        }
    }

    private async Task<int> ReadLoopAsync(PgClient client, bool prompts, CancellationToken cancel)
    {
        while (true)
        {
            if (prompts)
            {
                output.Write(reader.IsOpen ? "   ... > " : "(admin) sql> ");
                output.Flush();
            }

            string? line = await input.ReadLineAsync(cancel);
            IEnumerable<string> statements = line is null ? [reader.TakeRest()]
                : !reader.IsOpen && line.TrimStart().StartsWith('\\') ? ConsoleCommand(line.Trim())
                : reader.Add(line);
            foreach (string statement in statements)
            {
                if (statement.Trim().Length > 0 && !await ExecuteAsync(client, statement, cancel) && !options.IgnoreErrors && !prompts)
                {
                    return 1;
                }
            }

            if (line is null)
            {
                if (prompts)
                {
                    output.WriteLine("Bye");
                }

                return 0;
            }
        }
    }

    private async Task<bool> ExecuteAsync(PgClient client, string statement, CancellationToken cancel)
    {
        try
        {
            IReadOnlyList<PgResult> results = await client.QueryAsync(statement, cancel);
            client.Notices.ForEach(notice => errors.WriteLine($"NOTICE: {notice}"));
            foreach (PgResult result in results)
            {
                format.Print(result, output);
            }

            return true;
        }
        catch (PgServerException problem)
        {
            errors.WriteLine($"ERROR {problem.SqlState}: {problem.Message}");
            return false;
        }
    }

    private IEnumerable<string> ConsoleCommand(string command)
    {
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words)
        {
            case ["\\help"]:
                output.WriteLine(Help);
                break;
            case ["\\sql"]:
                output.WriteLine("Language switched to sql");
                break;
            case ["\\lua"]:
                errors.WriteLine("this instance has no Lua; the console speaks SQL");
                break;
            case ["\\set", "delimiter", var delimiter]:
                reader.Delimiter = delimiter switch { "default" => ";", "enter" => "", _ => delimiter };
                output.WriteLine($"Delimiter changed to '{delimiter}'");
                break;
            case ["\\e"]:
                return [Edited()];
            default:
                errors.WriteLine($"unknown command '{command}', type '\\help' for help");
                break;
        }

        return [];
    }

    /// <summary>The statement that the person wrote in an editor.</summary>
    private static string Edited()
    {
        string file = Path.Combine(Path.GetTempPath(), $"picodata-admin-{Environment.ProcessId}.sql");
        File.WriteAllText(file, "");
        try
        {
            string editor = Environment.GetEnvironmentVariable("EDITOR") ?? "vi";
            using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{editor} \"$0\"", file]))!;
            process.WaitForExit();
            return File.ReadAllText(file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
