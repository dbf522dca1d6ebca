using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.PgWire;
using Picodata.Sql;

namespace Picodata.Server;

/// <summary>
/// Runs the SQL engine while this instance is primary, and only then: sessions of a deposed primary are ended before anything else happens to its data.
/// Calls come one at a time.
/// </summary>
/// <param name="open">Opens an engine on the present database.</param>
internal sealed class SqlOnPrimary(SwitchedEngine sessions, Func<CancellationToken, Task<SqlEngine>> open, ILogger log)
{
    private SqlEngine? engine;

    /// <summary>Doors whose sessions end with the engine; added when they are made.</summary>
    public List<PgConnectionService> Doors { get; } = [];

    public bool IsOpen => engine is not null;

    /// <summary>Brings the engine in line with the role. When opening fails the engine stays closed and the next call tries again.</summary>
    public async Task FollowAsync(bool isPrimary, CancellationToken cancel)
    {
        if (!isPrimary)
        {
            await CloseAsync("the instance is not primary of its replicaset any more");
            return;
        }

        if (engine is not null)
        {
            return;
        }

        try
        {
            engine = await open(cancel);
            sessions.Current = engine;
        }
        catch (Exception problem) when (problem is DbException or IOException)
        {
            log.LogWarning("sessions cannot run here yet: {Reason}", problem.Message);
        }
    }

    public async Task CloseAsync(string reason)
    {
        if (engine is not { } closing)
        {
            return;
        }

        sessions.Current = null;
        engine = null;
        await Task.WhenAll(Doors.Select(door => door.EndSessionsAsync(reason)));
        await closing.DisposeAsync();
    }
}
