// The iproto port: what instances say to each other. Framing, greeting and authentication are Tarantool's.
//
//   greeting   server -> client, 128 bytes: line 1 (64) "Tarantool 2.11.0 (Binary) <instance uuid>", line 2 (64) base64 of a
//              32-byte salt; both padded with spaces and ended by \n
//   frame      0xce uint32 length of the rest | header map | body map
//   header     0x00 request type or 0x8000|error code, 0x01 sync (number of the request, repeated in the answer)
//   AUTH 7     body 0x23 user, 0x21 ["chap-sha1", scramble]; scramble = sha1(p) xor sha1(salt[..20] + sha1(sha1(p)))
//   PING 64    empty body
//   CALL 10    body 0x22 procedure, 0x21 arguments (array); answer body 0x30 [value]; error body 0x31 message
//
// The first CALL of a connection is .proc_hello [cluster name or "" (a command), cluster uuid or ""] -> [cluster uuid or "", instance uuid, instance name]; nothing else is served before
// AUTH and hello. CALL .proc_open [service, opening] turns the connection into a stream: behind the answer both sides send
// plain bytes until one closes.
//
// Invariants
// 1. A frame longer than 256 MiB (64 KiB before hello), or one that is not MessagePack, ends the connection; so do ten seconds without hello.
// 2. Calls of one connection are served side by side; answers may come in any order, each with its sync.
// 3. The password never travels; the scramble is of one connection's salt.
using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary>Numbers and small pieces of the iproto protocol.</summary>
internal static class Iproto
{
    public const int GreetingSize = 128;
    public const int SaltSize = 32;
    public const int LongestFrame = 256 << 20;

    /// <summary>Longest frame from somebody who has not proved anything yet.</summary>
    public const int LongestGreetingFrame = 64 << 10;

    public const uint Ok = 0;
    public const uint Auth = 7;
    public const uint Call = 10;
    public const uint Ping = 64;
    public const uint ErrorBit = 0x8000;

    public const int RequestType = 0x00;
    public const int Sync = 0x01;
    public const int Tuple = 0x21;
    public const int Function = 0x22;
    public const int UserName = 0x23;
    public const int Data = 0x30;
    public const int ErrorText = 0x31;

    /// <summary>Error code of everything that has none of its own.</summary>
    public const int OtherError = 10000;

    /// <summary>User that instances act as.</summary>
    public const string ServiceUser = "pico_service";

    /// <summary>The 128 bytes that a server begins with.</summary>
    public static byte[] Greeting(Guid instance, ReadOnlySpan<byte> salt)
    {
        byte[] greeting = new byte[GreetingSize];
        greeting.AsSpan().Fill((byte)' ');
        Encoding.ASCII.GetBytes($"Tarantool 2.11.0 (Binary) {instance:D}", greeting);
        greeting[63] = (byte)'\n';
        Encoding.ASCII.GetBytes(Convert.ToBase64String(salt), greeting.AsSpan(64));
        greeting[127] = (byte)'\n';
        return greeting;
    }

    /// <summary>The salt of a greeting; throws <see cref="IOException"/> when it is none.</summary>
    public static byte[] SaltOf(ReadOnlySpan<byte> greeting)
    {
        string text = Encoding.ASCII.GetString(greeting[64..127]).TrimEnd();
        byte[] salt = new byte[SaltSize + 16];
        return greeting.StartsWith("Tarantool "u8) && Convert.TryFromBase64String(text, salt, out int length) && length >= 20
            ? salt[..length]
            : throw new IOException("the other side does not speak iproto (no greeting)");
    }

