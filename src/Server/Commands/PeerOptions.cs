using System.CommandLine;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>The options by which a command reaches an instance: <c>--peer</c>, a password file, a time limit (sections 1.3 and 1.4).</summary>
internal sealed class PeerOptions
{
    private readonly Option<string?> peer = new("--peer") { HelpName = "[USER@]HOST:PORT", Description = "iproto address of any instance [default: 127.0.0.1:3301] [env: PICODATA_PEER]" };
    private readonly Option<string?> passwordFile;
    private readonly Option<double?> timeout;
    private readonly string passwordVariable;
    private readonly double defaultSeconds;

    /// <param name="passwordFlag">Name of the flag of the password file.</param>
    /// <param name="passwordVariable">Environment variable of the same.</param>
    public PeerOptions(Command command, string passwordFlag, string passwordVariable, double defaultSeconds)
    {
        this.passwordVariable = passwordVariable;
        this.defaultSeconds = defaultSeconds;
        passwordFile = new Option<string?>(passwordFlag) { HelpName = "PATH", Description = $"File with the password of pico_service, as {ServiceCookie.FileName} [env: {passwordVariable}]" };
        timeout = new Option<double?>("--timeout", "-t") { HelpName = "SECONDS", Description = $"Give up after this time [default: {defaultSeconds}] [env: PICODATA_CONNECT_TIMEOUT]" };
        command.Options.Add(peer);
        command.Options.Add(passwordFile);
        command.Options.Add(timeout);
    }

    /// <summary>Calls one procedure and gives its answer. What goes wrong is a <see cref="ConfigException"/> with the peer's address.</summary>
    public async Task<ReadOnlyMemory<byte>> CallAsync(ParseResult parsed, string procedure, Func<TimeSpan, byte[]> arguments, CancellationToken cancel)
    {
        string address = AddressOf(parsed.GetValue(peer) ?? Environment.GetEnvironmentVariable("PICODATA_PEER") ?? "127.0.0.1:3301");
        TimeSpan time = TimeSpan.FromSeconds(parsed.GetValue(timeout) ?? Seconds(Environment.GetEnvironmentVariable("PICODATA_CONNECT_TIMEOUT")) ?? defaultSeconds);
        string password = await PasswordAsync(parsed, cancel);
        using var limit = new CancellationTokenSource(time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            await using PeerLine line = await PeerLine.ConnectAsync(address, password, PeerIdentity.Tool, either.Token);
            line.Listen();
            return await line.CallAsync(procedure, arguments(time), either.Token);
        }
        catch (PeerException failed)
        {
            throw new ConfigException(failed.Failure == PeerFailure.Refused ? failed.Message : $"{address}: {failed.Message}");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new ConfigException($"{address} did not answer within {time.TotalSeconds} s");
        }
    }

    private async Task<string> PasswordAsync(ParseResult parsed, CancellationToken cancel)
    {
        if ((parsed.GetValue(passwordFile) ?? Environment.GetEnvironmentVariable(passwordVariable)) is { } file)
        {
            return ServiceCookie.Check(await File.ReadAllTextAsync(file, cancel));
        }

        if (Console.IsInputRedirected)
        {
            return "";
        }

        Console.Error.Write($"Enter password for {Iproto.ServiceUser}: ");
        return Secret.Read();
    }

    private static string AddressOf(string text)
    {
        int at = text.IndexOf('@');
        if (at >= 0 && text[..at] != Iproto.ServiceUser)
        {
            throw new ConfigException($"user \"{text[..at]}\" cannot be used here: instances know {Iproto.ServiceUser} only");
        }

        return text[(at + 1)..];
    }

    private static double? Seconds(string? text) => double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out double seconds) ? seconds : null;
}

/// <summary>Reads a password from the terminal without showing it.</summary>
internal static class Secret
{
    public static string Read()
    {
        var text = new System.Text.StringBuilder();
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    Console.Error.WriteLine();
                    return text.ToString();
                case ConsoleKey.Backspace when text.Length > 0:
                    text.Length--;
                    break;
                default:
                    if (key.KeyChar >= ' ')
                    {
                        text.Append(key.KeyChar);
                    }

                    break;
            }
        }
    }
}
