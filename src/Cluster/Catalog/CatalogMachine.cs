using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// The catalog's state machine: committed commands in, images out. No clock, no chance, no disk, no Raft. Written by one thread (the log's
/// applier); images may be read by any.
///
/// M1 Equal sequences of (index, term, command) give equal images, hashes and results, also across a snapshot taken anywhere in between.
/// M2 A command changes all of its rows or none; it is decided against the image before it.
/// M3 A command whose id is among the last <see cref="RememberedIds"/> changes nothing and gets the first one's result.
/// M4 A command that is no command stops the machine (<see cref="InvalidDataException"/>): to skip it would be to diverge from whoever understands it.
/// </summary>
public sealed class CatalogMachine
{
    /// <summary>
    /// How many ids are remembered. A proposer repeats for some seconds at most; behind the window its expectations, which the first
    /// application made stale, still refuse a repetition.
    /// </summary>
    public const int RememberedIds = 2048;

    private readonly Queue<Guid> order = new();
    private readonly Dictionary<Guid, ProposalResult> results = [];

    /// <summary>The image after the last command.</summary>
    public CatalogImage Image { get; private set; } = CatalogImage.Empty;

    /// <summary>Ids and their results, oldest first.</summary>
    internal IEnumerable<(Guid Id, ProposalResult Result)> Remembered => order.Select(id => (id, results[id]));

    /// <summary>Applies one committed command.</summary>
    /// <returns>The result of its id, and what it did.</returns>
    public (ProposalResult Result, CatalogEffect Effect) Apply(long index, long term, CatalogProposal command)
    {
        bool isRepeated = results.TryGetValue(command.Id, out ProposalResult? result);
        result ??= new ProposalResult(Holds(command.Expected), index);
        var effect = new CatalogEffect(index, term, isRepeated || !result.IsApplied ? [] : command.Changes);
        Image = effect.ApplyTo(Image);
        if (!isRepeated)
            Remember(command.Id, result);
        return (result, effect);
    }

    /// <summary>Replaces the state by one that a snapshot held.</summary>
    internal void Restore(CatalogImage image, IEnumerable<(Guid Id, ProposalResult Result)> remembered)
    {
        Image = image;
        order.Clear();
        results.Clear();
        foreach ((Guid id, ProposalResult result) in remembered)
            Remember(id, result);
    }

    private bool Holds(ImmutableArray<CatalogExpectation> expected)
    {
        foreach (CatalogExpectation expectation in expected)
        {
            if ((Image.Find(expectation.Table, expectation.Key)?.Version ?? 0) != expectation.Version)
                return false;
        }
        return true;
    }

    private void Remember(Guid id, ProposalResult result)
    {
        order.Enqueue(id);
        results[id] = result;
        if (order.Count > RememberedIds)
            results.Remove(order.Dequeue());
    }
}
