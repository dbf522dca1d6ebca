using Picodata.Core;

namespace Picodata.Harness.Disk;

/// <summary>
/// A disk in memory that keeps the contract of <see cref="IFileSystem"/> and not a bit more: what was not synced may be
/// lost, reordered or torn by sector, names are lost unless their directory was synced, syncs fail or lie, space
/// ends, and the power goes at any operation. All chance comes from one seed. Thread-safe. Directories themselves are durable at once.
/// </summary>
public sealed class ModelledDisk : IFileSystem
{
    private readonly Dictionary<string, Inode> names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Inode> durableNames = new(StringComparer.Ordinal);
    private readonly List<NameChange> unsyncedNames = [];
    private readonly HashSet<string> directories = new(StringComparer.Ordinal) { "/" };
    private readonly HashSet<string> locked = new(StringComparer.Ordinal);
    private ulong lineage = Inode.NextNumber();

    public ModelledDisk(int seed = 0, TimeProvider? time = null)
    {
        Chance = new Random(seed);
        Time = time ?? TimeProvider.System;
    }

    /// <summary>Bytes that all files together may hold.</summary>
    public long Capacity { get; set; } = long.MaxValue / 2;

    /// <summary>Operations so far that changed or promised something.</summary>
    public int Operations { get; private set; }

    /// <summary>The power goes during the operation with this number; 0: never.</summary>
    public int PowerLossAt { get; set; }

    /// <summary>Asked before every operation; called under the disk's lock.</summary>
    public Func<DiskOperation, DiskFault>? Faults { get; set; }

    public bool IsDark { get; private set; }

    internal Lock Gate { get; } = new();

    internal Random Chance { get; }

    internal TimeProvider Time { get; }

