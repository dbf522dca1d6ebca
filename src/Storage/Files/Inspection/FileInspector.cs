using Picodata.Core;

namespace Picodata.Storage.Files.Inspection;

/// <summary>What <c>picodata inspect</c> prints.</summary>
public sealed record InspectOptions
{
    /// <summary>JSON, one object a line, instead of text.</summary>
    public bool Json { get; init; }

    /// <summary>Rows are printed; else only headers, findings and the summary.</summary>
    public bool ShowRows { get; init; } = true;

    /// <summary>Only rows of these spaces (ids or names); empty means all.</summary>
    public IReadOnlyList<string> Spaces { get; init; } = [];
}

/// <summary>
/// Prints and verifies a file, or verifies a directory: every file by itself, then the chain: newest snapshot and
/// the logs behind it, their clocks, UUIDs and joins. Needs no server and changes nothing.
/// </summary>
public static class FileInspector
{
    /// <returns>0 when everything is in order (remarks allowed), 1 when there is damage, 2 when the path cannot be read.</returns>
    public static int Inspect(IFileSystem files, string path, InspectOptions options, TextWriter output) => throw new NotImplementedException();
}
