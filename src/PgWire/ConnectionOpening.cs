// The first messages of a connection: int32 length (counts itself), int32 code, body; no type byte.
//
//   80877103 SSLRequest     'S' and TLS begins, or 'N'; then a first message again
//   80877104 GSSENCRequest  'N'; then a first message again
//   80877102 CancelRequest  int32 process id, secret; acted upon, closed without an answer
//   3 << 16 | minor         start-up packet
//   first byte 0x16         a TLS handshake without a request; ALPN "postgresql" is then compulsory
//
// Invariants
// 1. Each request for encryption is answered once; a second one closes the connection.
// 2. Bytes in clear behind an SSLRequest that is granted close the connection: they would be taken for the TLS client's.
// 3. A length outside 8..10000 closes the connection without an answer: it is not our protocol.
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.Security;
using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>What the first messages came to: a start-up packet or a cancel request, over clear or encrypted pipes.</summary>
internal sealed class OpenedConnection
{
    public required PipeReader Input { get; init; }

    public required PipeWriter Output { get; init; }

    /// <summary>The TLS session, null in clear.</summary>
    public SslStream? Tls { get; init; }

    /// <summary>Null when it is a cancel request.</summary>
    public StartupPacket? Startup { get; init; }

    /// <summary>The start-up packet or cancel request as it came, for whoever passes it on.</summary>
    public required ReadOnlyMemory<byte> Packet { get; init; }

    /// <summary>Cancel request: whose statement.</summary>
    public int CancelProcessId { get; init; }

    /// <summary>Cancel request: the key that proves it.</summary>
    public byte[] CancelSecret { get; init; } = [];
}

/// <summary>Reads the first messages of a connection and upgrades it to TLS.</summary>
internal sealed class ConnectionOpening(IDuplexPipe transport, TlsAcceptor? tls)
{
    private const int SslRequest = 80877103;
    private const int GssEncRequest = 80877104;
    private const int CancelRequest = 80877102;
    private const int LongestPacket = 10_000;

    private PipeReader _input = transport.Input;
    private PipeWriter _output = transport.Output;
    private SslStream? _encrypted;
    private bool _askedTls;
    private bool _askedGss;

    /// <summary>The TLS session that was begun, also when opening failed later: the owner disposes it.</summary>
    public SslStream? Encrypted => _encrypted;

    /// <summary>Where an error can be written to at this moment.</summary>
    public PipeWriter Output => _output;

    /// <summary>Null: the connection is to be closed without a word.</summary>
    public async Task<OpenedConnection?> RunAsync(CancellationToken cancel)
    {
        while (true)
        {
            byte[]? packet = await ReadPacketAsync(cancel).ConfigureAwait(false);
            if (packet is null)
            {
                return null;
            }

            if (packet.Length == 0)
            {
                if (!await StartTlsAsync(direct: true, cancel).ConfigureAwait(false))
                {
                    return null;
                }

                continue;
            }

            int code = BinaryPrimitives.ReadInt32BigEndian(packet.AsSpan(4));
            switch (code)
            {
                case SslRequest:
                    if (_askedTls || !await AnswerTlsAsync(packet.Length, cancel).ConfigureAwait(false))
                    {
                        return null;
                    }

                    break;
                case GssEncRequest:
                    if (_askedGss || packet.Length != 8)
                    {
                        return null;
                    }

                    _askedGss = true;
                    await AnswerAsync((byte)'N', cancel).ConfigureAwait(false);
                    break;
                case CancelRequest:
                    return Cancellation(packet);
                default:
                    return Started(code, packet);
            }
        }
    }

    private OpenedConnection Started(int code, byte[] packet)
    {
        if (code >> 16 != 3)
        {
            throw FatalException.Of(SqlStates.FeatureNotSupported, $"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}: server supports 3.0 to 3.{StartupPacket.NewestMinor}");
        }

        StartupPacket startup = StartupPacket.Parse(code & 0xFFFF, packet.AsSpan(8));
        return new OpenedConnection { Input = _input, Output = _output, Tls = _encrypted, Packet = packet, Startup = startup };
    }

    private OpenedConnection? Cancellation(byte[] packet) => packet.Length is < 16 or > 12 + 256
        ? null
        : new OpenedConnection
        {
            Input = _input,
            Output = _output,
            Tls = _encrypted,
            Packet = packet,
            CancelProcessId = BinaryPrimitives.ReadInt32BigEndian(packet.AsSpan(8)),
            CancelSecret = packet[12..],
        };

    private async Task<bool> AnswerTlsAsync(int length, CancellationToken cancel)
    {
        _askedTls = true;
        if (length != 8 || _encrypted is not null)
        {
            return false;
        }

        if (tls is null)
        {
            await AnswerAsync((byte)'N', cancel).ConfigureAwait(false);
            return true;
        }

        if (_input.TryRead(out ReadResult early))
        {
            bool injected = !early.Buffer.IsEmpty;
            _input.AdvanceTo(early.Buffer.Start);
            if (injected)
            {
                return false;
            }
        }

        await AnswerAsync((byte)'S', cancel).ConfigureAwait(false);
        return await StartTlsAsync(direct: false, cancel).ConfigureAwait(false);
    }

    private async Task<bool> StartTlsAsync(bool direct, CancellationToken cancel)
    {
        _askedTls = true;
        _encrypted = await tls!.AcceptAsync(transport, cancel).ConfigureAwait(false);
        if (direct && _encrypted.NegotiatedApplicationProtocol != TlsAcceptor.Protocol)
        {
            return false;
        }

        _input = PipeReader.Create(_encrypted, new StreamPipeReaderOptions(bufferSize: 16 * 1024, leaveOpen: true));
        _output = PipeWriter.Create(_encrypted, new StreamPipeWriterOptions(minimumBufferSize: 16 * 1024, leaveOpen: true));
        return true;
    }

    private async Task AnswerAsync(byte answer, CancellationToken cancel)
    {
        _output.GetSpan(1)[0] = answer;
        _output.Advance(1);
        await _output.FlushAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>One packet with its length; empty for the start of a direct TLS handshake; null when this is not our protocol.</summary>
    private async Task<byte[]?> ReadPacketAsync(CancellationToken cancel)
    {
        while (true)
        {
            ReadResult result = await _input.ReadAsync(cancel).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = result.Buffer;
            if (IsDirectTls(buffer))
            {
                _input.AdvanceTo(buffer.Start);
                return [];
            }

            if (buffer.Length >= 4)
            {
                int length = LengthOf(buffer);
                if (length is < 8 or > LongestPacket)
                {
                    _input.AdvanceTo(buffer.End);
                    return null;
                }

                if (buffer.Length >= length)
                {
                    byte[] packet = buffer.Slice(0, length).ToArray();
                    _input.AdvanceTo(buffer.GetPosition(length));
                    return packet;
                }
            }

            _input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted || result.IsCanceled)
            {
                return null;
            }
        }
    }

    private bool IsDirectTls(ReadOnlySequence<byte> buffer) =>
        tls is not null && !_askedTls && !_askedGss && !buffer.IsEmpty && buffer.First.Span[0] == 0x16;

    private static int LengthOf(ReadOnlySequence<byte> buffer)
    {
        Span<byte> head = stackalloc byte[4];
        buffer.Slice(0, 4).CopyTo(head);
        return BinaryPrimitives.ReadInt32BigEndian(head);
    }
}
