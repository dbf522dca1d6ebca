using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// A network of its own for each instance, joined by a bridge that tests reach from outside: links between two instances are cut, in one direction or both,
/// without either of them being told. A cut is an entry in the sender's neighbour table that leads nowhere: what is sent is lost, as by a broken cable.
/// </summary>
internal sealed class NamespaceNetwork : IAsyncDisposable
{
    private const string Nowhere = "02:00:00:00:00:01";

    private static int networks = Environment.ProcessId;

    private readonly int number = Interlocked.Increment(ref networks) % 10_000;
    private readonly Dictionary<string, NetworkPlace> places = [];

    private string Bridge => $"pico{number}";

    /// <summary>By name of the instance.</summary>
    public IReadOnlyDictionary<string, NetworkPlace> Places => places;

    /// <summary>Makes the namespaces; skips the test where that is not allowed.</summary>
    public static async Task<NamespaceNetwork> CreateAsync(IEnumerable<string> names)
    {
        Peer.Require("ip");
        var network = new NamespaceNetwork();
        (int code, _, string refused) = await Peer.RunAsync("ip", ["link", "add", network.Bridge, "type", "bridge"]);
        if (code != 0)
        {
            Assert.Skip($"network namespaces cannot be made here: {refused.Trim()}");
        }

        try
        {
            await network.MakeAsync([.. names]);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the one sends does not reach the other any more; the way back stays.</summary>
    public Task CutAsync(string from, string to) =>
        IpAsync("-n", places[from].Namespace, "neigh", "replace", places[to].Address, "lladdr", Nowhere, "dev", "eth0", "nud", "permanent");

    /// <summary>Only instances of one group hear each other.</summary>
    public async Task PartitionAsync(IEnumerable<IReadOnlyCollection<string>> groups)
    {
        var all = groups.ToArray();
        foreach (string from in all.SelectMany(group => group))
        {
            foreach (string to in all.Where(group => !group.Contains(from)).SelectMany(group => group))
            {
                await CutAsync(from, to);
            }
        }
    }

    /// <summary>Everybody hears everybody again.</summary>
    public async Task HealAsync()
    {
        foreach (NetworkPlace place in places.Values)
        {
            await IpAsync("-n", place.Namespace, "neigh", "flush", "dev", "eth0", "nud", "permanent");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NetworkPlace place in places.Values)
        {
            await Peer.RunAsync("ip", ["netns", "del", place.Namespace]);
        }

        await Peer.RunAsync("ip", ["link", "del", Bridge]);
    }

    private async Task MakeAsync(string[] names)
    {
        string net = $"10.{100 + (number / 250 % 100)}.{number % 250}";
        await IpAsync("addr", "add", $"{net}.254/24", "dev", Bridge);
        await IpAsync("link", "set", Bridge, "up");
        for (int index = 0; index < names.Length; index++)
        {
            var place = new NetworkPlace($"{Bridge}-{index + 1}", $"{net}.{index + 1}");
            string outside = $"pv{number}-{index + 1}";
            await IpAsync("netns", "add", place.Namespace);
            places.Add(names[index], place);
            await IpAsync("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", place.Namespace);
            await IpAsync("link", "set", outside, "master", Bridge, "up");
            await IpAsync("-n", place.Namespace, "link", "set", "lo", "up");
            await IpAsync("-n", place.Namespace, "addr", "add", $"{place.Address}/24", "dev", "eth0");
            await IpAsync("-n", place.Namespace, "link", "set", "eth0", "up");
        }
    }

    private static async Task IpAsync(params string[] arguments)
    {
        (int code, _, string errors) = await Peer.RunAsync("ip", arguments);
        Assert.True(code == 0, $"ip {string.Join(' ', arguments)}: {errors}");
    }
}
