using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// The catalog in the instance's own database, written through its own log, so that every copy of the directory holds it. The instance begins with it:
/// the Raft files are not needed to know the cluster, and a learner's are not there at all.
///
/// <c>_raft_state</c> (replica-local) holds the truth:
/// <code>
/// "applied"            -> [1, index, term, hash]
/// "row/TABLE/KEY"      -> [version, tuple (bin)]      versions are what compare-and-swap compares
/// </code>
/// The system tables of the catalog's names hold the same tuples for SQL.
///
/// A1 One image is one transaction: what is found at a start is an image that was, with its index.
/// A2 A row that a system table does not take (another version's columns) is left out there, said once, and kept in <c>_raft_state</c>.
/// A3 <c>_pico_property</c> may hold other rows too: there, only rows that the catalog once held are deleted.
/// Used by one caller at a time.
/// </summary>
public sealed class AppliedCatalog(Database database, ILogger log) : IAppliedImages
{
    private const string StateSpace = "_raft_state", SharedTable = "_pico_property", TablePrefix = "_pico_", AppliedKey = "applied", RowPrefix = "row/";
    private const int Version = 1;

    private readonly HashSet<string> refused = new(StringComparer.Ordinal);
    private readonly MsgPackWriter writer = new();
    private CatalogImage saved = CatalogImage.Empty;
    private bool isProjected;

    public CatalogImage Load()
    {
        SpaceDef state = State();
        CatalogImage? head = null;
        var rows = new List<CatalogRow>();
        using Transaction transaction = database.BeginTransaction(IsolationLevel.RepeatableRead, readOnly: true);
        transaction.BeginStatement();
        using (IndexCursor cursor = transaction.OpenCursor(state.Id, 0, KeyRange.All, descending: false))
        {
            while (cursor.MoveNext())
                ReadState(cursor.Current, rows, ref head);
        }
        if (head is null)
            return CatalogImage.Empty;
        var tables = ImmutableSortedDictionary.CreateBuilder<string, ImmutableSortedDictionary<string, CatalogRow>>(StringComparer.Ordinal);
        foreach (IGrouping<string, CatalogRow> table in rows.GroupBy(row => row.Table, StringComparer.Ordinal))
            tables.Add(table.Key, table.ToImmutableSortedDictionary(row => row.Key, row => row, StringComparer.Ordinal));
        return saved = head with { Rows = tables.ToImmutable() };
    }

