using System.Collections.Immutable;
using System.Security.Cryptography;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>What the identity file says about the directory in which it was found.</summary>
public enum IdentityVerdict
{
    /// <summary>There is none: a new directory, or one from before there were clusters, or one that <c>restore</c> laid down.</summary>
    Absent,

    /// <summary>This is the directory, and these are the files, of the process that wrote it.</summary>
    Own,

    /// <summary>The directory or the Raft files are others than those that it was written for: a copy, or a copy put back.</summary>
    Copied,

    /// <summary>It fails its checksum.</summary>
    Damaged,
}

/// <summary>
/// The file <c>identity</c> of an instance's directory: what a copy cannot keep, and what tells that Raft files are not the newest (C3 of
/// docs/internals/cluster.md). Whoever is not sure to be the one that voted gives up its Raft identity; its rows are another matter.
/// <code>
/// [1, cluster uuid, instance uuid, boots, term, index, raft id or nil, raft address, [[path, device, inode, birth] ...], [voter ...]] sha256
/// </code>
/// I1 Written whole under another name, synced, renamed, directory synced. The new file's own inode is in it: it is made before it is filled.
/// I2 Files are the same when inode and time of birth are; the number of the device, which a restart of the machine may change, counts
///    only where no time of birth is kept.
/// I3 <see cref="HighestTerm"/> and <see cref="HighestIndex"/> are noted behind the Raft files, never ahead of them: Raft files that are below them have
///    forgotten something.
/// A disk image that is put back below the file system looks like one's own; only peers, who remember terms and indices, can tell.
/// Used by one thread at a time, except for the properties.
/// </summary>
public sealed class InstanceIdentity
{
    public const string FileName = "identity";

    private const string WorkingName = "identity.inprogress";
    private const int Version = 1;

    private readonly IFileSystem files;
    private readonly string directory;
    private readonly Lock gate = new();
    private ImmutableArray<(string Path, FileIdentity Identity)> places = [];

    private InstanceIdentity(IFileSystem files, string directory)
    {
        this.files = files;
        this.directory = directory;
    }

    public IdentityVerdict Verdict { get; private set; }

    /// <summary>Why the verdict is what it is, for the log.</summary>
    public string Reason { get; private set; } = "";

    public Guid ClusterUuid { get; private set; }

    public Guid InstanceUuid { get; private set; }

    /// <summary>How often an instance was started on this directory; 0 before the first <see cref="Boot"/>.</summary>
    public long Boots { get; private set; }

    /// <summary>Highest Raft term that was on this instance's disk.</summary>
    public long HighestTerm { get; private set; }

    /// <summary>Highest index that was applied by this instance's voter when the file was written.</summary>
    public long HighestIndex { get; private set; }

    /// <summary>Identity of the Raft files in the directory; null when there are none that may be used.</summary>
    public RaftEndPoint? Raft { get; private set; }

    /// <summary>iproto addresses of the voters as last known: whom to ask at the next start.</summary>
    public ImmutableArray<string> Voters { get; private set; } = [];

    private string File => Path.Combine(directory, FileName);

    /// <summary>Reads the file and judges. Changes nothing.</summary>
    public static InstanceIdentity Load(IFileSystem files, string directory)
    {
        var identity = new InstanceIdentity(files, directory);
        if (!files.FileExists(identity.File))
        {
            identity.Reason = "there is no identity file";
            return identity;
        }
        try
        {
            identity.Read(RaftStateMachine.ReadAll(files, identity.File));
            identity.Judge();
        }
        catch (InvalidDataException damaged)
        {
            identity.Verdict = IdentityVerdict.Damaged;
            identity.Reason = damaged.Message;
            identity.Raft = null;
        }
        return identity;
    }

    /// <summary>
    /// Takes possession of the directory at the start of a process: counts the boot and writes the file anew. A Raft identity that is not one's own is
    /// given up here, durably, before anything else can use it. Returns the identity that was given up, or null.
    /// </summary>
    public RaftEndPoint? Boot(Guid cluster, Guid instance)
    {
        lock (gate)
        {
            RaftEndPoint? given = Verdict == IdentityVerdict.Own ? null : Raft;
            if (Verdict != IdentityVerdict.Own)
                (Raft, places) = (null, []);
            (ClusterUuid, InstanceUuid) = (cluster, instance);
            Boots++;
            Write();
            Verdict = IdentityVerdict.Own;
            return given;
        }
    }

    /// <summary>
    /// Notes the cluster that the directory belongs to from now on. A group that is founded again boots with an empty one and notes it when its Raft files are
    /// complete: a start that finds another cluster here than in the applied catalog founds again.
    /// </summary>
    public void Belong(Guid cluster)
    {
        lock (gate)
        {
            ClusterUuid = cluster;
            Write();
        }
    }

    /// <summary>From now on the directory holds Raft files of this identity, or none.</summary>
    public void SetRaft(RaftEndPoint? raft)
    {
        lock (gate)
        {
            Raft = raft;
            if (raft is null)
                places = [];
            (HighestTerm, HighestIndex) = (0, 0);
            Write();
        }
    }

