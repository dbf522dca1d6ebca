using Picodata.Core;

namespace Picodata.Harness.Cluster;

/// <summary>
/// The network of a <see cref="SimulatedWorld"/>: delays drawn for every message, links that are cut in one or both directions. A cut link loses calls and messages, and
/// holds what is in streams back until it is mended. The death of a process ends its streams at the other side, unless the link is cut.
/// </summary>
public sealed class SimulatedNetwork(SimulatedWorld world)
{
    private sealed record Host(SimulatedProcess Process, IPeerService Service);

    private readonly Dictionary<string, Host> hosts = new(StringComparer.Ordinal);
    private readonly HashSet<(string From, string To)> cuts = [];
    private readonly Dictionary<(string From, string To), long> lastMessage = [];
    private readonly List<StreamEnd> open = [];

    public TimeSpan DelayMin { get; set; } = TimeSpan.FromMicroseconds(100);

    public TimeSpan DelayMax { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>The address answers from now on.</summary>
    public void Listen(string address, SimulatedProcess process, IPeerService service) => hosts[address] = new Host(process, service);

    /// <summary>The network as seen from an address.</summary>
    public IPeerNetwork From(string address, SimulatedProcess process) => new Face(this, address, process);

    public void Cut(string from, string to) => cuts.Add((from, to));

    public void Mend()
    {
        cuts.Clear();
        foreach (StreamEnd end in open.ToArray())
        {
            end.Release();
        }
    }

    public bool IsCut(string from, string to) => cuts.Contains((from, to));

    /// <summary>The process at an address was killed: its streams end.</summary>
    public void Died(string address, SimulatedProcess process)
    {
        if (hosts.TryGetValue(address, out Host? host) && host.Process == process)
        {
            hosts.Remove(address);
        }

        foreach (StreamEnd end in open.Where(end => end.Owner == process).ToArray())
        {
            end.Dispose();
        }
    }

    /// <summary>One message without answer, in order with others between the two; lost when the link is cut or the receiver is not there.</summary>
    public void Send(string from, string to, Action<SimulatedProcess> receive)
    {
        if (cuts.Contains((from, to)))
        {
            return;
        }

        long at = Math.Max(lastMessage.GetValueOrDefault((from, to)), world.Now + Delay().Ticks);
        lastMessage[(from, to)] = at;
        world.Schedule(TimeSpan.FromTicks(at - world.Now), null, () =>
        {
            if (!cuts.Contains((from, to)) && hosts.TryGetValue(to, out Host? host))
            {
                host.Process.Do(() => receive(host.Process), withContext: true);
            }
        });
    }

    private TimeSpan Delay() => DelayMin + world.Draw(DelayMax - DelayMin);

    private sealed class Face(SimulatedNetwork network, string address, SimulatedProcess process) : IPeerNetwork
    {
        public async ValueTask<ReadOnlyMemory<byte>> CallAsync(string to, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
        {
            var answer = new TaskCompletionSource<ReadOnlyMemory<byte>>(TaskCreationOptions.RunContinuationsAsynchronously);
            await using CancellationTokenRegistration registration = cancel.UnsafeRegister((_, token) => answer.TrySetCanceled(token), null);
            byte[] copy = arguments.ToArray();
            network.Travel(address, to, process, () => answer.TrySetException(new PeerException(PeerFailure.Unreachable, $"{to} does not listen")), host => host.Process.Start(async () =>
            {
                try
                {
                    ReadOnlyMemory<byte> result = (await host.Service.CallAsync(procedure, copy, CancellationToken.None)).ToArray();
                    network.Back(to, address, process, () => answer.TrySetResult(result));
                }
                catch (PeerException problem)
                {
                    network.Back(to, address, process, () => answer.TrySetException(new PeerException(PeerFailure.Refused, problem.Message, problem.Code)));
                }
                catch (Exception problem) when (problem is not OutOfMemoryException)
                {
                    network.Back(to, address, process, () => answer.TrySetException(new PeerException(PeerFailure.Refused, problem.Message)));
                }
            }));
            return await answer.Task;
        }

        public async ValueTask<Stream> OpenAsync(string to, string service, ReadOnlyMemory<byte> opening, CancellationToken cancel)
        {
            var answer = new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously);
            await using CancellationTokenRegistration registration = cancel.UnsafeRegister((_, token) => answer.TrySetCanceled(token), null);
            byte[] copy = opening.ToArray();
            network.Travel(address, to, process, () => answer.TrySetException(new PeerException(PeerFailure.Unreachable, $"{to} does not listen")), host =>
            {
                (StreamEnd here, StreamEnd there) = StreamEnd.Pair(network, (address, process), (to, host.Process));
                host.Process.Start(async () =>
                {
                    Task serving = host.Service.ServeAsync(service, copy, there, CancellationToken.None);
                    if (!serving.IsFaulted)
                    {
                        network.Back(to, address, process, () => answer.TrySetResult(here));
                    }

                    try
                    {
                        await serving;
                    }
                    catch (Exception problem) when (problem is not OutOfMemoryException)
                    {
                        network.Back(to, address, process, () => answer.TrySetException(new PeerException(PeerFailure.Refused, problem.Message, (problem as PeerException)?.Code ?? 0)));
                    }

                    there.Dispose();
                });
            });
            return await answer.Task;
        }
    }

    private void Travel(string from, string to, SimulatedProcess asker, Action absent, Action<Host> arrive)
    {
        if (cuts.Contains((from, to)))
        {
            return;
        }

        world.Schedule(Delay(), null, () =>
        {
            if (hosts.TryGetValue(to, out Host? host))
            {
                arrive(host);
            }
            else
            {
                Back(to, from, asker, absent);
            }
        });
    }

    private void Back(string from, string to, SimulatedProcess asker, Action arrive)
    {
        if (!cuts.Contains((from, to)))
        {
            world.Schedule(Delay(), asker, arrive);
        }
    }

    /// <summary>One end of a stream in memory.</summary>
    private sealed class StreamEnd : Stream
    {
        private readonly SimulatedNetwork network;
        private readonly Queue<byte[]> arrived = new();
        private readonly Queue<byte[]?> held = new();
        private StreamEnd other = null!;
        private string address = "";
        private TaskCompletionSource? reader;
        private byte[] current = [];
        private int position;
        private bool isEnded, isClosed;
        private long lastArrival;

        private StreamEnd(SimulatedNetwork network, SimulatedProcess owner)
        {
            this.network = network;
            Owner = owner;
        }

        public SimulatedProcess Owner { get; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public static (StreamEnd Here, StreamEnd There) Pair(SimulatedNetwork network, (string Address, SimulatedProcess Process) here, (string Address, SimulatedProcess Process) there)
        {
            var one = new StreamEnd(network, here.Process) { address = here.Address };
            var two = new StreamEnd(network, there.Process) { address = there.Address, other = one };
            one.other = two;
            network.open.Add(one);
            network.open.Add(two);
            return (one, two);
        }


        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (isClosed || isEnded)
            {
                throw new IOException("the stream is closed");
            }

            Transmit(buffer.ToArray());
            return ValueTask.CompletedTask;
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (position == current.Length && arrived.Count == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (isEnded || isClosed)
                {
                    return 0;
                }

                var waiting = reader = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister((_, token) => waiting.TrySetCanceled(token), null);
                await waiting.Task;
            }

            if (position == current.Length)
            {
                (current, position) = (arrived.Dequeue(), 0);
            }

            int count = Math.Min(buffer.Length, current.Length - position);
            current.AsSpan(position, count).CopyTo(buffer.Span);
            position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (!isClosed)
            {
                isClosed = true;
                Transmit(null);
                Forget();
                reader?.TrySetResult();
            }

            base.Dispose(disposing);
        }

        /// <summary>What a cut link held back goes on its way.</summary>
        public void Release()
        {
            while (!network.IsCut(address, other.address) && held.TryDequeue(out byte[]? piece))
            {
                Transmit(piece);
            }

            Forget();
        }

        private void Forget()
        {
            if (isClosed && held.Count == 0)
            {
                network.open.Remove(this);
            }
        }

        private void Transmit(byte[]? piece)
        {
            if (network.IsCut(address, other.address))
            {
                held.Enqueue(piece);
                return;
            }

            long at = lastArrival = Math.Max(lastArrival, network.World.Now + network.Delay().Ticks);
            network.World.Schedule(TimeSpan.FromTicks(at - network.World.Now), other.Owner, () => other.Receive(piece));
        }

        private void Receive(byte[]? piece)
        {
            if (piece is null)
            {
                isEnded = true;
            }
            else if (!isClosed)
            {
                arrived.Enqueue(piece);
            }

            reader?.TrySetResult();
        }
    }

    private SimulatedWorld World => world;
}
