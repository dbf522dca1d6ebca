using System.Buffers;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>A proposal of this process on its way through the log. Completed by the entry that carries its id, by nothing else.</summary>
internal sealed class PendingProposal(Guid id)
{
    public Guid Id { get; } = id;

    /// <summary>Null until the command was applied here.</summary>
    public ProposalResult? Result { get; set; }
}

/// <summary>
/// Binds <see cref="CatalogMachine"/> to the library's log: applies, writes snapshots, restores.
///
/// S1 Entries of membership go to the storage of membership: the log begins to replay in its constructor, before the library hands it over, and they would
///    come here as commands.
/// S2 A context belongs to a command when the ids are equal: the library keeps contexts by index, also when another leader's entry took the index.
/// S3 A snapshot that is not whole is never restored: an interrupted transfer leaves a short file under its final name.
/// An exception out of here stops the log for good; the voter is then restarted in place.
/// </summary>
internal sealed class RaftStateMachine(string directory, IFileSystem files, IClusterConfigurationStorage membership, CatalogMachine machine, ICatalogSink sink, SnapshotRule rule)
    : SimpleStateMachine(new DirectoryInfo(directory))
{
    private const string QuarantineSuffix = ".bad";

    private int commands;
    private long bytes;

    protected override async ValueTask<bool> ApplyAsync(LogEntry entry, CancellationToken token)
    {
        if (entry.IsConfiguration)
        {
            await membership.SaveConfigurationAsync(entry, entry.Index, token).ConfigureAwait(false);
            return false;
        }
        if (!entry.TryGetPayload(out ReadOnlySequence<byte> payload) || payload.IsEmpty)
            return false; // an entry of membership that the log has stored by itself

        byte[] command = payload.ToArray(); // the memory is the log's
        CatalogProposal proposal = CatalogCommand.Decode(command);
        (ProposalResult result, CatalogEffect effect) = machine.Apply(entry.Index, entry.Term, proposal);
        if (entry.Context is PendingProposal pending && pending.Id == proposal.Id)
            pending.Result = result;
        sink.Applied(effect, machine.Image);
        return IsSnapshotDue(command.Length);
    }

    protected override ValueTask PersistAsync(IAsyncBinaryWriter writer, CancellationToken token) => writer.Invoke(CatalogSnapshot.Encode(machine), token);

    protected override ValueTask RestoreAsync(FileInfo snapshotFile, CancellationToken token)
    {
        CatalogSnapshot.Restore(machine, ReadAll(files, snapshotFile.FullName));
        sink.Restored(machine.Image);
        return ValueTask.CompletedTask;
    }

    /// <summary>To be called before anything reads the directory (S3): sets damaged snapshots aside and returns their names.</summary>
    public static IReadOnlyList<string> Quarantine(string directory, IFileSystem files)
    {
        var bad = new List<string>();
        foreach (FileEntry file in files.DirectoryExists(directory) ? files.List(directory) : [])
        {
            string path = Path.Combine(directory, file.Name);
            if (file.Name.EndsWith(QuarantineSuffix, StringComparison.Ordinal))
                continue;
            if (!file.Name.Contains('-'))
            {
                files.Delete(path); // a snapshot that was being written
            }
            else if (!CatalogSnapshot.IsWhole(ReadAll(files, path)))
            {
                // the library takes every name with a hyphen for a snapshot
                files.Rename(path, Path.Combine(directory, file.Name.Replace('-', '_') + QuarantineSuffix));
                bad.Add(file.Name);
            }
        }
        return bad;
    }

    internal static byte[] ReadAll(IFileSystem files, string path)
    {
        using IFile file = files.OpenRead(path);
        byte[] content = new byte[file.Length];
        int read = file.Read(0, content);
        return read == content.Length ? content : content[..read];
    }

    private bool IsSnapshotDue(int length)
    {
        bytes += length;
        if (++commands < rule.Commands && bytes < rule.Bytes)
            return false;
        (commands, bytes) = (0, 0);
        return true;
    }
}

/// <summary>
/// When a snapshot is taken: after so many commands or so many bytes of them, whichever is first. The log behind it is held in memory and is what a
/// voter may have to be sent in one request.
/// </summary>
public sealed record SnapshotRule(int Commands = 1000, long Bytes = 4 << 20);
