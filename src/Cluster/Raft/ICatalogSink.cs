using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>Receives what a voter applied, in order. Called by the log's applier; must be quick. An exception stops the voter's log.</summary>
internal interface ICatalogSink
{
    /// <summary>One command. After a restart of the voter in place, commands that were received before come again.</summary>
    void Applied(CatalogEffect effect, CatalogImage image);

    /// <summary>A whole image: a snapshot of one's own at the start, or one that the leader sent.</summary>
    void Restored(CatalogImage image);

    /// <summary>A set of voters was written to disk.</summary>
    void VotersChanged(ImmutableArray<RaftEndPoint> voters);
}
