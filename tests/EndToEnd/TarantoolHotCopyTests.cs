using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// The same hot copies against stock Tarantool, for the number to print beside ours: how many copies start and hold what was
/// acknowledged, how many are refused, and how many start silently short.
/// </summary>
public sealed class TarantoolHotCopyTests : IDisposable
{
    private const int Copies = 100;

    private const string Writer = """
        box.cfg{wal_mode = 'fsync', checkpoint_count = 1, log = 'tarantool.log', wal_max_size = 65536, memtx_memory = 256 * 1024 * 1024}
        local fiber = require('fiber')
        box.schema.space.create('entries'):create_index('pk')
        box.space.entries:create_index('v', {parts = {{2, 'unsigned'}}, unique = false})
        box.schema.space.create('total'):create_index('pk')
        box.space.total:insert{0, 0, 0}
        fiber.create(function() while true do box.snapshot() fiber.sleep(0.15) end end)
        for n = 1, 1000000000 do
            local value = n * 7919 % 1000
            box.begin()
            box.space.entries:insert{n, value}
            box.space.total:update(0, {{'+', 2, 1}, {'+', 3, value}})
            box.commit()
            io.stdout:write(n, '\n')
            io.stdout:flush()
        end
        """;

    private const string Check = """
        box.cfg{log = 'check.log', memtx_memory = 256 * 1024 * 1024}
        local total, count, sum = box.space.total:get(0), 0, 0
        for _, row in box.space.entries:pairs() do count = count + 1 sum = sum + row[2] end
        print(total[2], total[3], count, sum)
        os.exit(0)
        """;

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    [Trait("speed", "long")]
    public async Task The_number_that_stock_tarantool_gets()
    {
        string program = Peer.Require("tarantool");
        string source = directory.Sub("source");
        Directory.CreateDirectory(source);
        await File.WriteAllTextAsync(directory.Sub("writer.lua"), Writer);
        await File.WriteAllTextAsync(directory.Sub("check.lua"), Check);
        using Process writer = Process.Start(new ProcessStartInfo(program, [directory.Sub("writer.lua")]) { WorkingDirectory = source, RedirectStandardOutput = true })!;
        try
        {
            long acknowledged = 0;
            writer.OutputDataReceived += (_, line) => Volatile.Write(ref acknowledged, long.TryParse(line.Data, out long n) ? n : acknowledged);
            writer.BeginOutputReadLine();
            while (Volatile.Read(ref acknowledged) == 0)
            {
                Assert.False(writer.HasExited);
                await Task.Delay(20);
            }
            int good = 0, refused = 0, silentlyShort = 0;
            var chance = new Random(1);
            for (int copy = 0; copy < Copies; copy++)
            {
                string target = directory.Sub($"copy{copy}");
                long before = Volatile.Read(ref acknowledged);
                await HotCopier.CopyAsync(source, target, copy, chance, TimeSpan.FromSeconds(0.015 * Math.Pow(200, chance.NextDouble())));
                switch (await StateAsync(program, target))
                {
                    case null:
                        refused++;
                        break;
                    case var (n, s, count, sum) when n == count && s == sum && n >= before:
                        good++;
                        break;
                    default:
                        silentlyShort++;
                        break;
                }
                Directory.Delete(target, recursive: true);
            }
            TestContext.Current.SendDiagnosticMessage($"stock Tarantool: of {Copies} hot copies {good} start and hold everything, {refused} are refused, {silentlyShort} start with less");
            Assert.Equal(Copies, good + refused + silentlyShort);
        }
        finally
        {
            writer.Kill();
            await writer.WaitForExitAsync();
        }
    }

    /// <summary>What a Tarantool sees that boots from the copy; null when it refuses.</summary>
    private async Task<(long N, long S, long Count, long Sum)?> StateAsync(string program, string target)
    {
        var start = new ProcessStartInfo(program, [directory.Sub("check.lua")]) { WorkingDirectory = target, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process check = Process.Start(start)!;
        Task<string> errors = check.StandardError.ReadToEndAsync();
        string[] numbers = (await check.StandardOutput.ReadToEndAsync()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        await errors;
        await check.WaitForExitAsync();
        if (check.ExitCode != 0 || numbers.Length != 4)
            return null;
        long[] values = [.. numbers.Select(number => long.Parse(number.Replace("LL", "", StringComparison.Ordinal).Replace("ULL", "", StringComparison.Ordinal), CultureInfo.InvariantCulture))];
        return (values[0], values[1], values[2], values[3]);
    }
}
