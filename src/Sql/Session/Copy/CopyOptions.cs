using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Form of COPY data.</summary>
public enum CopyForm { Text, Csv, Binary }

/// <summary>First line of text and CSV data.</summary>
public enum CopyHeader { None, Present, Match }

/// <summary>
/// How COPY data is written, after PostgreSQL's options. Text: columns between delimiters, NULL as <c>\N</c>, backslash
/// escapes. CSV: quoted fields. Binary: PostgreSQL's <c>PGCOPY</c> stream.
/// </summary>
public sealed record CopyOptions
{
    public CopyForm Form { get; private init; }

    public byte Delimiter { get; private init; } = (byte)'\t';

    /// <summary>UTF-8 text that stands for NULL.</summary>
    public byte[] NullText { get; private init; } = "\\N"u8.ToArray();

    public byte Quote { get; private init; } = (byte)'"';

    public byte Escape { get; private init; } = (byte)'"';

    public CopyHeader Header { get; private init; }

    /// <summary>FORCE_QUOTE: quote every non-null field of CSV output.</summary>
    public bool ForceQuoteAll { get; init; }

    /// <summary>FORCE_NULL: fields whose NULL text counts also where it is quoted; shorter than the row: the rest does not.</summary>
    public IReadOnlyList<bool> ForceNull { get; init; } = [];

    /// <summary>FORCE_NOT_NULL: fields that are never NULL.</summary>
    public IReadOnlyList<bool> ForceNotNull { get; init; } = [];

    /// <summary>Checks the options as PostgreSQL does (0A000, 22023, 42601 with its texts) and fills in the defaults of the form.</summary>
    public static CopyOptions Create(CopyForm form, string? delimiter, string? nullText, string? quote, string? escape, CopyHeader header)
    {
        if (form == CopyForm.Binary && (delimiter ?? nullText) is not null)
        {
            throw new DbException(SqlStates.SyntaxError, $"cannot specify {(delimiter is null ? "NULL" : "DELIMITER")} in BINARY mode");
        }

        if (form == CopyForm.Binary && header != CopyHeader.None)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "cannot specify HEADER in BINARY mode");
        }

        if (form != CopyForm.Csv && (quote ?? escape) is not null)
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"COPY {(quote is null ? "escape" : "quote")} available only in CSV mode");
        }

        byte delimiterByte = OneByte("delimiter", delimiter, form == CopyForm.Csv ? ',' : '\t');
        if (delimiterByte is (byte)'\n' or (byte)'\r')
        {
            throw new DbException(SqlStates.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return");
        }

        if (form == CopyForm.Text && (char.IsAsciiLetterOrDigit((char)delimiterByte) || delimiterByte is (byte)'\\' or (byte)'.'))
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"COPY delimiter cannot be \"{(char)delimiterByte}\"");
        }

        nullText ??= form == CopyForm.Csv ? "" : "\\N";
        if (nullText.AsSpan().IndexOfAny('\n', '\r') >= 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "COPY null representation cannot use newline or carriage return");
        }

        byte quoteByte = OneByte("quote", quote, '"');
        if (form == CopyForm.Csv && quoteByte == delimiterByte)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "COPY delimiter and quote must be different");
        }

        return new CopyOptions
        {
            Form = form,
            Delimiter = delimiterByte,
            NullText = System.Text.Encoding.UTF8.GetBytes(nullText),
            Quote = quoteByte,
            Escape = OneByte("escape", escape, (char)quoteByte),
            Header = header,
        };
    }

    private static byte OneByte(string name, string? text, char otherwise)
    {
        if (text is null)
        {
            return (byte)otherwise;
        }

        return text.Length == 1 && text[0] < 0x80
            ? (byte)text[0]
            : throw new DbException(SqlStates.FeatureNotSupported, $"COPY {name} must be a single one-byte character");
    }
}
