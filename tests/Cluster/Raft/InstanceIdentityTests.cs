using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness.Disk;
using Xunit;
using Survival = Picodata.Harness.Disk.Survival;

namespace Picodata.ClusterUnit.Raft;

/// <summary>The identity file (I1-I3), on a modelled disk.</summary>
public sealed class InstanceIdentityTests
{
    private static readonly Guid Cluster = Guid.NewGuid(), Instance = Guid.NewGuid();
    private static readonly RaftEndPoint Raft = new(Guid.NewGuid(), "host:3301");

    private static ModelledDisk Booted(out InstanceIdentity identity)
    {
        var disk = new ModelledDisk(1);
        disk.CreateDirectory("/i/raft/wal");
        disk.Place("/i/raft/wal/state", [1]);
        identity = InstanceIdentity.Load(disk, "/i");
        Assert.Equal(IdentityVerdict.Absent, identity.Verdict);
        identity.Boot(Cluster, Instance);
        identity.SetRaft(Raft);
        identity.NotePlaces(["raft", "raft/wal/state", "raft/no-such-file"]);
        return disk;
    }

    [Fact]
    public void All_that_was_written_is_read_and_boots_are_counted()
    {
        ModelledDisk disk = Booted(out InstanceIdentity first);
        first.Note(7, 90, ["a:1", "b:1"]);
        InstanceIdentity second = InstanceIdentity.Load(disk.AfterPowerLoss(Survival.Nothing, 3), "/i");
        Assert.Equal(IdentityVerdict.Own, second.Verdict);
        Assert.Equal((Cluster, Instance, 1L, 7L, 90L), (second.ClusterUuid, second.InstanceUuid, second.Boots, second.HighestTerm, second.HighestIndex));
        Assert.Equal(Raft, second.Raft);
        Assert.Equal(Raft.Address, second.Raft!.Address);
        Assert.Equal(["a:1", "b:1"], second.Voters);
        Assert.Null(second.Boot(Cluster, Instance));
        Assert.Equal(2, second.Boots);
        Assert.Equal(Raft, second.Raft);
    }

    [Fact]
    public void Terms_and_indices_never_go_back_until_there_are_other_Raft_files()
    {
        Booted(out InstanceIdentity identity);
        identity.Note(7, 90, []);
        identity.Note(5, 80, []);
        Assert.Equal((7, 90), (identity.HighestTerm, identity.HighestIndex));
        identity.SetRaft(new RaftEndPoint(Guid.NewGuid(), "host:3301"));
        Assert.Equal((0, 0), (identity.HighestTerm, identity.HighestIndex));
    }

    [Theory]
    [InlineData("/i/identity")]
    [InlineData("/i/raft/wal/state")]
    public void A_file_that_was_copied_back_gives_the_Raft_identity_up(string path)
    {
        ModelledDisk disk = Booted(out _);
        disk.Place(path, disk.Fetch(path));
        InstanceIdentity found = InstanceIdentity.Load(disk, "/i");
        Assert.Equal(IdentityVerdict.Copied, found.Verdict);
        Assert.Equal(Raft, found.Boot(Cluster, Instance));
        Assert.Null(found.Raft);
        Assert.Null(InstanceIdentity.Load(disk.AfterPowerLoss(Survival.Nothing, 3), "/i").Raft);
    }

    [Fact]
    public void A_copy_in_another_directory_is_a_copy_and_the_original_is_not()
    {
        ModelledDisk disk = Booted(out _);
        disk.CreateDirectory("/j/raft/wal");
        foreach (string file in new[] { "identity", "raft/wal/state" })
            disk.Place("/j/" + file, disk.Fetch("/i/" + file));
        Assert.Equal(IdentityVerdict.Copied, InstanceIdentity.Load(disk, "/j").Verdict);
        Assert.Equal(IdentityVerdict.Own, InstanceIdentity.Load(disk, "/i").Verdict);
    }

    [Fact]
    public void A_missing_Raft_file_is_noticed()
    {
        ModelledDisk disk = Booted(out _);
        disk.Delete("/i/raft/wal/state");
        InstanceIdentity found = InstanceIdentity.Load(disk, "/i");
        Assert.Equal(IdentityVerdict.Copied, found.Verdict);
        Assert.Contains("missing", found.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_damage_and_gives_the_Raft_identity_up()
    {
        ModelledDisk disk = Booted(out _);
        byte[] whole = disk.Fetch("/i/identity");
        IEnumerable<byte[]> damaged = Enumerable.Range(0, whole.Length).Select(length => whole[..length])
            .Concat(Enumerable.Range(0, whole.Length * 8).Select(bit =>
            {
                byte[] flipped = (byte[])whole.Clone();
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                return flipped;
            }));
        foreach (byte[] bytes in damaged)
        {
            disk.Place("/i/identity", bytes);
            InstanceIdentity found = InstanceIdentity.Load(disk, "/i");
            Assert.Equal(IdentityVerdict.Damaged, found.Verdict);
            Assert.Null(found.Raft);
        }
    }

    [Fact]
    public void The_power_going_at_any_operation_leaves_the_old_file_or_the_new_one()
    {
        for (int at = 1; ; at++)
        {
            ModelledDisk disk = Booted(out InstanceIdentity identity);
            disk.PowerLossAt = disk.Operations + at;
            bool isDone = true;
            try
            {
                identity.Note(9, 100, ["c:1"]);
            }
            catch (PowerLossException)
            {
                isDone = false;
            }
            for (int mode = 0; mode < 4; mode++)
            {
                InstanceIdentity found = InstanceIdentity.Load(disk.AfterPowerLoss((Survival)mode, at), "/i");
                Assert.Equal(IdentityVerdict.Own, found.Verdict);
                Assert.True(found.HighestTerm == 9 || (!isDone && found.HighestTerm == 0));
            }
            if (isDone)
                return;
        }
    }

    [Fact]
    public void The_real_disk_tells_files_apart_and_a_renamed_file_stays_itself()
    {
        string directory = Path.Combine(Path.GetTempPath(), "picodata-identity-" + Guid.NewGuid().ToString("N"));
        var files = new Server.RealFileSystem();
        try
        {
            files.CreateDirectory(directory);
            string one = Path.Combine(directory, "one"), other = Path.Combine(directory, "other");
            files.Create(one).Dispose();
            FileIdentity was = files.Identify(one);
            File.Copy(one, other);
            Assert.NotEqual(was, files.Identify(other));
            files.Rename(one, other);
            Assert.Equal(was, files.Identify(other));
            Assert.NotEqual(was, files.Identify(directory));
            Assert.NotEqual(0ul, was.Inode);
            Assert.Throws<FileNotFoundException>(() => files.Identify(one));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