    /// <summary>Proof of knowing the password, 20 bytes.</summary>
    public static byte[] Scramble(string password, ReadOnlySpan<byte> salt)
    {
        // chap-sha1 is what the protocol has
#pragma warning disable CA5350
        byte[] once = SHA1.HashData(Encoding.UTF8.GetBytes(password));
        byte[] twice = SHA1.HashData(once);
        byte[] salted = new byte[40];
        salt[..20].CopyTo(salted);
        twice.CopyTo(salted, 20);
        byte[] mask = SHA1.HashData(salted);
#pragma warning restore CA5350
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] ^= once[i];
        }

        return mask;
    }

    /// <summary>One whole frame; <paramref name="body"/> writes the body's map.</summary>
    public static byte[] Frame(uint type, ulong sync, Action<MsgPackWriter> body)
    {
        var writer = new MsgPackWriter();
        writer.WriteUInt32Fixed(0);
        writer.WriteMapHead(2);
        writer.WriteUInt64(RequestType);
        writer.WriteUInt64(type);
        writer.WriteUInt64(Sync);
        writer.WriteUInt64(sync);
        body(writer);
        byte[] frame = writer.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)(frame.Length - 5));
        return frame;
    }

    /// <summary>Length of a frame's rest from its first five bytes; throws <see cref="IOException"/>.</summary>
    public static int LengthOf(ReadOnlySpan<byte> head, int longest)
    {
        uint length = BinaryPrimitives.ReadUInt32BigEndian(head[1..]);
        return head[0] == 0xce && length > 0 && length <= longest
            ? (int)length
            : throw new IOException("the other side sent something that is not an iproto frame");
    }

    /// <summary>Reads one frame's rest from a stream; null when the stream ended in front of it.</summary>
    public static async ValueTask<byte[]?> ReadFrameAsync(Stream stream, CancellationToken cancel, int longest = LongestFrame)
    {
        byte[] head = new byte[5];
        int got = await stream.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        if (got == 0)
        {
            return null;
        }

        if (got < 5)
        {
            throw new EndOfStreamException("the connection was closed in the middle of a frame");
        }

        byte[] frame = new byte[LengthOf(head, longest)];
        await stream.ReadExactlyAsync(frame, cancel).ConfigureAwait(false);
        return frame;
    }
}

/// <summary>What a frame says; spans point into its bytes.</summary>
internal readonly ref struct IprotoMessage
{
    private IprotoMessage(uint type, ulong sync, ReadOnlySpan<byte> function, ReadOnlySpan<byte> user, ReadOnlySpan<byte> tuple, ReadOnlySpan<byte> data, ReadOnlySpan<byte> error)
    {
        Type = type;
        Sync = sync;
        Function = function;
        User = user;
        Tuple = tuple;
        Data = data;
        Error = error;
    }

    public uint Type { get; }

    public ulong Sync { get; }

    /// <summary>UTF-8 of the procedure's name.</summary>
    public ReadOnlySpan<byte> Function { get; }

    public ReadOnlySpan<byte> User { get; }

    /// <summary>Arguments: a MessagePack array.</summary>
    public ReadOnlySpan<byte> Tuple { get; }

    /// <summary>Answer: a MessagePack array.</summary>
    public ReadOnlySpan<byte> Data { get; }

    public ReadOnlySpan<byte> Error { get; }

    /// <summary>Reads a frame's rest; unknown keys are skipped. Throws <see cref="IOException"/> for what is not a message.</summary>
    public static IprotoMessage Parse(ReadOnlySpan<byte> frame)
    {
        try
        {
            return Read(frame);
        }
        catch (Exception wrong) when (wrong is not (IOException or OutOfMemoryException))
        {
            throw new IOException($"the other side sent a malformed iproto message: {wrong.Message}", wrong);
        }
    }

    private static IprotoMessage Read(ReadOnlySpan<byte> frame)
    {
        var reader = new MsgPackReader(frame);
        uint type = 0;
        ulong sync = 0;
        for (int pairs = reader.ReadMapHead(); pairs > 0; pairs--)
        {
            switch (reader.ReadInt64())
            {
                case Iproto.RequestType:
                    type = reader.ReadUInt32();
                    break;
                case Iproto.Sync:
                    sync = reader.ReadUInt64();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        ReadOnlySpan<byte> function = default, user = default, tuple = default, data = default, error = default;
        for (int pairs = reader.AtEnd ? 0 : reader.ReadMapHead(); pairs > 0; pairs--)
        {
            switch (reader.ReadInt64())
            {
                case Iproto.Function:
                    function = reader.ReadStringBytes();
                    break;
                case Iproto.UserName:
                    user = reader.ReadStringBytes();
                    break;
                case Iproto.Tuple:
                    tuple = reader.ReadRaw();
                    break;
                case Iproto.Data:
                    data = reader.ReadRaw();
                    break;
                case Iproto.ErrorText:
                    error = reader.ReadStringBytes();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new IprotoMessage(type, sync, function, user, tuple, data, error);
    }
}
