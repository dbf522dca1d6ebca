using System.Threading.Channels;

namespace Picodata.Cluster;

/// <summary>
/// What an instance remembers of the commands it applied, and those who follow it.
///
/// D1 A subscription begins with effects that continue what the subscriber has (proved by index and hash), or with an image; then come all effects,
///    without a gap.
/// D2 Memory is bounded: <see cref="RememberedBytes"/> of recent effects, and so many waiting for one subscriber. A subscriber that is slower is cut
///    off, and begins anew.
/// Thread-safe.
/// </summary>
internal sealed class CatalogFeed
{
    public const int RememberedBytes = 4 << 20;

    private const int RememberedCount = 4096;
    private const int WaitingMax = 4096;

    private readonly Lock gate = new();
    private readonly Queue<FeedItem> recent = new();
    private readonly List<Channel<FeedItem>> subscribers = [];
    private CatalogImage newest = CatalogImage.Empty;
    private (long Index, ulong Hash) floor;
    private long bytes;

    /// <summary>Continues with one more effect.</summary>
    public void Publish(CatalogEffect effect, CatalogImage image)
    {
        var item = new FeedItem(effect, image.Hash);
        lock (gate)
        {
            newest = image;
            recent.Enqueue(item);
            bytes += item.Bytes;
            while (recent.Count > RememberedCount || bytes > RememberedBytes)
            {
                FeedItem oldest = recent.Dequeue();
                bytes -= oldest.Bytes;
                floor = (oldest.Effect.Index, oldest.Hash);
            }
            subscribers.RemoveAll(subscriber => !subscriber.Writer.TryWrite(item) && subscriber.Writer.TryComplete());
        }
    }

    /// <summary>Begins anew with an image: what led to it is not known here.</summary>
    public void Reset(CatalogImage image)
    {
        lock (gate)
        {
            newest = image;
            recent.Clear();
            bytes = 0;
            floor = (image.Index, image.Hash);
            foreach (Channel<FeedItem> subscriber in subscribers)
                subscriber.Writer.TryComplete();
            subscribers.Clear();
        }
    }

    /// <summary>Hash behind the command with this index, or null when it is not remembered.</summary>
    public ulong? HashAt(long index)
    {
        lock (gate)
        {
            if (index == newest.Index)
                return newest.Hash;
            if (index == floor.Index)
                return floor.Hash;
            foreach (FeedItem item in recent)
            {
                if (item.Effect.Index == index)
                    return item.Hash;
            }
            return null;
        }
    }

    /// <summary>A subscription from what the subscriber has; null when it has more than is known here.</summary>
    public FeedStart? Subscribe(long index, ulong hash)
    {
        lock (gate)
        {
            if (index > newest.Index)
                return null;
            Channel<FeedItem> live = Channel.CreateBounded<FeedItem>(new BoundedChannelOptions(WaitingMax) { SingleReader = true });
            subscribers.Add(live);
            return HashAt(index) == hash
                ? new FeedStart(null, [.. recent.Where(item => item.Effect.Index > index)], live)
                : new FeedStart(newest, [], live);
        }
    }

    /// <summary>Ends a subscription.</summary>
    public void Unsubscribe(FeedStart subscription)
    {
        lock (gate)
            subscribers.Remove(subscription.Live);
    }
}

/// <summary>One effect and the hash behind it.</summary>
internal sealed record FeedItem(CatalogEffect Effect, ulong Hash)
{
    /// <summary>About what it takes in memory.</summary>
    public long Bytes { get; } = 64 + Effect.Changes.Sum(change => 64L + change.Table.Length + change.Key.Length + (change.Tuple?.Length ?? 0));
}

/// <summary>Where a subscription begins: an image or effects, then the live ones.</summary>
internal sealed record FeedStart(CatalogImage? Image, IReadOnlyList<FeedItem> Backlog, Channel<FeedItem> Live);
