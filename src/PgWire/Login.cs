// Authentication: AuthenticationRequest messages (R, int32 kind) and answers (p).
//
//   md5    R 5 salt                              p "md5..."
//   scram  R 10 mechanisms   p mechanism, data   R 11 data   p data   R 12 data
//
// Invariants
// 1. A wrong password, an unknown user and a locked one all end in the same answer, after the whole exchange.
// 2. The content of p messages is never logged.
using System.Security.Cryptography;
using System.Text;
using Picodata.Core;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>Lets a client prove who it is.</summary>
/// <param name="read">Gives the body of the next p message.</param>
internal sealed class Login(ISqlEngine engine, FrameWriter writer, Func<ValueTask<ReadOnlyMemory<byte>>> read)
{
    /// <summary>Returns when the user is proved; 28P01 or 28000 else.</summary>
    /// <param name="binding">Channel-binding data when the connection is encrypted, else null.</param>
    public async Task AuthenticateAsync(string user, byte[]? binding)
    {
        AuthenticationRequirement requirement = engine.GetAuthentication(user);
        bool proved = requirement.Method switch
        {
            AuthenticationMethod.Md5 => await Md5Async(requirement.Secret).ConfigureAwait(false),
            AuthenticationMethod.ScramSha256 => await ScramAsync(requirement.Secret, binding).ConfigureAwait(false),
            _ => throw FatalException.Of(SqlStates.InvalidAuthorizationSpecification, requirement.Secret),
        };
        engine.AuthenticationFinished(user, proved);
        if (!proved)
        {
            throw FatalException.Of(SqlStates.InvalidPassword, $"password authentication failed for user \"{user}\"");
        }
    }

    private async Task<bool> Md5Async(string stored)
    {
        byte[] salt = RandomNumberGenerator.GetBytes(4);
        Request(5, salt);
        await writer.FlushAsync().ConfigureAwait(false);
        ReadOnlyMemory<byte> answer = await read().ConfigureAwait(false);
        return Check(answer.Span);

        bool Check(ReadOnlySpan<byte> body)
        {
            var parser = new MessageParser(body);
            ReadOnlySpan<byte> password = parser.CStringBytes();
            parser.End();
            return Md5Password.Fits(stored, salt, password);
        }
    }

    private async Task<bool> ScramAsync(string secret, byte[]? binding)
    {
        ScramVerifier verifier = ScramVerifier.TryParse(secret)
            ?? throw new InvalidOperationException("the engine gave a SCRAM verifier that is not one");
        var exchange = new ScramExchange(verifier, binding);
        writer.Begin((byte)'R');
        writer.Int32(10);
        if (binding is not null)
        {
            writer.CString(ScramExchange.MechanismPlus);
        }

        writer.CString(ScramExchange.Mechanism);
        writer.Byte(0);
        writer.End();
        await writer.FlushAsync().ConfigureAwait(false);

        (string mechanism, string first) = Initial((await read().ConfigureAwait(false)).Span);
        Request(11, Encoding.UTF8.GetBytes(exchange.First(mechanism, first)));
        await writer.FlushAsync().ConfigureAwait(false);

        string? final = exchange.Final(MessageParser.Utf8((await read().ConfigureAwait(false)).Span));
        if (final is not null)
        {
            Request(12, Encoding.UTF8.GetBytes(final));
        }

        return final is not null;
    }

    private static (string Mechanism, string Data) Initial(ReadOnlySpan<byte> body)
    {
        var parser = new MessageParser(body);
        string mechanism = parser.CString();
        int length = parser.Int32();
        if (length < 0)
        {
            throw FatalException.Protocol("malformed SASL message (no initial response)");
        }

        string data = MessageParser.Utf8(parser.Take(length));
        parser.End();
        return (mechanism, data);
    }

    private void Request(int kind, ReadOnlySpan<byte> data)
    {
        writer.Begin((byte)'R');
        writer.Int32(kind);
        writer.Bytes(data);
        writer.End();
    }
}
