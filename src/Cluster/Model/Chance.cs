namespace Picodata.Cluster;

/// <summary>Random numbers that were given from outside, so that a simulation repeats them. Thread-safe.</summary>
public sealed class Chance(Random random)
{
    private readonly Lock gate = new();

    /// <summary>A random UUID (version 4).</summary>
    public Guid NextUuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (gate)
        {
            random.NextBytes(bytes);
        }

        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>From 0 up to, without, 1.</summary>
    public double NextShare()
    {
        lock (gate)
        {
            return random.NextDouble();
        }
    }
}
