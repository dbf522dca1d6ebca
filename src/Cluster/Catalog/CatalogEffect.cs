using System.Collections.Immutable;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// What one committed command did: the step from one image to the next. <see cref="Changes"/> is empty when an expectation did not hold or the command
/// was a repetition; the index moves all the same. Learners and the applied catalog are fed with these: unlike commands they need no memory of
/// ids to be applied.
/// </summary>
/// <param name="Index">Raft index of the command. Indices have holes: the library's own entries are not commands.</param>
/// <param name="Term">Raft term of the command.</param>
/// <param name="Changes">Rows put and deleted, in order.</param>
public sealed record CatalogEffect(long Index, long Term, ImmutableArray<CatalogChange> Changes)
{
    /// <summary>
    /// The next image. Pure: equal images and effects give equal images, hash included. Throws <see cref="InvalidDataException"/> when the effect
    /// is not behind the image.
    /// </summary>
    public CatalogImage ApplyTo(CatalogImage image)
    {
        if (Index <= image.Index)
            throw new InvalidDataException($"command {Index} cannot follow command {image.Index}");
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, CatalogRow>> tables = image.Rows;
        foreach (CatalogChange change in Changes)
        {
            ImmutableSortedDictionary<string, CatalogRow> rows = tables.GetValueOrDefault(change.Table, NoRows);
            rows = change.Tuple is { } tuple
                ? rows.SetItem(change.Key, new CatalogRow(change.Table, change.Key, tuple, Index))
                : rows.Remove(change.Key);
            // a table without rows is no table: an image that was restored equals one that was built step by step
            tables = rows.IsEmpty ? tables.Remove(change.Table) : tables.SetItem(change.Table, rows);
        }
        return new CatalogImage(Index, Term, Chain(image.Hash), tables);
    }

    internal static readonly ImmutableSortedDictionary<string, CatalogRow> NoRows = ImmutableSortedDictionary.Create<string, CatalogRow>(StringComparer.Ordinal);

    /// <summary>First eight bytes of SHA-256 over (hash before, index, term, changes).</summary>
    private ulong Chain(ulong before)
    {
        var writer = new MsgPackWriter();
        writer.WriteUInt64(before);
        writer.WriteInt64(Index);
        writer.WriteInt64(Term);
        CatalogCommand.WriteChanges(writer, Changes);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(writer.WrittenSpan, digest);
        return BinaryPrimitives.ReadUInt64LittleEndian(digest);
    }
}
