using Picodata.Cluster;

namespace Picodata.Server;

/// <summary>
/// Where the catalog's images are kept while the database behind it may not be there: before a joiner has its copy, and while a copy is replaced. What comes
/// meanwhile is saved as soon as there is a database; the newest image is enough. Thread-safe.
/// </summary>
internal sealed class ImageKeeper : IAppliedImages
{
    private readonly SemaphoreSlim saving = new(1, 1);
    private IAppliedImages? inner;
    private CatalogImage newest = CatalogImage.Empty;

    public CatalogImage Load() => inner?.Load() ?? CatalogImage.Empty;

    public async ValueTask SaveAsync(CatalogImage image, CancellationToken cancel)
    {
        await saving.WaitAsync(cancel);
        try
        {
            newest = image;
            if (inner is { } open)
            {
                await open.SaveAsync(image, cancel);
            }
        }
        finally
        {
            saving.Release();
        }
    }

    /// <summary>A database is open: it gets the newest image when it has an older one.</summary>
    /// <param name="present">What the catalog has by now.</param>
    public async ValueTask AttachAsync(IAppliedImages open, CatalogImage present, CancellationToken cancel)
    {
        await saving.WaitAsync(cancel);
        try
        {
            newest = present.Index > newest.Index ? present : newest;
            if (newest.Index > open.Load().Index)
            {
                await open.SaveAsync(newest, cancel);
            }

            inner = open;
        }
        finally
        {
            saving.Release();
        }
    }

    /// <summary>The database is about to be closed; completes when nothing is being saved in it any more.</summary>
    public async ValueTask DetachAsync()
    {
        await saving.WaitAsync();
        inner = null;
        saving.Release();
    }
}