    /// <summary>The disk as it is found when the power is back: a new one, without locks and faults.</summary>
    public ModelledDisk AfterPowerLoss(Survival mode, int seed)
    {
        lock (Gate)
        {
            var chance = new Random(seed);
            var found = new ModelledDisk(seed, Time) { Capacity = Capacity };
            var survivors = new Dictionary<string, Inode>(durableNames, StringComparer.Ordinal);
            int until = mode == Survival.Prefix ? chance.Next(unsyncedNames.Count + 1) : unsyncedNames.Count;
            for (int i = 0; i < unsyncedNames.Count; i++)
            {
                bool survives = mode switch
                {
                    Survival.Nothing => false,
                    Survival.Everything => true,
                    Survival.Prefix => i < until,
                    _ => chance.Next(2) == 0,
                };
                if (survives)
                    unsyncedNames[i].Apply(survivors);
            }
            foreach (string directory in directories)
                found.directories.Add(directory);
            foreach ((string path, Inode inode) in survivors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                found.Place(path, inode.Survivor(mode, chance), inode.Modified, inode.Number);
            found.lineage = lineage;
            IsDark = true;
            return found;
        }
    }

    /// <summary>The disk as another process sees it right now: all that was written, synced or not.</summary>
    public ModelledDisk AfterKill(int seed = 0)
    {
        lock (Gate)
        {
            var found = new ModelledDisk(seed, Time) { Capacity = Capacity };
            foreach (string directory in directories)
                found.directories.Add(directory);
            foreach ((string path, Inode inode) in names)
                found.Place(path, inode.Content.ToArray(), inode.Modified, inode.Number);
            found.lineage = lineage;
            return found;
        }
    }

    /// <summary>Puts a whole file, durable at once, without counting as an operation.</summary>
    public void Place(string path, byte[] bytes, DateTimeOffset? modified = null) => Place(path, bytes, modified, null);

    private void Place(string path, byte[] bytes, DateTimeOffset? modified, ulong? number)
    {
        lock (Gate)
        {
            var inode = Inode.Settled(bytes, modified ?? Time.GetUtcNow());
            inode.Number = number ?? inode.Number;
            names[path] = inode;
            durableNames[path] = inode;
        }
    }

    /// <summary>All bytes of a file.</summary>
    public byte[] Fetch(string path) => Guarded(() => Find(path).Content.ToArray());

    public IFile OpenRead(string path) => Guarded(() => new ModelledFile(this, path, Find(path), writable: false));

    public IFile OpenReadWrite(string path) => Guarded(() => new ModelledFile(this, path, Find(path), writable: true));

    public IFile Create(string path)
    {
        lock (Gate)
        {
            ThrowIfDark();
            if (names.ContainsKey(path))
                throw new IOException($"open {path}: file exists");
            RequireDirectory(Parent(path));
            DiskFault fault = Begin(DiskOperationKind.Create, path, 0);
            if (fault is DiskFault.None && RoomInside() <= 0)
                fault = DiskFault.Full;
            var inode = new Inode { Modified = Time.GetUtcNow() };
            if (fault is DiskFault.None or DiskFault.PowerLoss)
                Change(new NameChange(path, inode, null));
            End(fault, path);
            return new ModelledFile(this, path, inode, writable: true);
        }
    }

    public bool FileExists(string path) => Guarded(() => names.ContainsKey(path));

    public bool DirectoryExists(string path) => Guarded(() => directories.Contains(path));

    public void CreateDirectory(string path) => Guarded(() =>
    {
        for (string? directory = path; !string.IsNullOrEmpty(directory); directory = Path.GetDirectoryName(directory))
            directories.Add(directory);
        return 0;
    });

    public void Rename(string from, string to)
    {
        lock (Gate)
        {
            ThrowIfDark();
            Inode inode = Find(from);
            DiskFault fault = Begin(DiskOperationKind.Rename, to, 0);
            if (fault is DiskFault.None or DiskFault.PowerLoss)
                Change(new NameChange(to, inode, from));
            End(fault, to);
        }
    }

    public void Delete(string path)
    {
        lock (Gate)
        {
            ThrowIfDark();
            _ = Find(path);
            DiskFault fault = Begin(DiskOperationKind.Delete, path, 0);
            if (fault is DiskFault.None or DiskFault.PowerLoss)
                Change(new NameChange(null, null, path));
            End(fault, path);
        }
    }

    public void SyncDirectory(string path)
    {
        lock (Gate)
        {
            ThrowIfDark();
            RequireDirectory(path);
            DiskFault fault = Begin(DiskOperationKind.SyncDirectory, path, 0);
            if (fault == DiskFault.None)
            {
                foreach (NameChange change in unsyncedNames.Where(change => change.IsIn(path)))
                    change.Apply(durableNames);
                unsyncedNames.RemoveAll(change => change.IsIn(path));
            }
            End(fault, path);
        }
    }

    public IReadOnlyList<FileEntry> List(string path) => Guarded<IReadOnlyList<FileEntry>>(() =>
    {
        RequireDirectory(path);
        var entries = names.Where(pair => Parent(pair.Key) == path)
            .Select(pair => new FileEntry(Path.GetFileName(pair.Key), pair.Value.Length, false, pair.Value.Modified)).ToList();
        entries.AddRange(directories.Where(directory => directory != path && Parent(directory) == path)
            .Select(directory => new FileEntry(Path.GetFileName(directory), 0, true, default)));
        entries.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return entries;
    });

    public IDisposable LockDirectory(string path)
    {
        lock (Gate)
        {
            ThrowIfDark();
            RequireDirectory(path);
            return locked.Add(path) ? new Held(this, path) : throw new DirectoryLockedException(path);
        }
    }

    public long AvailableBytes(string path) => Guarded(() => Math.Max(0, RoomInside()));

    public long TotalBytes(string path) => Capacity;

    /// <remarks>Files keep their numbers through a loss of power; what is placed is another file, as a copying tool would make it.</remarks>
    public FileIdentity Identify(string path) => Guarded(() =>
    {
        if (!directories.Contains(path))
            return new FileIdentity(1, Find(path).Number, 0);
        ulong number = lineage;
        foreach (char letter in path)
            number = (number ^ letter) * 0x100000001b3;
        return new FileIdentity(1, number, 0);
    });

    internal T Guarded<T>(Func<T> action)
    {
        lock (Gate)
        {
            ThrowIfDark();
            return action();
        }
    }

    internal void ThrowIfDark()
    {
        if (IsDark)
            throw new PowerLossException();
    }

    internal long RoomInside() => Capacity - names.Values.Sum(inode => (long)inode.Length);

    internal DiskFault Begin(DiskOperationKind kind, string path, long length)
    {
        ThrowIfDark();
        Operations++;
        if (Operations == PowerLossAt)
            return DiskFault.PowerLoss;
        return Faults?.Invoke(new DiskOperation(Operations, kind, path, length)) ?? DiskFault.None;
    }

    internal void End(DiskFault fault, string path)
    {
        switch (fault)
        {
            case DiskFault.IoError:
                throw new IOException($"{path}: input/output error");
            case DiskFault.Full:
                throw new DiskFullException($"{path}: no space left on device");
            case DiskFault.PowerLoss:
                IsDark = true;
                throw new PowerLossException();
            default:
                break;
        }
    }

    private static string Parent(string path) => Path.GetDirectoryName(path) ?? "/";

    private void Change(NameChange change)
    {
        change.Apply(names);
        unsyncedNames.Add(change);
    }

    private Inode Find(string path) => names.TryGetValue(path, out Inode? inode) ? inode : throw new FileNotFoundException($"{path}: no such file", path);

    private void RequireDirectory(string path)
    {
        if (!directories.Contains(path))
            throw new DirectoryNotFoundException($"{path}: no such directory");
    }

    /// <summary>A file gets the name <paramref name="Added"/> and loses <paramref name="Removed"/>, in one step.</summary>
    private sealed record NameChange(string? Added, Inode? Inode, string? Removed)
    {
        public bool IsIn(string directory) => Parent((Added ?? Removed)!) == directory;

        public void Apply(Dictionary<string, Inode> target)
        {
            if (Removed is not null)
                target.Remove(Removed);
            if (Added is not null)
                target[Added] = Inode!;
        }
    }

    private sealed class Held(ModelledDisk disk, string path) : IDisposable
    {
        public void Dispose()
        {
            lock (disk.Gate)
                disk.locked.Remove(path);
        }
    }
}
