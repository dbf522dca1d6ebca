using System.Globalization;
using System.Text;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Replication;

/// <summary>
/// The highest term that this instance has promised not to go below (R3), kept in <c>replication.term</c> of its directory: one line, the term and its CRC-32C.
///
/// Q1 <see cref="Raise"/> returns when the new term is durable, under a name that always holds a whole file.
/// Q2 A file that cannot be read stops the start: forgetting a promise could acknowledge what an election has given up.
/// A directory without the file has promised nothing. Thread-safe.
/// </summary>
public sealed class PromiseFile
{
    private const string Name = "replication.term";

    private readonly Lock sync = new();
    private readonly IFileSystem files;
    private readonly string directory;
    private long term;

    private PromiseFile(IFileSystem files, string directory, long term)
    {
        this.files = files;
        this.directory = directory;
        this.term = term;
    }

    /// <summary>The promised term; 0 for none.</summary>
    public long Term => Volatile.Read(ref term);

    /// <summary>Reads the promise of a directory. Throws <see cref="CorruptionException"/>.</summary>
    public static PromiseFile Open(IFileSystem files, string directory)
    {
        string path = Path.Combine(directory, Name);
        if (!files.FileExists(path))
            return new PromiseFile(files, directory, 0);
        using IFile file = files.OpenRead(path);
        byte[] bytes = new byte[Math.Min(file.Length, 100)];
        string text = Encoding.ASCII.GetString(bytes, 0, file.Read(0, bytes));
        string[] words = text.TrimEnd('\n').Split(' ');
        if (words.Length != 2 || !long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long found) || text != Line(found))
            throw new CorruptionException(DamageKinds.ApplyError, path, 0, "a term and its checksum", $"'{text}'", "move the file away only when no election can be under way, then start again");
        return new PromiseFile(files, directory, found);
    }

    /// <summary>Promises a term, durably; lower or equal ones change nothing.</summary>
    public void Raise(long toTerm)
    {
        lock (sync)
        {
            if (toTerm <= term)
                return;
            string path = Path.Combine(directory, Name), temporary = path + ".new";
            if (files.FileExists(temporary))
                files.Delete(temporary);
            using (IFile file = files.Create(temporary))
            {
                file.Write(0, Encoding.ASCII.GetBytes(Line(toTerm)));
                file.Sync();
            }
            files.Rename(temporary, path);
            files.SyncDirectory(directory);
            Volatile.Write(ref term, toTerm);
        }
    }

    private static string Line(long term)
    {
        string number = term.ToString(CultureInfo.InvariantCulture);
        return $"{number} {Crc32C.Compute(Encoding.ASCII.GetBytes(number)):x8}\n";
    }
}
