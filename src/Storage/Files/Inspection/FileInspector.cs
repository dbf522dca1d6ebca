using Picodata.Core;

namespace Picodata.Storage.Files.Inspection;

/// <summary>
/// Prints and verifies a file, or verifies a directory: every file by itself, then the chain: newest snapshot and
/// the logs behind it, their clocks, UUIDs and joins. Needs no server and changes nothing.
/// </summary>
public sealed class FileInspector
{
    /// <summary>All is in order; there may be remarks.</summary>
    public const int Fine = 0;

    /// <summary>There is damage.</summary>
    public const int Damaged = 1;

    /// <summary>The path cannot be read, or is neither a snapshot nor a log nor a directory.</summary>
    public const int Unreadable = 2;

    private readonly IFileSystem files;
    private readonly InspectOptions options;
    private readonly InspectionWriter writer;
    private readonly SpaceNames names = new();

    private FileInspector(IFileSystem files, InspectOptions options, TextWriter output)
    {
        this.files = files;
        this.options = options;
        writer = new InspectionWriter(output, options.Json);
    }

    /// <returns><see cref="Fine"/>, <see cref="Damaged"/> or <see cref="Unreadable"/>: the exit code.</returns>
    public static int Inspect(IFileSystem files, string path, InspectOptions options, TextWriter output)
    {
        var inspector = new FileInspector(files, options, output);
        try
        {
            return files.DirectoryExists(path) ? inspector.InspectDirectory(path) : inspector.InspectSingle(path);
        }
        catch (IOException failure)
        {
            inspector.writer.Verdict(path, $"cannot be read: {failure.Message}", isDamaged: true);
            return Unreadable;
        }
    }

    private int InspectSingle(string path)
    {
        if (!LogFileName.TryParse(Path.GetFileName(path), out LogFileKind kind, out _, out _))
        {
            writer.Verdict(path, "is neither a .snap nor a .xlog (20 digits and the extension)", isDamaged: true);
            return Unreadable;
        }

        if (kind == LogFileKind.Xlog)
        {
            LearnNames(Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".");
        }

        FileSummary? summary = InspectFile(path);
        bool isDamaged = summary is null || summary.IsDamaged;
        writer.Verdict(path, isDamaged ? "see the damage above" : "every byte was read and is as it should be", isDamaged);
        return isDamaged ? Damaged : Fine;
    }

    private int InspectDirectory(string path)
    {
        var snapshots = new List<FileSummary>();
        var logs = new List<FileSummary>();
        bool isDamaged = false;
        int count = 0;
        foreach (FileEntry entry in files.List(path).Where(entry => !entry.IsDirectory))
        {
            if (!LogFileName.TryParse(entry.Name, out LogFileKind kind, out _, out _))
            {
                continue;
            }

            count++;
            FileSummary? summary = InspectFile(Path.Combine(path, entry.Name));
            isDamaged |= summary is null || summary.IsDamaged;
            if (summary is not null)
            {
                (kind == LogFileKind.Snap ? snapshots : logs).Add(summary);
            }
        }

        if (count == 0)
        {
            writer.Verdict(path, "holds neither snapshots nor logs", isDamaged: true);
            return Unreadable;
        }

        var chain = new ChainCheck(path, snapshots, logs);
        foreach ((string file, LogProblem problem, string hint) in chain.Check())
        {
            writer.Problem(file, problem, hint);
            isDamaged |= problem.IsError;
        }

        writer.Verdict(path, isDamaged ? "see the damage above" : $"{count} files; a start would reach {chain.Reached}", isDamaged);
        return isDamaged ? Damaged : Fine;
    }

    /// <summary>Null when not even the header can be read.</summary>
    private FileSummary? InspectFile(string path)
    {
        LogFileReader reader;
        try
        {
            var reading = new LogReadOptions { Damage = DamagePolicy.Skip, Parallelism = 1, AcceptTornTail = true };
            reader = LogFileReader.Open(files, path, reading);
        }
        catch (CorruptionException damage)
        {
            writer.Unopened(path, new LogProblem(damage.Kind, damage.Offset, damage.Expected, damage.Found, true), damage.Hint);
            return null;
        }

        using (reader)
        {
            return InspectRows(reader);
        }
    }

    private FileSummary InspectRows(LogFileReader reader)
    {
        writer.File(reader.Path, reader.Header, reader.HeaderLength, reader.Length);
        var summary = new FileSummary(reader.Path, reader.Header);
        int told = 0;
        while (reader.TryReadBlock(out LogBlock block))
        {
            summary.Blocks++;
            summary.CompressedBlocks += block.IsCompressed ? 1 : 0;
            foreach (ref readonly LogRow row in block.Rows)
            {
                names.Learn(block, row);
                summary.Count(row);
                if (options.ShowRows && names.IsAmong(options.Spaces, row.Body.SpaceId))
                {
                    writer.Row(block, row, names);
                }
            }

            told = Tell(reader, told);
        }

        Tell(reader, told);
        summary.End = reader.End;
        summary.Reached = reader.Reached;
        summary.IsDamaged = reader.IsDamaged;
        writer.Summary(reader.Path, summary, names);
        return summary;
    }

    private int Tell(LogFileReader reader, int told)
    {
        for (; told < reader.Problems.Count; told++)
        {
            writer.Problem(reader.Path, reader.Problems[told], reader.Problems[told].Hint(reader.Kind));
        }

        return told;
    }

    /// <summary>A log tells numbers of spaces only: their names are in the newest readable snapshot beside it.</summary>
    private void LearnNames(string directory)
    {
        foreach (FileEntry entry in files.List(directory).Reverse())
        {
            if (LogFileName.TryParse(entry.Name, out LogFileKind kind, out _, out _) && kind == LogFileKind.Snap)
            {
                try
                {
                    using LogFileReader snapshot = LogFileReader.Open(files, Path.Combine(directory, entry.Name), new LogReadOptions { Damage = DamagePolicy.Stop });
                    names.LearnFrom(snapshot);
                    return;
                }
                catch (CorruptionException)
                {
                    // names are a convenience; damage of another file is not what was asked for
                    continue;
                }
            }
        }
    }
}
