using System.Buffers.Binary;
using System.Numerics;

namespace Picodata.Storage.Files;

/// <summary>
/// The checksum of a block: CRC-32C (Castagnoli), reflected, with initial value 0 and no final inversion, over the payload
/// as it is stored.
/// </summary>
public static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> data) => Continue(0, data);

    /// <summary>The checksum of what gave <paramref name="crc"/> followed by <paramref name="data"/>.</summary>
    public static uint Continue(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (byte value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }
}
