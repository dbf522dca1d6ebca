namespace Picodata.Cluster;

/// <summary>
/// The leader's side of <c>.proc_raft_join</c>. Joins are decided one after the other; when the catalog changed underneath, the decision is made anew.
/// What was refused left nothing in the tables.
/// </summary>
public sealed class JoinDesk(ICatalog catalog, LeaderRoute route, Chance chance, TimeProvider time)
{
    public const string Procedure = ".proc_raft_join";

    /// <summary>Overall limit of one request, and the pause before a lost swap is tried again.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10), Pause = TimeSpan.FromMilliseconds(250);

    private readonly Turnstile turn = new();

    /// <summary>Grants or refuses (<see cref="Picodata.Core.PeerException"/>) an encoded <see cref="JoinRequest"/>; answers a <see cref="JoinAnswer"/>.</summary>
    public ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        JoinRequest request = JoinRequest.Decode(arguments.Span);
        return LeaderRoute.WithinAsync(time, Limit, cancel, async limited =>
        {
            if (route.AddressToAsk(request.Hops) is { } leader)
            {
                return await route.SendOnAsync(leader, Procedure, (request with { Hops = request.Hops + 1 }).Encode(), limited);
            }

            using IDisposable pass = await turn.EnterAsync(limited);
            return (await JoinAsync(request, limited)).Encode();
        });
    }

    private async ValueTask<JoinAnswer> JoinAsync(JoinRequest request, CancellationToken cancel)
    {
        ClusterModel model = ClusterModel.From(await catalog.ReadBarrierAsync(cancel));
        while (true)
        {
            JoinRules.Decision decision = JoinRules.Decide(model, request, chance.NextUuid());
            if (decision.Known)
            {
                return Answer(model, decision);
            }

            ProposalResult result = await catalog.ProposeAsync(decision.Proposal!.Build(chance.NextUuid()), cancel);
            model = ClusterModel.From(catalog.Image);
            if (result.IsApplied)
            {
                return Answer(model, decision);
            }

            await time.WaitAsync(Pause, cancel);
            model = ClusterModel.From(await catalog.ReadBarrierAsync(cancel));
        }
    }

    private static JoinAnswer Answer(ClusterModel model, JoinRules.Decision decision) =>
        new(model.ClusterName, model.ClusterUuid, decision.Instance, decision.IsMaster, model.Addresses);
}

/// <summary>Lets one in after the other, in the order in which they came.</summary>
internal sealed class Turnstile
{
    private readonly Lock gate = new();
    private readonly Queue<TaskCompletionSource> waiting = new();
    private bool isTaken;

    /// <summary>Completes when it is the caller's turn; disposing of the result lets the next one in.</summary>
    public async ValueTask<IDisposable> EnterAsync(CancellationToken cancel)
    {
        TaskCompletionSource? turn = null;
        lock (gate)
        {
            if (isTaken)
            {
                turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting.Enqueue(turn);
            }

            isTaken = true;
        }

        if (turn is not null)
        {
            await using CancellationTokenRegistration registration = cancel.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn);
            await turn.Task;
        }

        return new Pass(this);
    }

    private void Leave()
    {
        lock (gate)
        {
            while (waiting.TryDequeue(out TaskCompletionSource? next))
            {
                // whoever gave up waiting is passed over
                if (next.TrySetResult())
                {
                    return;
                }
            }

            isTaken = false;
        }
    }

    private sealed class Pass(Turnstile turnstile) : IDisposable
    {
        private Turnstile? turnstile = turnstile;

        /// <inheritdoc/>
        public void Dispose() => Interlocked.Exchange(ref turnstile, null)?.Leave();
    }
}