    public async ValueTask SaveAsync(CatalogImage image, CancellationToken cancel)
    {
        if (isProjected && image.Index == saved.Index && image.Hash == saved.Hash)
            return;
        while (true)
        {
            Task? blocked = null;
            long lsn = 0;
            using (Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
            {
                transaction.BeginStatement();
                blocked = Write(transaction, image);
                if (blocked is null)
                {
                    transaction.EndStatement();
                    lsn = transaction.Commit();
                }
                else
                {
                    transaction.RollbackStatement();
                }
            }
            if (blocked is null)
            {
                await database.WaitSyncedAsync(lsn, cancel).ConfigureAwait(false);
                (saved, isProjected) = (image, true);
                return;
            }
            await blocked.WaitAsync(cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Writes what differs; a task to wait for when somebody holds a lock.</summary>
    private Task? Write(Transaction transaction, CatalogImage image)
    {
        SpaceDef state = State();
        foreach (CatalogRow gone in Rows(saved).Where(row => image.Find(row.Table, row.Key) is null))
        {
            Task? blocked = Delete(transaction, state, StateKey(RowPrefix + gone.Table + "/" + gone.Key)) ?? Unproject(transaction, gone.Table, gone.Tuple);
            if (blocked is not null)
                return blocked;
        }
        if (!isProjected && ClearProjection(transaction, image) is { } inUse)
            return inUse;
        foreach (CatalogRow row in Rows(image))
        {
            CatalogRow? before = saved.Find(row.Table, row.Key);
            bool isNew = before?.Version != row.Version;
            if (isNew && Put(transaction, state, StateRow(row)) is { } blocked)
                return blocked;
            if ((isNew || !isProjected) && Project(transaction, row, before) is { } held)
                return held;
        }
        return Put(transaction, state, AppliedRow(image));
    }

    private static IEnumerable<CatalogRow> Rows(CatalogImage image) => image.Rows.Values.SelectMany(rows => rows.Values);

    private SpaceDef State() => database.Schema.Space(StateSpace)
        ?? throw new InvalidOperationException($"the space {StateSpace} is missing: the system tables are made before the catalog is started");

    /// <summary>The system table of that name, when it is one in which rows that belong to the instance alone may be written.</summary>
    private SpaceDef? Projection(string table) => database.Schema.Space(table) is { IsLocal: true, IsView: false, Primary: not null } space ? space : null;

    private Task? Project(Transaction transaction, CatalogRow row, CatalogRow? before)
    {
        if (Projection(row.Table) is not { } space)
            return null;
        int start = transaction.Savepoint();
        try
        {
            // the text key is made of the primary key, so the old tuple has the same one
            Task? blocked = Put(transaction, space, row.Tuple.ToArray());
            refused.Remove(row.Table + "/" + row.Key);
            return blocked;
        }
        catch (Exception unfit) when (unfit is DbException or InvalidDataException)
        {
            transaction.RollbackTo(start);
            if (refused.Add(row.Table + "/" + row.Key))
                log.LogWarning("the row {Key} of {Table} is in the catalog (version {Version}, before {Before}) but not in the system table: {Reason}", row.Key, row.Table, row.Version, before?.Version, unfit.Message);
            return null;
        }
    }

    private Task? Unproject(Transaction transaction, string table, ReadOnlyMemory<byte> tuple) =>
        Projection(table) is { } space ? Delete(transaction, space, KeyOf(space, tuple.Span)) : null;

    /// <summary>Takes away what an earlier life, or a release without clusters, left in the tables that are wholly the catalog's.</summary>
    private Task? ClearProjection(Transaction transaction, CatalogImage image)
    {
        IEnumerable<SpaceDef> tables = database.Schema.Spaces.Where(space => space is { IsLocal: true, IsView: false, Primary: not null }
            && space.Name.StartsWith(TablePrefix, StringComparison.Ordinal) && space.Name != SharedTable);
        foreach (SpaceDef space in tables)
        {
            var wanted = image.Table(space.Name).Select(row => Convert.ToHexString(KeyOf(space, row.Tuple.Span))).ToHashSet(StringComparer.Ordinal);
            var surplus = new List<byte[]>();
            using (IndexCursor cursor = transaction.OpenCursor(space.Id, 0, KeyRange.All, descending: false))
            {
                while (cursor.MoveNext())
                {
                    byte[] key = KeyOf(space, cursor.Current);
                    if (!wanted.Contains(Convert.ToHexString(key)))
                        surplus.Add(key);
                }
            }
            foreach (byte[] key in surplus)
            {
                if (Delete(transaction, space, key) is { } blocked)
                    return blocked;
            }
        }
        return null;
    }

    private static Task? Put(Transaction transaction, SpaceDef space, byte[] tuple)
    {
        byte[] key = KeyOf(space, tuple);
        WriteResult written = transaction.TryGet(space.Id, 0, key, out _) ? transaction.Update(space.Id, key, tuple) : transaction.Insert(space.Id, tuple);
        return written.Outcome switch
        {
            WriteOutcome.Done => null,
            WriteOutcome.Duplicate => throw new InvalidDataException($"another row has its key of {written.Index?.Name}"),
            _ => written.Wait ?? throw new InvalidDataException($"{space.Name}: {written.Outcome}"),
        };
    }

    private static Task? Delete(Transaction transaction, SpaceDef space, byte[] key)
    {
        if (!transaction.TryGet(space.Id, 0, key, out _))
            return null;
        WriteResult written = transaction.Delete(space.Id, key);
        // gone: this same image has deleted it already (reads are as of the statement's beginning)
        return written.Outcome is WriteOutcome.Done or WriteOutcome.Gone ? null : written.Wait ?? throw new InvalidDataException($"{space.Name}: {written.Outcome}");
    }

    /// <summary>The primary key of a tuple as a MessagePack array.</summary>
    private static byte[] KeyOf(SpaceDef space, ReadOnlySpan<byte> tuple)
    {
        IReadOnlyList<KeyPart> parts = space.Primary!.Parts;
        var key = new MsgPackWriter();
        key.WriteArrayHead(parts.Count);
        foreach (KeyPart part in parts)
        {
            var reader = new MsgPackReader(tuple);
            if (reader.ReadArrayHead() <= part.Field)
                throw new InvalidDataException($"a tuple of {space.Name} has no field {part.Field}");
            for (int i = 0; i < part.Field; i++)
                reader.Skip();
            key.WriteRaw(reader.ReadRaw());
        }
        return key.ToArray();
    }

    private byte[] StateKey(string key)
    {
        writer.Clear();
        writer.WriteArrayHead(1);
        writer.WriteString(key);
        return writer.ToArray();
    }

    private byte[] StateRow(CatalogRow row)
    {
        writer.Clear();
        writer.WriteArrayHead(2);
        writer.WriteString(RowPrefix + row.Table + "/" + row.Key);
        writer.WriteArrayHead(2);
        writer.WriteInt64(row.Version);
        writer.WriteBinary(row.Tuple.Span);
        return writer.ToArray();
    }

    private byte[] AppliedRow(CatalogImage image)
    {
        writer.Clear();
        writer.WriteArrayHead(2);
        writer.WriteString(AppliedKey);
        writer.WriteArrayHead(4);
        writer.WriteInt64(Version);
        writer.WriteInt64(image.Index);
        writer.WriteInt64(image.Term);
        writer.WriteUInt64(image.Hash);
        return writer.ToArray();
    }

    private static void ReadState(ReadOnlySpan<byte> tuple, List<CatalogRow> rows, ref CatalogImage? head)
    {
        var reader = new MsgPackReader(tuple);
        reader.ReadArrayHead();
        string key = Encoding.UTF8.GetString(reader.ReadStringBytes());
        if (key == AppliedKey)
        {
            reader.ReadArrayHead();
            if (reader.ReadInt64() is var version && version != Version)
                throw new InvalidDataException($"the applied catalog in {StateSpace} is of version {version}: this program knows {Version}");
            long index = reader.ReadInt64(), term = reader.ReadInt64();
            head = CatalogImage.Empty with { Index = index, Term = term, Hash = reader.ReadUInt64() };
        }
        else if (key.StartsWith(RowPrefix, StringComparison.Ordinal) && key.IndexOf('/', RowPrefix.Length) is > 0 and var slash)
        {
            reader.ReadArrayHead();
            long version = reader.ReadInt64();
            rows.Add(new CatalogRow(key[RowPrefix.Length..slash], key[(slash + 1)..], reader.ReadBinary().ToArray(), version));
        }
    }
}
