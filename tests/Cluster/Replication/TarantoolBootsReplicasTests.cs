using System.Diagnostics;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>Promise P5 for replicas: stock Tarantool boots from the directory of any member, also of one that has led in another's component.</summary>
public sealed class TarantoolBootsReplicasTests
{
    private const string Script = """
        box.cfg{work_dir = arg[1], log = arg[1] .. '.log'}
        local words = {}
        for _, row in box.space.t3000:pairs() do table.insert(words, row[1] .. '=' .. row[2]) end
        print(table.concat(words, ' '))
        print(box.info.uuid, box.info.lsn > 0 or box.info.signature > 0)
        os.exit(0)
        """;

    [Fact]
    public async Task Tarantool_boots_from_the_directory_of_each_member()
    {
        string? tarantool = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(path => Path.Combine(path, "tarantool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(tarantool is null, "tarantool is not installed");
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 10);
        await a.Database.CheckpointAsync(CancellationToken.None);
        await a.PutAcknowledgedAsync(2, 20);
        await a.CloseAsync();
        await set.FailOverAsync();
        await b.PutAcknowledgedAsync(3, 30);
        await a.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        await b.PutAcknowledgedAsync(4, 40);
        await TestReplicaset.Until(() => a.Database.SyncedLogLsn == b.Database.SyncedLogLsn, "equal logs");
        foreach (TestMember member in new[] { a, b })
        {
            await member.CrashAsync(Survival.Everything);
            string[] lines = await BootAsync(tarantool!, member.Disk);
            Assert.Equal("1=10 2=20 3=30 4=40", lines[0]);
            Assert.StartsWith(member.Uuid.ToString("D"), lines[1], StringComparison.Ordinal);
        }
    }

    private static async Task<string[]> BootAsync(string tarantool, ModelledDisk disk)
    {
        string root = Directory.CreateTempSubdirectory("picodata-replica-").FullName;
        try
        {
            string work = Path.Combine(root, "data"), script = Path.Combine(root, "boot.lua");
            Directory.CreateDirectory(work);
            foreach (Core.FileEntry entry in disk.List("/data"))
                await File.WriteAllBytesAsync(Path.Combine(work, entry.Name), disk.Fetch("/data/" + entry.Name));
            await File.WriteAllTextAsync(script, Script);
            using Process process = Process.Start(new ProcessStartInfo(tarantool, [script, work]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
            await process.WaitForExitAsync();
            string log = File.Exists(work + ".log") ? await File.ReadAllTextAsync(work + ".log") : "";
            Assert.True(process.ExitCode == 0, $"{await errors}\n{log}");
            return output.Split('\n');
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