    /// <summary>Notes which files and directories (paths inside the instance's directory) the Raft identity lives in; missing ones are left out.</summary>
    public void NotePlaces(IEnumerable<string> paths)
    {
        lock (gate)
        {
            places = [.. paths.Where(Exists).Select(path => (path, files.Identify(Path.Combine(directory, path))))];
            Write();
        }
    }

    /// <summary>Notes what is on the Raft files' disk by now. Writes only what is new.</summary>
    public void Note(long term, long index, ImmutableArray<string> voters)
    {
        lock (gate)
        {
            bool isNew = term > HighestTerm || index > HighestIndex || (!voters.IsEmpty && !voters.SequenceEqual(Voters));
            HighestTerm = Math.Max(term, HighestTerm);
            HighestIndex = Math.Max(index, HighestIndex);
            if (!voters.IsEmpty)
                Voters = voters;
            if (isNew)
                Write();
        }
    }

    /// <summary>Notes who votes; writes when that is new.</summary>
    public void NoteVoters(ImmutableArray<string> voters) => Note(0, 0, voters);

    private bool Exists(string path) => files.FileExists(Path.Combine(directory, path)) || files.DirectoryExists(Path.Combine(directory, path));

    private void Judge()
    {
        foreach ((string path, FileIdentity was) in places)
        {
            if (!Exists(path))
            {
                Verdict = IdentityVerdict.Copied;
                Reason = $"{path} is missing";
                return;
            }
            FileIdentity now = files.Identify(Path.Combine(directory, path));
            if (IsSame(was, now))
                continue;
            Verdict = IdentityVerdict.Copied;
            Reason = $"{(path.Length == 0 ? directory : path)} is not the one that this was written for (inode {was.Inode} then, {now.Inode} now)";
            return;
        }
        Verdict = IdentityVerdict.Own;
        Reason = "directory and files are the ones that it was written for";
    }

    private static bool IsSame(FileIdentity was, FileIdentity now) =>
        was.Inode == now.Inode && was.Birth == now.Birth && (was.Birth != 0 || was.Device == now.Device);

    private void Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < SHA256.HashSizeInBytes || !SHA256.HashData(bytes[..^SHA256.HashSizeInBytes]).AsSpan().SequenceEqual(bytes[^SHA256.HashSizeInBytes..]))
            throw new InvalidDataException($"the identity file of {bytes.Length} bytes fails its checksum");
        var reader = new MsgPackReader(bytes[..^SHA256.HashSizeInBytes]);
        if (reader.ReadArrayHead() != 10 || reader.ReadInt64() is var version && version != Version)
            throw new InvalidDataException("the identity file is of another version");
        ClusterUuid = CatalogCommand.ReadId(ref reader);
        InstanceUuid = CatalogCommand.ReadId(ref reader);
        (Boots, HighestTerm, HighestIndex) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        Guid? raft = reader.TryReadNil() ? null : CatalogCommand.ReadId(ref reader);
        string address = reader.ReadString();
        Raft = raft is { } id ? new RaftEndPoint(id, address) : null;
        var found = ImmutableArray.CreateBuilder<(string, FileIdentity)>();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
        {
            reader.ReadArrayHead();
            string path = reader.ReadString();
            found.Add((path, new FileIdentity(reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadInt64())));
        }
        places = found.ToImmutable();
        var voters = ImmutableArray.CreateBuilder<string>();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
            voters.Add(reader.ReadString());
        Voters = voters.ToImmutable();
    }

    private void Write()
    {
        string working = Path.Combine(directory, WorkingName);
        if (files.FileExists(working))
            files.Delete(working);
        using (IFile file = files.Create(working))
        {
            // the file exists before it is filled, so its inode, which the rename keeps, can be in it
            SetPlace(FileName, files.Identify(working));
            SetPlace("", files.Identify(directory));
            file.Write(0, Encode());
            file.Sync();
        }
        files.Rename(working, File);
        files.SyncDirectory(directory);
    }

    private void SetPlace(string path, FileIdentity identity) => places = [.. places.Where(place => place.Path != path), (path, identity)];

    private byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(10);
        writer.WriteInt64(Version);
        writer.WriteBinary(ClusterUuid.ToByteArray());
        writer.WriteBinary(InstanceUuid.ToByteArray());
        writer.WriteInt64(Boots);
        writer.WriteInt64(HighestTerm);
        writer.WriteInt64(HighestIndex);
        if (Raft is null)
            writer.WriteNil();
        else
            writer.WriteBinary(Raft.Id.ToByteArray());
        writer.WriteString(Raft?.Address ?? "");
        writer.WriteArrayHead(places.Length);
        foreach ((string path, FileIdentity identity) in places)
        {
            writer.WriteArrayHead(4);
            writer.WriteString(path);
            writer.WriteUInt64(identity.Device);
            writer.WriteUInt64(identity.Inode);
            writer.WriteInt64(identity.Birth);
        }
        writer.WriteArrayHead(Voters.Length);
        foreach (string voter in Voters)
            writer.WriteString(voter);
        writer.WriteRaw(SHA256.HashData(writer.WrittenSpan));
        return writer.ToArray();
    }
}
