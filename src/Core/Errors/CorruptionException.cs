namespace Picodata.Core;

/// <summary>Bytes on disk that are not what they should be. The file is not used; nothing is guessed.</summary>
public sealed class CorruptionException : Exception
{
    /// <param name="kind">Class of damage, a word in capitals such as <c>BLOCK_BAD_CRC</c>.</param>
    /// <param name="file">Path of the file.</param>
    /// <param name="offset">Byte offset in the file where the damage was noticed, -1 when the whole file is meant.</param>
    /// <param name="expected">What should be there.</param>
    /// <param name="found">What is there.</param>
    /// <param name="hint">What the administrator can do.</param>
    public CorruptionException(string kind, string file, long offset, string expected, string found, string hint)
        : base($"{kind}: {file}{(offset >= 0 ? $" at offset {offset}" : "")}: expected {expected}, found {found}; {hint}")
    {
        Kind = kind;
        File = file;
        Offset = offset;
        Expected = expected;
        Found = found;
        Hint = hint;
    }

    /// <summary>Class of damage, a word in capitals such as <c>BLOCK_BAD_CRC</c>.</summary>
    public string Kind { get; }

    /// <summary>Path of the damaged file.</summary>
    public string File { get; }

    /// <summary>Byte offset, -1 when the whole file is meant.</summary>
    public long Offset { get; }

    /// <summary>What should be there.</summary>
    public string Expected { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }

    /// <summary>What the administrator can do.</summary>
    public string Hint { get; }
}
