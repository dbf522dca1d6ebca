using System.Globalization;

namespace Picodata.Storage.Files;

/// <summary>The two kinds of files of a directory.</summary>
public enum LogFileKind : byte
{
    /// <summary><c>*.snap</c>: the state at its signature.</summary>
    Snap,

    /// <summary><c>*.xlog</c>: changes behind its signature.</summary>
    Xlog,
}

/// <summary>Names: signature in 20 digits, then <c>.snap</c> or <c>.xlog</c>.</summary>
public static class LogFileName
{
    /// <summary>Added to the name of a file that is being made; such files are never read.</summary>
    public const string InProgress = ".inprogress";

    public static string Extension(LogFileKind kind) => kind == LogFileKind.Snap ? ".snap" : ".xlog";

    public static string Of(LogFileKind kind, long signature) => signature.ToString("D20", CultureInfo.InvariantCulture) + Extension(kind);

    /// <summary>
    /// True for the name of a finished or live file: everything from the first dot on is the extension and the part
    /// before is a decimal number, normally of 20 digits. Other files of a directory are none of ours.
    /// </summary>
    /// <param name="isCanonical">False when the number does not have exactly 20 digits; such a file must be refused.</param>
    public static bool TryParse(string name, out LogFileKind kind, out long signature, out bool isCanonical)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        string extension = dot < 0 ? "" : name[dot..];
        kind = extension == ".snap" ? LogFileKind.Snap : LogFileKind.Xlog;
        signature = 0;
        isCanonical = dot == 20;
        return extension is ".snap" or ".xlog"
            && long.TryParse(name.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out signature);
    }
}
