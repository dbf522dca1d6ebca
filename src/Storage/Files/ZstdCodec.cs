using System.Buffers;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Picodata.Storage.Files;

/// <summary>Why a compressed payload could not be unpacked.</summary>
public enum UnpackResult { Done, BadFrame, TooLarge }

/// <summary>
/// zstd as the files have it. Writing: frames without content size and checksum. Reading: any valid frames, several in one
/// payload, unpacked as a stream, because frames do not tell their size. Used by one thread at a time.
/// </summary>
public sealed class ZstdCodec : IDisposable
{
    /// <summary>Level of compression that Tarantool uses.</summary>
    public const int DefaultLevel = 3;

    // a frame may ask for a window of so many bytes (2^x) at most; Tarantool writes 2^21
    private const int MaxWindowLog = 25;

    private readonly int level;
    private Compressor? compressor;
    private Decompressor? decompressor;

    public ZstdCodec(int level = DefaultLevel) => this.level = level;

    /// <summary>Appends the compressed form of <paramref name="payload"/>.</summary>
    public void Compress(ReadOnlySpan<byte> payload, IBufferWriter<byte> target)
    {
        compressor ??= CreateCompressor();
        Span<byte> room = target.GetSpan(Compressor.GetCompressBound(payload.Length));
        target.Advance(compressor.Wrap(payload, room));
    }

    /// <summary>Appends what <paramref name="frames"/> hold.</summary>
    /// <param name="limit">Most bytes that may come out.</param>
    public UnpackResult Decompress(ReadOnlySpan<byte> frames, MsgPackWriter target, long limit)
    {
        decompressor ??= CreateDecompressor();
        decompressor.ResetStream();
        long left = limit;
        OperationStatus status = OperationStatus.NeedMoreData;
        try
        {
            while (true)
            {
                Span<byte> room = target.GetSpan((int)Math.Min(Math.Max(frames.Length * 3L, 4096), 1 << 20));
                status = decompressor.UnwrapStream(frames, room, out int consumed, out int written);
                frames = frames[consumed..];
                target.Advance(written);
                left -= written;
                if (left < 0)
                {
                    return UnpackResult.TooLarge;
                }

                if (frames.IsEmpty && status == OperationStatus.Done)
                {
                    return UnpackResult.Done;
                }

                if (status == OperationStatus.InvalidData || (consumed == 0 && written == 0))
                {
                    return UnpackResult.BadFrame;
                }
            }
        }
        catch (ZstdException)
        {
            return UnpackResult.BadFrame;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        compressor?.Dispose();
        decompressor?.Dispose();
    }

    private Compressor CreateCompressor()
    {
        var created = new Compressor(level);
        created.SetParameter(ZSTD_cParameter.ZSTD_c_contentSizeFlag, 0);
        created.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 0);
        return created;
    }

    private static Decompressor CreateDecompressor()
    {
        var created = new Decompressor();
        created.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
        return created;
    }
}
