using Microsoft.Extensions.Logging;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>
/// An instance's side of joining, activation and stopping: whom to ask, and how long to wait between tries (sections 3.2 and 3.9).
///
/// Join: any member forwards to the leader; a try is limited to 10 s, pauses grow from 1 s to 60 s; a refusal is final. Activation: pauses from 250 ms to
/// 5 s, until the given token ends it; refused only for good reasons (expelled, labels missing), which are final. Stop: best effort.
/// </summary>
public sealed class MembershipClient(IPeerNetwork network, TimeProvider time, Chance chance, ILogger log)
{
    /// <summary>Asks the given addresses in turn until one of them has had the join granted. <see cref="PeerException"/> (refused): for good.</summary>
    public async ValueTask<JoinAnswer> JoinAsync(JoinRequest request, Func<IReadOnlyList<string>> addresses, CancellationToken cancel) =>
        JoinAnswer.Decode((await AskAsync(JoinDesk.Procedure, request.Encode(), addresses, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), cancel)).Span);

    /// <summary>Asks for a new target state. <see cref="PeerException"/> (refused): for good.</summary>
    public async ValueTask<InstanceUpdateAnswer> UpdateAsync(InstanceUpdate update, Func<IReadOnlyList<string>> addresses, CancellationToken cancel) =>
        InstanceUpdateAnswer.Decode((await AskAsync(ActivationDesk.Procedure, update.Encode(), addresses, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5), cancel)).Span);

    private async ValueTask<ReadOnlyMemory<byte>> AskAsync(
        string procedure, byte[] arguments, Func<IReadOnlyList<string>> addresses, TimeSpan firstPause, TimeSpan longestPause, CancellationToken cancel)
    {
        TimeSpan pause = firstPause;
        for (int attempt = 0; ; attempt++)
        {
            IReadOnlyList<string> known = addresses();
            string? address = known.Count == 0 ? null : known[attempt % known.Count];
            try
            {
                if (address is not null)
                {
                    using TimeLimit limit = time.Limit(JoinDesk.Limit, cancel);
                    return await network.CallAsync(address, procedure, arguments, limit.Token);
                }
            }
            catch (PeerException problem) when (!IsFinal(problem))
            {
                log.LogDebug("{Procedure} at {Address}: {Problem}", procedure, address, problem.Message);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                log.LogWarning("{Procedure}: request timed out after {Seconds} s at {Address}", procedure, JoinDesk.Limit.TotalSeconds, address);
            }

            // the first round goes through all addresses without a pause; then the pauses grow
            if (known.Count == 0 || (attempt + 1) % known.Count == 0)
            {
                await time.WaitAsync(pause * (0.5 + (0.5 * chance.NextShare())), cancel);
                pause = pause * 2 < longestPause ? pause * 2 : longestPause;
            }
        }
    }

    /// <summary>A refusal with a code says no, except where there was nobody to say it: no leader, or one that just went. Without a code something broke.</summary>
    private static bool IsFinal(PeerException problem) =>
        problem.Failure == PeerFailure.Refused && problem.Code is not (0 or PeerErrors.NotALeader or PeerErrors.LeaderUnknown or PeerErrors.TermMismatch or PeerErrors.Uninitialized);
}

/// <summary>
/// Brings an instance back that lives but was found Offline (section 3.6, <c>auto-online</c>): it asks for Online with pauses from 300 ms to 10 minutes. Not while
/// it is stopping.
/// </summary>
public sealed class OnlineSentinel(ICatalog catalog, MembershipClient client, TimeProvider time, Func<InstanceUpdate> update, Func<bool> isStopping)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(300), LongestPause = TimeSpan.FromMinutes(10);

    /// <summary>Runs until it is cancelled. <paramref name="activated"/> is called with each answer: the process acts under its incarnation from then on.</summary>
    public async Task RunAsync(Action<InstanceUpdateAnswer> activated, CancellationToken cancel)
    {
        TimeSpan pause = FirstPause;
        long index = -1;
        while (!cancel.IsCancellationRequested)
        {
            CatalogImage image = await catalog.WaitBeyondAsync(index, cancel);
            index = image.Index;
            InstanceUpdate wish = update();
            if (isStopping() || !ClusterModel.From(image).Instances.TryGetValue(wish.Name, out InstanceRow? row) || row.Uuid != wish.Uuid)
            {
                continue;
            }

            if (row.TargetState.Variant != StateVariant.Offline || row.TargetState.Incarnation != wish.Incarnation || wish.Incarnation == 0)
            {
                pause = FirstPause;
                continue;
            }

            await time.WaitAsync(pause, cancel);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            activated(await client.UpdateAsync(wish with { Target = StateVariant.Online, Reason = "auto-online" }, () => catalog.LeaderAddress is { } leader ? [leader] : [], cancel));
        }
    }
}
