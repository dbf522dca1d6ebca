using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Programs that tests compare with. A missing one skips the test on a user's machine and fails it in CI.</summary>
internal static class Peer
{
    /// <summary>Path of a program, looked for on PATH and where Debian puts PostgreSQL's.</summary>
    public static string Require(string program)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/lib/postgresql/15/bin"];
        if (folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) is { } found)
        {
            return found;
        }

        if (Environment.GetEnvironmentVariable("PICODATA_TEST_REQUIRE_PEERS") == "1")
        {
            Assert.Fail($"{program} is not installed, and PICODATA_TEST_REQUIRE_PEERS=1 says that it must be");
        }

        Assert.Skip($"{program} is not installed");
        return "";
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Runs psql against an instance; gives exit code, output and errors.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> PsqlAsync(InstanceProcess instance, string sql, params string[] flags) =>
        RunAsync(
            Require("psql"),
            ["-X", "-h", "127.0.0.1", "-p", instance.PgPort.ToString(), "-U", "admin", "-d", "postgres", "-v", "ON_ERROR_STOP=1", .. flags, "-f", "-"],
            new Dictionary<string, string> { ["PGPASSWORD"] = InstanceProcess.AdminPassword },
            sql);
}
