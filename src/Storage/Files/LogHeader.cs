using System.Globalization;
using System.Text;

namespace Picodata.Storage.Files;

/// <summary>
/// The text at the start of a file, lines ended by one line feed, closed by an empty line:
/// <code>
/// SNAP                                  or XLOG
/// 0.13                                  or 0.12 when reading
/// Version: 2.6.0-0-g47aa4e01e           free text, not looked at
/// Instance: 11111111-2222-4333-8444-555555555555     ("Server" in old files)
/// VClock: {1: 4}
/// PrevVClock: {}                        logs only, when there was a log before
/// </code>
/// Keys are read in any order, unknown ones skipped.
/// </summary>
/// <param name="Kind">Snapshot or log.</param>
/// <param name="Instance">UUID of the instance; empty when the file has none.</param>
/// <param name="VClock">Snapshot: the state it holds. Log: the state before its first row.</param>
/// <param name="PrevVClock">VClock of the log before, or null.</param>
/// <param name="Version">Version of the program that wrote the file.</param>
public sealed record LogHeader(LogFileKind Kind, Guid Instance, VClock VClock, VClock? PrevVClock = null, string Version = LogHeader.OwnVersion)
{
    /// <summary>What this program calls itself in files.</summary>
    public const string OwnVersion = "picodata.net-0.1.0";

    /// <summary>The empty line must be within so many bytes.</summary>
    public const int MaxLength = 1858;

    /// <summary>The second line: 0.12 or 0.13.</summary>
    public string FormatVersion { get; init; } = "0.13";

    /// <summary>False when the file has no VClock line.</summary>
    public bool HasVClock { get; init; } = true;

    /// <summary>Lines with keys that are not known, as they stand.</summary>
    public IReadOnlyList<string> UnknownLines { get; init; } = [];

    /// <summary>The bytes of the header, the empty line included.</summary>
    public byte[] Encode()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{TypeName(Kind)}\n0.13\nVersion: {Version}\nInstance: {Instance:D}\nVClock: {VClock}\n");
        if (PrevVClock is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"PrevVClock: {PrevVClock}\n");
        }

        return Encoding.UTF8.GetBytes(text.Append('\n').ToString());
    }

    /// <summary>Reads a header from the first bytes of a file.</summary>
    /// <param name="start">The first <see cref="MaxLength"/> bytes, or all there are.</param>
    /// <param name="kind">What the file should be.</param>
    /// <param name="length">Bytes of the header with its empty line.</param>
    /// <param name="problem">What is wrong, null when the result is true.</param>
    public static bool TryParse(ReadOnlySpan<byte> start, LogFileKind kind, out LogHeader header, out int length, out LogProblem? problem)
    {
        header = new LogHeader(kind, Guid.Empty, VClock.Empty) { HasVClock = false };
        start = start[..Math.Min(start.Length, MaxLength)];
        length = start.IndexOf("\n\n"u8) + 2;
        problem = length < 2
            ? new LogProblem(DamageKinds.MetaTruncated, 0, "a text header that ends with an empty line", $"no empty line in the first {start.Length} bytes", true)
            : null;
        for (int at = 0, line = 1; problem is null && at < length - 1; line++)
        {
            int end = start[at..].IndexOf((byte)'\n');
            problem = header.ReadLine(line, Encoding.UTF8.GetString(start.Slice(at, end)), at, out header);
            at += end + 1;
        }

        return problem is null;
    }

    private static string TypeName(LogFileKind kind) => kind == LogFileKind.Snap ? "SNAP" : "XLOG";

    private LogProblem? ReadLine(int line, string text, int offset, out LogHeader header)
    {
        header = this;
        switch (line)
        {
            case 1:
                return text == TypeName(Kind) ? null : Problem(DamageKinds.MetaBadType, TypeName(Kind), text);
            case 2:
                header = this with { FormatVersion = text };
                return text is "0.12" or "0.13" ? null : Problem(DamageKinds.MetaBadVersion, "format version 0.12 or 0.13", text);
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return Problem(DamageKinds.MetaBadLine, "a header line 'key: value'", text);
        }

        string value = text[(colon + 1)..].Trim(' ', '\t');
        switch (text[..colon])
        {
            case "Version":
                header = this with { Version = value };
                return null;
            case "Instance" or "Server":
                header = this with { Instance = Guid.TryParseExact(value, "D", out Guid uuid) ? uuid : Guid.Empty };
                return Guid.TryParseExact(value, "D", out _) ? null : Problem(DamageKinds.MetaBadUuid, "a UUID", value);
            case "VClock" or "PrevVClock":
                bool valid = VClock.TryParse(value, out VClock clock);
                header = text[0] == 'V' ? this with { VClock = clock, HasVClock = true } : this with { PrevVClock = clock };
                return valid ? null : Problem(DamageKinds.MetaBadVClock, "a vector clock such as {1: 4}", value);
            default:
                header = this with { UnknownLines = [.. UnknownLines, text] };
                return null;
        }

        LogProblem Problem(string kind, string expected, string found) => new(kind, offset, expected, $"'{found}'", true);
    }
}
