using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Picodata.Cluster;

/// <summary>What the governor works with.</summary>
public sealed record GovernorTools(
    ICatalog Catalog,
    ICatalogVoters Voters,
    HeartbeatDesk Desk,
    LeaseLedger Ledger,
    IMemberCalls Members,
    ClusterTimings Timings,
    TimeProvider Time,
    Chance Chance,
    ILogger Log)
{
    /// <summary>Ends the own leadership so that another voter takes it; null when that cannot be done.</summary>
    public Func<CancellationToken, ValueTask>? Resign { get; init; }
}

/// <summary>
/// The governor: while this instance leads the catalog, does what <see cref="Governor.NextSteps"/> says. Steps of different subjects run at the same
/// time, so that a replicaset whose members do not answer holds nobody else up; a step that failed is tried again after a pause.
///
/// A leadership begins with a barrier and a row of its own, <c>_pico_property[governor]</c> = Raft term: all proposals of this governor expect it, so what an
/// earlier governor proposes late fails (E4 of <see cref="LeaseLedger"/>); leases are granted only behind it.
/// </summary>
public sealed class GovernorLoop(string self, GovernorTools tools)
{
    /// <summary>Key of the property that names the governing term.</summary>
    public const string GovernorKey = "governor";

    private readonly Dictionary<string, Task> running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> pausedUntil = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> complained = new(StringComparer.Ordinal);
    private long stepsDone;

    /// <summary>Steps that were done, for tests and metrics.</summary>
    public long StepsDone => Interlocked.Read(ref stepsDone);

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                CancellationToken ended = await tools.Catalog.WaitForLeadershipAsync(cancel);
                using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancel, ended);
                await LeadAsync(leading.Token);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                tools.Log.LogInformation("the governor stops: this instance leads no more");
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception problem)
            {
                tools.Log.LogWarning(problem, "the governor begins anew");
                await tools.Time.WaitAsync(tools.Timings.StepRetry, CancellationToken.None);
            }
        }
    }

    private async Task LeadAsync(CancellationToken cancel)
    {
        tools.Ledger.BeginLeadership();
        tools.Desk.Clear();
        long since = tools.Time.GetTimestamp();
        try
        {
            long term = await TakeOfficeAsync(cancel);
            tools.Ledger.Open();
            tools.Log.LogInformation("{Self} governs with term {Term}", self, term);
            var execution = new StepExecution(tools, term);
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                Task change = tools.Desk.WaitForChangeAsync();
                ClusterModel model = ClusterModel.From(tools.Catalog.Image);
                Observations seen = Observe(model, since);
                Begin(model, seen, execution, cancel);
                await PauseAsync(model, Governor.LookAgainIn(model, seen, tools.Timings), change, cancel);
            }
        }
        finally
        {
            tools.Ledger.Close();
            await Task.WhenAll(running.Values.Select(Timing.QuietAsync));
            running.Clear();
            pausedUntil.Clear();
        }
    }

    /// <summary>Writes the governor's row; returns the Raft term.</summary>
    private async ValueTask<long> TakeOfficeAsync(CancellationToken cancel)
    {
        while (true)
        {
            long term = tools.Catalog.Term;
            ClusterModel model = ClusterModel.From(await tools.Catalog.ReadBarrierAsync(cancel));
            var proposal = new ProposalBuilder(model).PutProperty(GovernorKey, term).Build(tools.Chance.NextUuid());
            if ((await tools.Catalog.ProposeAsync(proposal, cancel)).IsApplied)
            {
                return term;
            }
        }
    }

    private Observations Observe(ClusterModel model, long since) => new(
        self,
        tools.Time.GetElapsedTime(since),
        tools.Desk.Look(),
        model.Replicasets.Keys.ToImmutableDictionary(name => name, tools.Ledger.LeftOn, StringComparer.Ordinal),
        tools.Voters.Voters);

    private void Begin(ClusterModel model, Observations seen, StepExecution execution, CancellationToken cancel)
    {
        long now = tools.Time.GetTimestamp();
        foreach (string done in running.Where(pair => pair.Value.IsCompleted).Select(pair => pair.Key).ToArray())
        {
            running.Remove(done);
        }

        foreach (GovernorStep step in Governor.NextSteps(model, seen, tools.Timings))
        {
            if (!running.ContainsKey(step.Subject) && (!pausedUntil.TryGetValue(step.Subject, out long until) || now >= until))
            {
                running[step.Subject] = DoAsync(execution, step, model, cancel);
            }
        }
    }

    private async Task DoAsync(StepExecution execution, GovernorStep step, ClusterModel model, CancellationToken cancel)
    {
        try
        {
            if (await execution.DoAsync(step, model, cancel))
            {
                Interlocked.Increment(ref stepsDone);
                pausedUntil.TryRemove(step.Subject, out _);
                if (complained.TryRemove(step.Subject, out _) || step is not GovernorStep.ConfirmVersions)
                {
                    tools.Log.LogInformation("governor: {Step}", step);
                }

                return;
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }
        catch (Exception problem)
        {
            if (complained.TryAdd(step.Subject, true))
            {
                tools.Log.LogWarning("governor: {Step} failed, it will be tried again: {Problem}", step, problem.Message);
            }
        }

        pausedUntil[step.Subject] = tools.Time.GetTimestamp() + (long)(tools.Timings.StepRetry.TotalSeconds * tools.Time.TimestampFrequency);
    }

    private async ValueTask PauseAsync(ClusterModel model, TimeSpan limit, Task change, CancellationToken cancel)
    {
        using var early = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task pause = tools.Time.WaitAsync(limit, early.Token).AsTask();
        Task image = tools.Catalog.WaitBeyondAsync(model.Image.Index, early.Token).AsTask();
        await Task.WhenAny([pause, image, change, .. running.Values.Where(task => !task.IsCompleted)]);
        await Task.Yield();
        early.Cancel();
        await Timing.QuietAsync(pause);
        await Timing.QuietAsync(image);
    }
}
