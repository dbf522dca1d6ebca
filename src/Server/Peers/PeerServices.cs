using System.Collections.Concurrent;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>
/// What this instance does for its peers, by name. Filled while the instance starts; what is not there yet is refused with Picodata's code
/// for an instance that is not initialised. Thread-safe.
/// </summary>
internal sealed class PeerServices : IPeerService
{
    private const int Uninitialized = 10024;

    private readonly ConcurrentDictionary<string, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>>> procedures = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<ReadOnlyMemory<byte>, Stream, CancellationToken, Task>> services = new(StringComparer.Ordinal);

    /// <summary>Serves calls of a procedure from now on, in place of whoever served them before.</summary>
    public void Add(string procedure, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> act) => procedures[procedure] = act;

    /// <summary>Serves streams of a service from now on, in place of whoever served them before.</summary>
    public void AddService(string service, Func<ReadOnlyMemory<byte>, Stream, CancellationToken, Task> serve) => services[service] = serve;

    public ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) =>
        procedures.TryGetValue(procedure, out var act) ? act(arguments, cancel) : throw Unknown(procedure);

    public Task ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) =>
        services.TryGetValue(service, out var serve) ? serve(opening, stream, cancel) : throw Unknown(service);

    private static PeerException Unknown(string name) =>
        new(PeerFailure.Refused, $"\"{name}\" is not served by this instance: it is starting, or of another version", Uninitialized);
}
