using Picodata.Cluster;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>What a learner is told (D1, D2), and the messages.</summary>
public sealed class CatalogFeedTests
{
    private readonly CatalogFeed feed = new();
    private readonly CatalogMachine machine = new();
    private readonly List<CatalogImage> images = [CatalogImage.Empty];

    private FeedItem Next(int bytes = 10)
    {
        var proposal = new CatalogProposal(Guid.NewGuid(), [], [new CatalogChange("t", $"k{images.Count % 7}", images.Count % 5 == 0 ? null : (ReadOnlyMemory<byte>?)new byte[bytes])]);
        CatalogEffect effect = machine.Apply(machine.Image.Index + 2, 1, proposal).Effect;
        feed.Publish(effect, machine.Image);
        images.Add(machine.Image);
        return new FeedItem(effect, machine.Image.Hash);
    }

    private static CatalogImage Follow(CatalogImage from, FeedStart start)
    {
        CatalogImage image = start.Image ?? from;
        foreach (FeedItem item in start.Backlog)
        {
            image = item.Effect.ApplyTo(image);
            Assert.Equal(item.Hash, image.Hash);
        }
        while (start.Live.Reader.TryRead(out FeedItem? item))
            image = item.Effect.ApplyTo(image);
        return image;
    }

    [Fact]
    public void Whoever_subscribes_at_whatever_index_ends_with_the_same_image()
    {
        for (int i = 0; i < 30; i++)
            Next();
        List<(CatalogImage From, FeedStart Start)> all = [.. images.Select(image => (image, feed.Subscribe(image.Index, image.Hash)!))];
        Assert.All(all, each => Assert.Null(each.Start.Image));
        for (int i = 0; i < 10; i++)
            Next();
        Assert.All(all, each => Assert.Equal(machine.Image.Hash, Follow(each.From, each.Start).Hash));
    }

    [Fact]
    public void Another_hash_or_an_index_that_never_was_gets_an_image_and_a_later_index_nothing()
    {
        for (int i = 0; i < 5; i++)
            Next();
        Assert.Same(machine.Image, feed.Subscribe(4, images[2].Hash + 1)!.Image);
        Assert.Same(machine.Image, feed.Subscribe(3, images[2].Hash)!.Image);
        Assert.Null(feed.Subscribe(11, machine.Image.Hash));
    }

    [Fact]
    public void Memory_is_bounded_and_who_is_behind_it_gets_an_image()
    {
        for (int i = 0; i < 60; i++)
            Next(bytes: 200_000);
        Assert.NotNull(feed.Subscribe(2, images[1].Hash)!.Image);
        Assert.Null(feed.HashAt(2));
        FeedStart near = feed.Subscribe(images[^3].Index, images[^3].Hash)!;
        Assert.Null(near.Image);
        Assert.Equal(2, near.Backlog.Count);
    }

    [Fact]
    public void A_slow_subscriber_is_cut_off_and_the_others_are_not()
    {
        FeedStart slow = feed.Subscribe(0, 0)!, quick = feed.Subscribe(0, 0)!;
        CatalogImage followed = CatalogImage.Empty;
        for (int i = 0; i < 5000; i++)
        {
            Next();
            followed = Follow(followed, quick with { Backlog = [] });
        }
        Assert.Equal(machine.Image.Hash, followed.Hash);
        while (slow.Live.Reader.TryRead(out _))
        {
        }
        Assert.True(slow.Live.Reader.Completion.IsCompleted);
        Assert.False(quick.Live.Reader.Completion.IsCompleted);
    }

    [Fact]
    public async Task Messages_arrive_as_they_were_sent_and_an_end_in_the_middle_is_an_error()
    {
        FeedItem item = Next();
        var view = new GroupView(7, "a:1", ["a:1", "b:1"]);
        var writer = new MsgPackWriter();
        FeedMessages.Write(writer, view);
        FeedMessages.Write(writer, view with { Leader = null });
        FeedMessages.Write(writer, item);
        FeedMessages.Write(writer, machine.Image);
        byte[] bytes = writer.ToArray();
        using var stream = new MemoryStream(bytes);
        Assert.Equal(view, await FeedMessages.ReadAsync(stream, default));
        Assert.Null(((GroupView)(await FeedMessages.ReadAsync(stream, default))!).Leader);
        Assert.Equal(item.Hash, ((FeedItem)(await FeedMessages.ReadAsync(stream, default))!).Effect.ApplyTo(CatalogImage.Empty).Hash);
        Assert.Equal(machine.Image.Hash, ((CatalogImage)(await FeedMessages.ReadAsync(stream, default))!).Hash);
        Assert.Null(await FeedMessages.ReadAsync(stream, default));
        using var cut = new MemoryStream(bytes[..^3]);
        for (int i = 0; i < 3; i++)
            await FeedMessages.ReadAsync(cut, default);
        await Assert.ThrowsAsync<EndOfStreamException>(async () => await FeedMessages.ReadAsync(cut, default));
        using var huge = new MemoryStream([0x7f, 0xff, 0xff, 0xff, 0x90]);
        await Assert.ThrowsAsync<InvalidDataException>(async () => await FeedMessages.ReadAsync(huge, default));
    }
}
