using System.Buffers.Binary;
using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Replication;

/// <summary>
/// Sends all shared rows to a member that has none or must drop its own, while writers go on. The image costs nothing to take; the member is registered
/// in <c>_cluster</c> before, so that the copy is one of its own files; the end is told only when all that is in the image is durable here.
/// </summary>
internal static class CopySender
{
    private const int FrameBytes = 256 << 10;

    public static async Task RunAsync(Database database, PrimaryReign primary, Opening asked, Stream stream, TimeProvider time, CancellationToken cancel)
    {
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, primary.Ended);
        try
        {
            database.RegisterInstance(asked.Instance, uuid => primary.Reign.Members.Any(member => member.Uuid == uuid));
        }
        catch (DbException refused)
        {
            throw new PeerException(PeerFailure.Refused, $"{asked.Name} cannot be registered: {refused.Message}", cause: refused);
        }
        using DatabaseImage image = database.OpenImage();
        using var frames = new FrameStream(stream);
        await frames.WriteAsync(FrameKind.Image, [image.Lsn], System.Text.Encoding.ASCII.GetBytes(image.Clock.ToString()), all.Token).ConfigureAwait(false);
        long count = 0;
        var rows = new MsgPackWriter(FrameBytes + 65536);
        while (Fill(image, rows, ref count))
        {
            await frames.WriteRowsAsync(FrameKind.ImageRows, [], rows.WrittenMemory, asked.MayPack, all.Token).ConfigureAwait(false);
            rows.Clear();
        }
        await database.WaitSyncedAsync(image.Number, all.Token).ConfigureAwait(false);
        await frames.WriteAsync(FrameKind.ImageEnd, [count], all.Token).ConfigureAwait(false);
        await frames.WaitForEndAsync(time, all.Token).ConfigureAwait(false);
    }

    private static bool Fill(DatabaseImage image, MsgPackWriter rows, ref long count)
    {
        while (rows.Length < FrameBytes && image.MoveNext())
        {
            ReadOnlySpan<byte> tuple = image.Tuple;
            BinaryPrimitives.WriteUInt32LittleEndian(rows.GetSpan(4), image.SpaceId);
            rows.Advance(4);
            BinaryPrimitives.WriteInt32LittleEndian(rows.GetSpan(4), tuple.Length);
            rows.Advance(4);
            rows.WriteRaw(tuple);
            count++;
        }
        return rows.Length > 0;
    }
}
