using System.Globalization;
using Xunit;

namespace Picodata.EndToEnd.Interop;

/// <summary>
/// Stock Tarantool (Debian's 2.6) on a directory, run to the end of a script. Every run is a start of its own: recovery, the
/// script's work, a stop.
/// </summary>
internal static class Tarantool
{
    private const string Prelude = """
        box.cfg{work_dir = arg[1], log = arg[1] .. '.tarantool.log', memtx_memory = 512 * 1024 * 1024, wal_mode = 'fsync'}
        local function out(...)
            local words = {}
            for i = 1, select('#', ...) do
                local v = select(i, ...)
                words[i] = (v == nil or v == box.NULL) and '' or tostring(v):gsub('[UL]+$', '')
            end
            print(table.concat(words, '|'))
        end

        """;

    private const string Epilogue = """

        os.exit(0)
        """;

    /// <summary>
    /// Starts Tarantool on a directory and runs Lua there; <c>out(a, b, ...)</c> prints a line of values with bars between
    /// them, null as nothing. Fails when Tarantool does not start or the script fails.
    /// </summary>
    /// <param name="kill">True: the process ends with SIGKILL after the script, so that its log has no EOF marker.</param>
    public static async Task<string[]> RunAsync(string directory, string lua, bool kill = false)
    {
        string script = directory + ".lua";
        Directory.CreateDirectory(directory);
        string end = kill ? "\nrequire('ffi').cdef[[int kill(int pid, int sig); int getpid(void);]]\nio.stdout:flush()\nrequire('ffi').C.kill(require('ffi').C.getpid(), 9)\n" : Epilogue;
        await File.WriteAllTextAsync(script, Prelude + lua + end);
        (int exitCode, string output, string errors) = await Peer.RunAsync(Peer.Require("timeout"), ["-s", "KILL", "120", Peer.Require("tarantool"), script, directory]);
        string log = File.Exists(directory + ".tarantool.log") ? string.Join('\n', File.ReadLines(directory + ".tarantool.log").TakeLast(15)) : "";
        Assert.True(exitCode == 0 || (kill && exitCode == 137), $"tarantool ended with {exitCode}: {errors}\n{log}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>A copy of a directory, as a person would make it.</summary>
    public static async Task CopyAsync(string from, string to)
    {
        (int exitCode, _, string errors) = await Peer.RunAsync(Peer.Require("cp"), ["-r", from, to]);
        Assert.True(exitCode == 0, errors);
    }

    /// <summary>Rows of a query in the form that <c>out</c> prints.</summary>
    public static async Task<string[]> RowsAsync(InstanceProcess instance, string sql)
    {
        await using Npgsql.NpgsqlConnection connection = await instance.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        await using Npgsql.NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(column => Text(reader.GetValue(column)))));
        }

        return [.. rows];
    }

    private static string Text(object value) => value switch
    {
        DBNull => "",
        bool flag => flag ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
