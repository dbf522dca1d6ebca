using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Picodata.Bench;

/// <summary>Processes that the benchmarks start, and small facts about the machine.</summary>
internal static class Shell
{
    public static bool IsRoot => Environment.UserName == "root";

    /// <summary>Runs a program to its end and gives its standard output; throws with its output when it fails.</summary>
    public static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed ({process.ExitCode}):\n{output}\n{errors.Result}");
    }

    /// <summary>Starts a server; its output goes to a file.</summary>
    public static Process Start(string log, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" >\"" + log + "\" 2>&1", program, .. arguments]);
        return Process.Start(start)!;
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Resident memory of a process in bytes, from the kernel.</summary>
    public static long ResidentBytes(int processId)
    {
        string line = File.ReadLines($"/proc/{processId}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    /// <summary>Waits for a condition; throws when it does not come true in time or the process ends.</summary>
    public static void Await(Process process, string log, Func<bool> ready)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                if (ready())
                {
                    return;
                }
            }
            catch (Exception problem) when (problem is Npgsql.NpgsqlException or SocketException or IOException)
            {
                // not up yet
            }

            if (process.HasExited || watch.Elapsed > TimeSpan.FromMinutes(5))
            {
                throw new InvalidOperationException($"the server did not start:\n{File.ReadAllText(log)}");
            }

            Thread.Sleep(5);
        }
    }

    public static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("no Picodata.slnx above the benchmark");
    }
}
