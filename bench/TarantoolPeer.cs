using System.Diagnostics;
using System.Globalization;

namespace Picodata.Bench;

/// <summary>Stock Tarantool 2.6 from Debian, driven by Lua scripts that print figures.</summary>
internal sealed class TarantoolPeer(string root)
{
    private readonly string directory = Path.Combine(root, "tarantool");

    public static bool IsInstalled => File.Exists("/usr/bin/tarantool");

    /// <summary>Figures by name, one <c>name value</c> a line of what the script prints.</summary>
    public Dictionary<string, double> Run(string script)
    {
        Directory.CreateDirectory(directory);
        string file = Path.Combine(root, "bench.lua");
        File.WriteAllText(
            file,
            $"""
            local started = require('clock').monotonic()
            box.cfg{"{"}work_dir='{directory}', memtx_memory=12*1024*1024*1024, wal_mode='fsync', log='{root}/tarantool.log', checkpoint_interval=0, checkpoint_count=1{"}"}
            local clock = require('clock')
            print('start', clock.monotonic() - started)
            {script}
            io.stdout:flush()
            os.exit(0)
            """);
        var figures = new Dictionary<string, double>();
        foreach (string line in Shell.Run("tarantool", file).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
            figures[words[0]] = double.Parse(words[1], CultureInfo.InvariantCulture);
        }

        return figures;
    }
}
