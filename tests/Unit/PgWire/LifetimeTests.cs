using Picodata.Core;
using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class LifetimeTests
{
    private readonly FakeEngine _engine = new();

    private static readonly PgWireOptions Trusting = new() { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero };

    private async Task<WireClient> LogInAsync(PgConnectionService service)
    {
        WireClient client = WireClient.Connect(service);
        await client.AskAsync(new Frames().Startup("u"));
        return client;
    }

    [Fact]
    public async Task Shutdown_tells_idle_and_busy_clients_and_waits_for_them()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting);
        await using WireClient idle = await LogInAsync(service);
        await using WireClient busy = await LogInAsync(service);
        await busy.SendAsync(new Frames().Query("sleep"));
        await _engine.Sessions[1].Sleeping.Task;
        Assert.Equal(2, service.ConnectionCount);
        await service.ShutdownAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10));
        foreach (WireClient client in new[] { idle, busy })
        {
            ServerMessage farewell = Assert.Single(await client.UntilClosedAsync());
            Assert.Equal(("FATAL", "57P01"), (farewell.Fields['S'], farewell.SqlState));
        }

        Assert.Equal(0, service.ConnectionCount);
        Assert.All(_engine.Sessions, session => Assert.True(session.IsDisposed));
        await using WireClient late = WireClient.Connect(service);
        Assert.Equal("57P03", Assert.Single(await late.UntilClosedAsync()).SqlState);
    }

    [Fact]
    public async Task One_session_can_be_terminated()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting);
        await using WireClient one = await LogInAsync(service);
        await using WireClient two = await LogInAsync(service);
        Assert.True(service.Terminate(_engine.Sessions[0].ProcessId));
        Assert.Equal("57P01", Assert.Single(await one.UntilClosedAsync()).SqlState);
        await one.Served;
        Assert.False(service.Terminate(_engine.Sessions[0].ProcessId));
        Assert.Equal("TDCZ", WireClient.Types(await two.AskAsync(new Frames().Query("rows 1"))));
    }

    [Fact]
    public async Task The_session_may_end_its_connection_itself()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting);
        await using WireClient client = await LogInAsync(service);
        _engine.Sessions[0].End(new DbException("57P04", "gone"));
        Assert.Equal("57P04", Assert.Single(await client.UntilClosedAsync()).SqlState);
    }

    [Fact]
    public async Task Idle_limits_end_sessions_by_their_state()
    {
        var time = new ManualTime();
        PgConnectionService service = WireClient.Service(_engine, Trusting, time);
        await using WireClient idle = await LogInAsync(service);
        await using WireClient open = await LogInAsync(service);
        _engine.Sessions[0].IdleTimeLimit = _engine.Sessions[1].IdleTimeLimit = TimeSpan.FromSeconds(5);
        await idle.AskAsync(new Frames().Query("rows 1"));
        await open.AskAsync(new Frames().Query("begin"));
        await time.UntilTimersAsync(2);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("57P05", Assert.Single(await idle.UntilClosedAsync()).SqlState);
        Assert.Equal("25P03", Assert.Single(await open.UntilClosedAsync()).SqlState);
    }

    [Fact]
    public async Task A_login_has_a_deadline()
    {
        var time = new ManualTime();
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { LostClientGrace = TimeSpan.Zero }, time);
        await using WireClient silent = WireClient.Connect(service);
        await using WireClient halfway = WireClient.Connect(service);
        await halfway.SendAsync(new Frames().Startup("scram"));
        await halfway.ExpectAsync("R");
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("FATAL", Assert.Single(await silent.UntilClosedAsync()).Fields['S']);
        Assert.Equal("FATAL", Assert.Single(await halfway.UntilClosedAsync()).Fields['S']);
    }

    [Fact]
    public async Task Surplus_sessions_are_refused_and_slots_come_back()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting with { MaxConnections = 1 });
        WireClient first = await LogInAsync(service);
        await using (WireClient second = WireClient.Connect(service))
        {
            await second.SendAsync(new Frames().Startup("u"));
            Assert.Equal("53300", Assert.Single(await second.UntilClosedAsync()).SqlState);
        }

        await first.DisposeAsync();
        await using WireClient third = await LogInAsync(service);
    }

    [Fact]
    public async Task Surplus_logins_are_refused_and_do_not_touch_sessions()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting with { MaxPendingLogins = 1 });
        await using WireClient session = await LogInAsync(service);
        await using WireClient pending = WireClient.Connect(service);
        await using WireClient surplus = WireClient.Connect(service);
        Assert.Equal("53300", Assert.Single(await surplus.UntilClosedAsync()).SqlState);
        Assert.Equal("TDCZ", WireClient.Types(await session.AskAsync(new Frames().Query("rows 1"))));
        await pending.AskAsync(new Frames().Startup("u"));
    }

    [Fact]
    public async Task A_lost_client_ends_its_statement()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting);
        await using WireClient client = await LogInAsync(service);
        await client.SendAsync(new Frames().Query("sleep"));
        await _engine.Sessions[0].Sleeping.Task;
        await client.CloseAsync();
        await client.Served.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(_engine.Sessions[0].IsDisposed);
    }

    [Fact]
    public async Task What_was_sent_before_a_quick_close_is_still_done()
    {
        PgConnectionService service = WireClient.Service(_engine, Trusting with { LostClientGrace = TimeSpan.FromSeconds(30) });
        await using WireClient client = await LogInAsync(service);
        await client.SendAsync(new Frames().Query("copyin").CopyData("a\n").Message('c').Message('X'));
        await client.CloseAsync();
        await client.Served.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("a\n", _engine.Sessions[0].Copied.ToString());
    }
}

/// <summary>A clock that goes when it is told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly List<ManualTimer> _timers = [];
    private DateTimeOffset _now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state), dueTime == Timeout.InfiniteTimeSpan ? DateTimeOffset.MaxValue : _now + dueTime);
        lock (_timers)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    /// <summary>Waits until at least so many timers are set.</summary>
    public async Task UntilTimersAsync(int count)
    {
        while (true)
        {
            lock (_timers)
            {
                if (_timers.Count >= count)
                {
                    return;
                }
            }

            await Task.Yield();
        }
    }

    public void Advance(TimeSpan by)
    {
        List<ManualTimer> due;
        lock (_timers)
        {
            _now += by;
            due = _timers.FindAll(timer => timer.Due <= _now);
            _timers.RemoveAll(due.Contains);
        }

        due.ForEach(timer => timer.Fire());
    }

    private sealed class ManualTimer(ManualTime owner, Action fire, DateTimeOffset due) : ITimer
    {
        public DateTimeOffset Due => due;

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose()
        {
            lock (owner._timers)
            {
                owner._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
